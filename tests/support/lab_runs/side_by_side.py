"""Start the process that runs scenarios several at a time, and wait for its outcomes."""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from probe.followups.run_flows.media_pairs import DISTURBED
from probe.lab.run import Finished
from probe.lab.scenario.expectations import NETWORK, Difference, Expectation
from probe.lab.scenario.scenario import Scenario
from probe.lab.scenario.scenario_keys import PathKeys, RunKeys
from probe.lab.scoring.score import ACCUSING

RUNNER = "tests.support.lab_runs.runner"
WANTED = "wanted.json"
OUTCOME = "outcome.json"
DOUBTFUL = "doubtful.json"  # an outcome that does not count yet, because the run is repeated
EARLIER_RUNS = "earlier-runs"  # folder with the runs that were repeated, by number of the repetition


def without_interference(scenario: Scenario) -> Scenario:
    """Return the scenario without censors, faults, path keys and run keys. Every service is expected to be ok.

    No verdict about the network is expected, because it depends on what was tested.

    `[helper]` stays: an absent or false helper must not change the state of a working service.
    """
    expect = {"default": Expectation(state="ok", mechanisms=[])}
    return replace(scenario, censors=(), faults=(), path=PathKeys(), run=RunKeys(), expect=expect, expect_network=None)


def accuses_falsely(differences: Iterable[Difference]) -> bool:
    """Return whether one of them accuses a service without interference, or claims a rule of the network."""
    return any(_accuses(each) or _claims(each) for each in differences)


def _claims(difference: Difference) -> bool:
    return difference.service == NETWORK and (difference.key, difference.found) != ("regime", "unknown")


def _accuses(difference: Difference) -> bool:
    expected = set(difference.expected.split(", "))
    return difference.key == "state" and difference.found in ACCUSING and ACCUSING.isdisjoint(expected)


def disturbed_packets(folder: Path) -> list[Difference]:
    """Return what the measurements in `folder` say of call packets that this computer or a slow line disturbed."""
    lines = (line for path in folder.rglob("*.jsonl") for line in path.read_text().splitlines())
    found = {json.loads(line)["test_keys"].get("x_run", {}).get("media") for line in lines} & DISTURBED
    return [Difference("call packets", "media", "measured", each) for each in sorted(found)]


@dataclass(frozen=True)
class LabRun:
    """Describe one run: a bundled scenario, a seed, `bare` for no interference, further options of `probe run`."""

    name: str
    seed: int = 0
    bare: bool = False
    options: tuple[str, ...] = ()

    def folder(self, root: Path) -> Path:
        """Return the folder below `root` for the results of this run."""
        parts = [self.name, str(self.seed), "bare" if self.bare else "whole", *self.options]
        return root / "-".join(part.strip("-").replace("/", "_") for part in parts)


@dataclass(frozen=True)
class LabOutcome:
    """Hold the outcome of a run. `folder` has its results and `home.pcap`, the packets at the home router."""

    finished: Finished
    folder: Path


def repetitions(root: Path) -> Iterator[str]:
    """Yield a sentence for each run below `root` that was repeated."""
    for path in sorted((root / EARLIER_RUNS).glob(f"*/*/{DOUBTFUL}")):
        rows = [Difference(**row) for row in json.loads(path.read_text())["differences"]]
        found = ", ".join(f"{row.service}: {row.key} {row.found} in place of {row.expected}" for row in rows)
        yield f"The lab's run {path.parent.name} was repeated alone. Its run before had differences ({found})."


class SideBySide:
    """Start the wanted runs in order, or join a process that another test process has started."""

    def __init__(self, root: Path, process: "subprocess.Popen[bytes] | None" = None) -> None:
        self._root, self._process = root, process

    @classmethod
    def start(cls, wanted: list[LabRun], root: Path, *, ends_with: int | None = None) -> "SideBySide":
        """Start the process that runs everything wanted and writes the outcomes below `root`.

        It ends with the process `ends_with`, by default with this one.
        """
        (root / WANTED).write_text(json.dumps([asdict(one) for one in dict.fromkeys(wanted)]))
        lifetime = os.pidfd_open(os.getpid() if ends_with is None else ends_with)
        with open(root / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            command = [sys.executable, "-m", RUNNER, str(root), str(lock.fileno())]
            process = subprocess.Popen(
                command,
                stdin=lifetime,
                stdout=subprocess.DEVNULL,
                pass_fds=[lock.fileno()],
                start_new_session=True,
            )
        os.close(lifetime)
        return cls(root, process)

    def of(self, wanted: LabRun) -> LabOutcome:
        """Wait for a run. Raise RuntimeError with the traceback of a run that failed."""
        folder = wanted.folder(self._root)
        while not (folder / OUTCOME).exists():
            if self._ended():
                raise RuntimeError(f"{wanted}: the process that runs the labs has ended")
            time.sleep(0.1)
        outcome: dict[str, Any] = json.loads((folder / OUTCOME).read_text())
        if "error" in outcome:
            raise RuntimeError(f"{wanted}: {outcome['error']}")
        differences = [Difference(**row) for row in outcome["differences"]]
        return LabOutcome(Finished(outcome["code"], outcome["records"], differences), folder)

    def _ended(self) -> bool:
        """Say whether the lock is free and no outcome was written just before. Without a lock nothing has begun yet."""
        if not (self._root / "lock").exists():
            return False
        with open(self._root / "lock", "rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        time.sleep(0.1)
        return True

    def close(self, *, at_once: bool = False) -> None:
        """Wait until every run has ended, or end them now."""
        if self._process is not None:
            if at_once:
                self._process.terminate()
            self._process.wait()

"""Run scenarios several at a time, in one process that forks once per run: a run mostly waits for deadlines.

Usage: python -m tests.support.lab.side_by_side FOLDER LOCK < WANTED (a JSON list). The process ends with its standard
input. LOCK is a descriptor whose lock the process holds as long as it works.
"""

import fcntl
import gc
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from probe.cli import GARBAGE
from probe.cli.run.consent import VERSION
from probe.lab.forks import Forks, load_once, pause_after
from probe.lab.run import Finished, run_scenario
from probe.lab.scenario.expectations import Difference, Expectation
from probe.lab.scenario.scenario import Scenario, find_scenario, load_scenario
from probe.lab.scenario.scenario_keys import PathKeys, RunKeys
from probe.targets.target_files import bundled_targets

AT_ONCE = int(os.environ.get("PROBE_LABS_AT_ONCE", "6"))
LONGEST = 300  # seconds for one run
OUTCOME = "outcome.json"


def without_interference(scenario: Scenario) -> Scenario:
    """Return the scenario without censors, faults, path keys and run keys. Every service is expected to be ok.

    No verdict about the network is expected, because it depends on what was tested.

    `[helper]` stays: an absent or false helper must not change the state of a working service.
    """
    expect = {"default": Expectation(state="ok", mechanisms=[])}
    return replace(scenario, censors=(), faults=(), path=PathKeys(), run=RunKeys(), expect=expect, expect_network=None)


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


class SideBySide:
    """Start the wanted runs in order, or join a process that another test process has started."""

    def __init__(self, root: Path, process: "subprocess.Popen[bytes] | None" = None) -> None:
        self._root, self._process = root, process

    @classmethod
    def start(cls, wanted: list[LabRun], root: Path) -> "SideBySide":
        """Start the process that runs everything wanted and writes the outcomes below `root`."""
        with open(root / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            command = [sys.executable, "-m", __name__, str(root), str(lock.fileno())]
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=[lock.fileno()],
                start_new_session=True,
            )
        assert process.stdin is not None
        process.stdin.write(json.dumps([asdict(one) for one in dict.fromkeys(wanted)]).encode() + b"\n")
        process.stdin.flush()
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
            assert self._process.stdin is not None
            if at_once:
                self._process.stdin.close()
            self._process.wait()
            self._process.stdin.close()


# -- the process that runs them --------------------------------------------------------------------------------------


def main(root: str, lock: str) -> None:
    """Run what standard input asks for, several at a time, until all is done or standard input ends."""
    gc.set_threshold(*GARBAGE)
    load_once()
    os.set_inheritable(int(lock), False)
    left = [LabRun(**{**one, "options": tuple(one["options"])}) for one in json.loads(sys.stdin.readline())]
    forks = Forks[LabRun](LONGEST, at_once=AT_ONCE)
    while left or len(forks):
        while left and forks.start_in() == 0:
            _start(left.pop(0), forks, Path(root))
        ended, readable = forks.wait(forks.start_in() if left else None, also=[0])
        for wanted, code in ended:
            _note_failure(code, wanted, Path(root))
        if readable:
            break  # the tests have ended
    forks.close()


def _start(wanted: LabRun, forks: Forks[LabRun], root: Path) -> None:
    folder, pause = wanted.folder(root), pause_after(load_scenario(find_scenario(wanted.name)))
    folder.mkdir()
    complaints = str(folder / "complaints")
    forks.start(wanted, lambda: _write(folder, asdict(run(wanted, folder))), errors=complaints, pause=pause)


def _note_failure(code: int, wanted: LabRun, root: Path) -> None:
    if code:
        folder = wanted.folder(root)
        _write(folder, {"error": f"exit code {code}: {(folder / 'complaints').read_text()[-2000:]}"})


def _write(folder: Path, outcome: dict[str, Any]) -> None:
    (folder / "outcome.part").write_text(json.dumps(outcome))
    os.replace(folder / "outcome.part", folder / OUTCOME)


def run(wanted: LabRun, folder: Path) -> Finished:
    """Run a scenario here, with its results in `folder`."""
    scenario = load_scenario(find_scenario(wanted.name))
    return run_scenario(
        without_interference(scenario) if wanted.bare else scenario,
        bundled_targets(),
        consent=VERSION,
        seed=wanted.seed,
        results=folder,
        more=wanted.options,
        record=str(folder / "home.pcap"),
        log=str(folder / "lab.log"),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

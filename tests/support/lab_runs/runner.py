"""Run scenarios several at a time, in one process that forks once per run: a run mostly waits for deadlines.

Usage: python -m tests.support.lab_runs.runner FOLDER LOCK. FOLDER has the wanted runs in `wanted.json`. Standard input
is a pidfd, and the process ends when it becomes readable: when the tests end. LOCK is a descriptor whose lock the
process holds as long as it works.

A computer that is too busy lets a run miss something, such as a hop or a limited rate. So a run whose verdicts differ
is repeated alone at the end, and the repetition counts. A run that accuses a service without interference is not
repeated, because no load may cause that. A run that says itself that its call packets were disturbed has measured
nothing that a test could read, so it is repeated alone until it is not, `REPETITIONS` times at most. pytest names the
repeated runs at its end.
"""

import gc
import json
import os
import sys
from collections.abc import Collection, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from probe.cli import GARBAGE
from probe.cli.run.consent import VERSION
from probe.lab.forks import Forks, load_once, pause_after
from probe.lab.run import Finished, run_scenario
from probe.lab.scenario.expectations import Difference
from probe.lab.scenario.scenario import find_scenario, load_scenario
from probe.targets.target_files import bundled_targets
from tests.support.lab_runs.processor_use import ProcessorUse
from tests.support.lab_runs.side_by_side import (
    DOUBTFUL,
    EARLIER_RUNS,
    OUTCOME,
    WANTED,
    LabRun,
    accuses_falsely,
    disturbed_packets,
    without_interference,
)

AT_ONCE = int(os.environ.get("PROBE_LABS_AT_ONCE", "8"))
AT_LEAST = 3  # runs side by side, however busy the processors are
LONGEST = 300  # seconds for one run
REPETITIONS = 3  # of a run whose call packets were disturbed. Another difference is repeated once.
RECHECK = 0.5  # seconds after which busy processors are looked at again


class Runner:
    """Run labs, each in its folder below `root`."""

    def __init__(self, root: Path) -> None:
        self._root, self._use = root, ProcessorUse()
        self._doubtful: list[LabRun] = []

    def run(self, wanted: Iterable[LabRun], at_once: int, repetition: int = 0) -> bool:
        """Run labs until all is done or standard input ends. Return whether all is done."""
        left, forks, tests_ended = list(wanted), Forks[LabRun](LONGEST, at_once=at_once), False
        while not tests_ended and (left or len(forks)):
            while left and self._pause(forks) == 0.0:
                self._start(left.pop(0), forks, repetition)
            ended, readable = forks.wait(self._pause(forks) if left else None, also=[0])
            for one, code in ended:
                self._note_end(code, one)
            tests_ended = bool(readable)
        forks.close()
        return not tests_ended

    def repeat(self) -> None:
        """Run the labs with a doubtful outcome once more, one at a time, and those with disturbed packets further."""
        for repetition in range(1, REPETITIONS + 1):
            doubtful, self._doubtful = self._doubtful, []
            for one in doubtful:
                folder = one.folder(self._root)
                kept = self._root / EARLIER_RUNS / str(repetition) / folder.name
                kept.parent.mkdir(parents=True, exist_ok=True)
                folder.rename(kept)
            if not doubtful or not self.run(doubtful, 1, repetition):
                return

    def _pause(self, forks: Forks[LabRun]) -> float | None:
        """Return the seconds until another lab may start or is asked for again, None if one must end before."""
        pause = forks.start_in()
        return RECHECK if pause == 0.0 and len(forks) >= AT_LEAST and self._use.is_high() else pause

    def _start(self, wanted: LabRun, forks: Forks[LabRun], repetition: int) -> None:
        folder, pause = wanted.folder(self._root), pause_after(load_scenario(find_scenario(wanted.name)))
        folder.mkdir()
        complaints = str(folder / "complaints")
        forks.start(wanted, lambda: _carry_out(wanted, folder, repetition), errors=complaints, pause=pause)

    def _note_end(self, code: int, wanted: LabRun) -> None:
        folder = wanted.folder(self._root)
        if code:
            _write(folder / OUTCOME, {"error": f"exit code {code}: {(folder / 'complaints').read_text()[-2000:]}"})
        elif (folder / DOUBTFUL).exists():
            self._doubtful.append(wanted)


def doubts(found: Finished, disturbed: Collection[Difference], repetition: int) -> list[Difference]:
    """Return why a run must be repeated, nothing if it counts.

    What accuses a service, or claims a rule of the network, counts. `repetition` is 0 in the first run.
    """
    differences = [*found.differences, *disturbed]
    limit = REPETITIONS if disturbed else 1
    return [] if repetition >= limit or accuses_falsely(differences) else differences


def _carry_out(wanted: LabRun, folder: Path, repetition: int) -> None:
    finished = run(wanted, folder)
    doubtful = doubts(finished, disturbed_packets(folder), repetition)
    found = asdict(finished)
    if doubtful:
        _write(folder / DOUBTFUL, {**found, "differences": [asdict(one) for one in doubtful]})
    else:
        _write(folder / OUTCOME, found)


def _write(path: Path, outcome: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(outcome))
    part.replace(path)


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


def main(root: str, lock: str) -> None:
    """Run what standard input asks for, several at a time. Then repeat what is doubtful."""
    gc.set_threshold(*GARBAGE)
    load_once()
    os.set_inheritable(int(lock), False)
    wanted = [
        LabRun(**{**one, "options": tuple(one["options"])}) for one in json.loads((Path(root) / WANTED).read_text())
    ]
    runner = Runner(Path(root))
    if runner.run(wanted, AT_ONCE):
        runner.repeat()


if __name__ == "__main__":
    main(*sys.argv[1:])

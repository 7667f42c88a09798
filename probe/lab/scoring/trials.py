"""Run scenarios with several seeds, several labs side by side, each in a fork of this process."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from probe.lab.forks import Forks, load_once, pause_after
from probe.lab.run import run_scenario
from probe.lab.sandbox.unsupported import BROKEN, LabBroken, LabUnavailable
from probe.lab.scenario.scenario import find_scenario, load_scenario
from probe.lab.scoring.score import Trial
from probe.results import Problem, read_lines, run_files

LONGEST = 300  # seconds for one run
TRIES = 3  # attempts for a run whose lab failed, as on an overloaded machine
STOPPED: Mapping[str, Any] = {"code": -1, "records": [], "seconds": float(LONGEST)}  # crashed, or took too long
OUTCOME = "outcome.json"


def trials(names: Sequence[str], seeds: Sequence[int], *, jobs: int, targets: Path, consent: str) -> Iterator[Trial]:
    """Run every scenario with every seed, `jobs` at a time, and yield the runs as they end.

    A run that crashes or hangs has no verdicts. Raises LabUnavailable.
    """
    load_once()
    forks = Forks[_Run](LONGEST, at_once=jobs)
    with tempfile.TemporaryDirectory(prefix="trials-") as root, closing(forks):
        left = [_Run(name, seed, targets, consent, Path(root)) for seed in seeds for name in names]
        while left or len(forks):
            while left and forks.start_in() == 0:
                run = left.pop(0)
                forks.start(run, run.make, pause=pause_after(load_scenario(find_scenario(run.scenario))))
            for run, _ in forks.wait(forks.start_in() if left else None)[0]:
                trial = run.trial()
                if trial.code == BROKEN and run.attempt < TRIES:
                    left.insert(0, replace(run, attempt=run.attempt + 1))
                else:
                    yield trial


@dataclass(frozen=True)
class _Run:
    """Make one run in a fork, with its results in a folder of its own, and read them in this process."""

    scenario: str
    seed: int
    targets: Path
    consent: str
    root: Path
    attempt: int = 1

    @property
    def _folder(self) -> Path:
        return self.root / f"{self.scenario}-{self.seed}-{self.attempt}"

    def make(self) -> None:
        """Run the lab and write the outcome. A fork executes this function."""
        self._folder.mkdir()
        began = time.monotonic()
        outcome = self._outcome()
        outcome["seconds"] = time.monotonic() - began
        (self._folder / OUTCOME).write_text(json.dumps(outcome))

    def _outcome(self) -> dict[str, Any]:
        scenario = load_scenario(find_scenario(self.scenario))
        try:
            done = run_scenario(scenario, self.targets, consent=self.consent, seed=self.seed, results=self._folder)
        except LabBroken:
            return {"code": BROKEN, "records": []}
        except LabUnavailable as error:
            return {"unavailable": str(error)}
        return {"code": done.code, "records": [*done.records, *done.network]}

    def trial(self) -> Trial:
        """Return the run after the end of the fork, and remove its folder. Raises LabUnavailable."""
        written = self._folder / OUTCOME
        outcome = json.loads(written.read_text()) if written.exists() else STOPPED
        if "unavailable" in outcome:
            raise LabUnavailable(outcome["unavailable"])
        about = _about_run(self._folder)
        shutil.rmtree(self._folder)
        return Trial(self.scenario, self.seed, outcome["records"], outcome["code"], outcome["seconds"], **about)


def _about_run(folder: Path) -> dict[str, int]:
    """Return the triggers and sent bytes that the measurements report."""
    found = [one for path in run_files(folder) for _, one in read_lines(path) if not isinstance(one, Problem)]
    runs = [measurement["test_keys"]["x_run"] for measurement in found]
    return {key: max((int(run[key]) for run in runs), default=0) for key in ("triggers", "bytes_sent")}

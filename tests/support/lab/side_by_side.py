"""Run scenarios for tests, several labs at once. Each run has its own process, since it mostly waits for deadlines.

Usage: python -m tests.support.lab.side_by_side FOLDER NAME SEED with|without (interference).
Prints the outcome as JSON.
"""

import json
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from probe.cli.run.consent import VERSION
from probe.lab.run import Finished, run_scenario
from probe.lab.scenario.expectations import Difference, Expectation
from probe.lab.scenario.scenario import PathKeys, RunKeys, Scenario, find_scenario, load_scenario
from probe.targets.target import bundled_targets

AT_ONCE = 3
LONGEST = 300.0  # seconds for one run


def without_interference(scenario: Scenario) -> Scenario:
    """Return the scenario without censors, faults, path keys and run keys. Every service is expected to be ok.

    `[helper]` stays: an absent or false helper must not change the state of a working service.
    """
    expect = {"default": Expectation(state="ok", mechanisms=[])}
    return replace(scenario, censors=(), faults=(), path=PathKeys(), run=RunKeys(), expect=expect)


@dataclass(frozen=True)
class LabRun:
    """Describe one run: a bundled scenario, a seed, and `bare` for a run without interference."""

    name: str
    seed: int = 0
    bare: bool = False


@dataclass(frozen=True)
class LabOutcome:
    """Hold the outcome of a run. `folder` has its results and `home.pcap`, the packets of the home router."""

    finished: Finished
    folder: Path


class SideBySide:
    """Start every wanted run, in order, and wait for each on request."""

    def __init__(self, wanted: list[LabRun], root: Path) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._runs: dict[LabRun, Future[LabOutcome]] = {
            one: self._pool.submit(run_alone, one, root / f"{one.name}-{one.seed}-{'bare' if one.bare else 'whole'}")
            for one in dict.fromkeys(wanted)
        }

    def of(self, name: str, *, seed: int = 0, bare: bool = False) -> LabOutcome:
        """Wait for a run and return its outcome. Raises the error of the run."""
        return self._runs[LabRun(name, seed, bare)].result()

    def close(self) -> None:
        """Cancel runs that have not started and wait for the others."""
        self._pool.shutdown(cancel_futures=True)


def run_alone(wanted: LabRun, folder: Path) -> LabOutcome:
    """Make `folder`, run once and wait. Raises RuntimeError with the end of the run's stderr."""
    folder.mkdir()
    words = [str(folder), wanted.name, str(wanted.seed), "without" if wanted.bare else "with"]
    command = [sys.executable, "-m", "tests.support.lab.side_by_side", *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=LONGEST)
    if done.returncode != 0:
        raise RuntimeError(f"{wanted}: {done.stderr[-2000:]}")
    outcome: dict[str, Any] = json.loads(done.stdout)
    differences = [Difference(**row) for row in outcome["differences"]]
    return LabOutcome(Finished(outcome["code"], outcome["records"], differences), folder)


def main(folder: str, name: str, seed: str, how: str) -> None:
    """Run one scenario in this process and print its outcome."""
    scenario = load_scenario(find_scenario(name))
    if how == "without":
        scenario = without_interference(scenario)
    finished = run_scenario(
        scenario,
        bundled_targets(),
        consent=VERSION,
        seed=int(seed),
        results=Path(folder),
        record=str(Path(folder) / "home.pcap"),
        log=str(Path(folder) / "lab.log"),
    )
    print(json.dumps(asdict(finished)))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Scenario runs for tests, several labs at once, each in a process of its own: a run mostly waits for deadlines.

Usage: python -m tests.support.lab.side_by_side FOLDER NAME SEED with|without (the censor).
Prints the outcome as JSON.
"""

import json
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from probe.cli.run.consent import VERSION
from probe.lab.run import Finished, run_scenario
from probe.lab.scenario.expectations import Difference
from probe.lab.scenario.scenario import find_scenario, load_scenario, without_censor
from probe.targets.target import bundled_targets

AT_ONCE = 3
LONGEST = 300.0  # seconds for one run


@dataclass(frozen=True)
class Wanted:
    """One run: a bundled scenario, a seed, and whether what stands in the way is left out."""

    name: str
    seed: int = 0
    bare: bool = False


@dataclass(frozen=True)
class Came:
    """What came of a run. `folder` holds its results and `home.pcap`, what passed the home router."""

    finished: Finished
    folder: Path


class SideBySide:
    """Starts every wanted run, in order, and lets each be waited for."""

    def __init__(self, wanted: list[Wanted], root: Path) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._runs: dict[Wanted, Future[Came]] = {
            one: self._pool.submit(run_alone, one, root / f"{one.name}-{one.seed}-{'bare' if one.bare else 'whole'}")
            for one in dict.fromkeys(wanted)
        }

    def of(self, name: str, *, seed: int = 0, bare: bool = False) -> Came:
        """Wait for a run. Raises what went wrong with it."""
        return self._runs[Wanted(name, seed, bare)].result()

    def close(self) -> None:
        """Start nothing more, and wait for what runs."""
        self._pool.shutdown(cancel_futures=True)


def run_alone(wanted: Wanted, folder: Path) -> Came:
    """One run, waited for; makes `folder`. Raises RuntimeError with what the run complained of."""
    folder.mkdir()
    words = [str(folder), wanted.name, str(wanted.seed), "without" if wanted.bare else "with"]
    command = [sys.executable, "-m", "tests.support.lab.side_by_side", *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=LONGEST)
    if done.returncode != 0:
        raise RuntimeError(f"{wanted}: {done.stderr[-2000:]}")
    said: dict[str, Any] = json.loads(done.stdout)
    differences = [Difference(**row) for row in said["differences"]]
    return Came(Finished(said["code"], said["records"], differences), folder)


def main(folder: str, name: str, seed: str, how: str) -> None:
    scenario = load_scenario(find_scenario(name))
    if how == "without":
        scenario = without_censor(scenario)
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

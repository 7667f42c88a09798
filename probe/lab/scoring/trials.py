"""Run scenarios with several seeds, several labs side by side, each in its own process."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from probe.lab.network_verdict import network_verdicts
from probe.lab.sandbox.unsupported import BROKEN
from probe.lab.scenario.scenario import find_scenario, load_scenario
from probe.lab.scoring.score import Trial
from probe.results import Problem, read_lines, run_files

LONGEST = 300.0  # seconds for one run
TRIES = 3  # attempts for a run whose lab failed, as on an overloaded machine


def trials(names: Sequence[str], seeds: Sequence[int], *, jobs: int, targets: Path) -> Iterator[Trial]:
    """Run every scenario with every seed, `jobs` at a time, and yield the runs as they end.

    A run that crashes or hangs has no verdicts.
    """
    with ThreadPoolExecutor(jobs) as pool:
        wanted = [(name, seed) for seed in seeds for name in names]
        under_way = [pool.submit(trial, name, seed, targets) for name, seed in wanted]
        try:
            for done in as_completed(under_way):
                yield done.result()
        finally:
            for waiting in under_way:
                waiting.cancel()


def trial(name: str, seed: int, targets: Path) -> Trial:
    """Run `probe lab run` once, and again if the lab failed before it measured."""
    for _ in range(TRIES):
        made = _once(name, seed, targets)
        if made.code != BROKEN:
            break
    return made


def _once(name: str, seed: int, targets: Path) -> Trial:
    with tempfile.TemporaryDirectory(prefix="trial-") as folder:
        command = [sys.executable, "-m", "probe", "lab", "run", name, "--seed", str(seed), "--json"]
        command += ["--targets", str(targets), "--results", folder]
        began = time.monotonic()
        try:
            done = subprocess.run(command, check=False, capture_output=True, timeout=LONGEST, stdin=subprocess.DEVNULL)
            code, printed = done.returncode, done.stdout
        except subprocess.TimeoutExpired:
            code, printed = -1, b""
        seconds, records = time.monotonic() - began, _records(printed)
        if load_scenario(find_scenario(name)).expect_network:
            records += network_verdicts(records, Path(folder))
        about = _about_run(Path(folder))
    return Trial(name, seed, records, code, seconds, **about)


def _records(printed: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines() if line.startswith(b"{")]


def _about_run(folder: Path) -> dict[str, int]:
    """Return the triggers and sent bytes that the measurements report."""
    found = [one for path in run_files(folder) for _, one in read_lines(path) if not isinstance(one, Problem)]
    runs = [measurement["test_keys"]["x_run"] for measurement in found]
    return {key: max((int(run[key]) for run in runs), default=0) for key in ("triggers", "bytes_sent")}

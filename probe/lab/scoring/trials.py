"""Runs scenarios over seeds, several labs side by side, each in a process of its own."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from probe.lab.sandbox.unsupported import BROKEN
from probe.lab.scoring.score import Trial
from probe.results import Problem, read_lines, run_files

LONGEST = 300.0  # seconds for one run, start and end included
TRIES = 3  # of a run whose lab broke down, as on a machine with too much to do


def trials(names: Sequence[str], seeds: Sequence[int], *, jobs: int, targets: Path) -> Iterator[Trial]:
    """Run every scenario with every seed, `jobs` at a time; in the order in which they end.

    A run that dies or hangs is a trial without verdicts.
    """
    with ThreadPoolExecutor(jobs) as places:
        wanted = [(name, seed) for seed in seeds for name in names]
        under_way = [places.submit(trial, name, seed, targets) for name, seed in wanted]
        try:
            for done in as_completed(under_way):
                yield done.result()
        finally:
            for waiting in under_way:
                waiting.cancel()


def trial(name: str, seed: int, targets: Path) -> Trial:
    """One run, as `probe lab run` makes it; made again where the lab broke down and nothing was measured."""
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
        seconds = time.monotonic() - began
        about = _about_run(Path(folder))
    return Trial(name, seed, _records(printed), code, seconds, **about)


def _records(printed: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines() if line.startswith(b"{")]


def _about_run(folder: Path) -> dict[str, int]:
    """What the lines say of the run itself: its triggers and the bytes sent."""
    lines = [line for path in run_files(folder) for _, line in read_lines(path) if not isinstance(line, Problem)]
    runs = [line["test_keys"]["x_run"] for line in lines]
    return {key: max((int(run[key]) for run in runs), default=0) for key in ("triggers", "bytes_sent")}

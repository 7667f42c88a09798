"""Measure what a run costs a small computer: CPU, memory, imports, and its verdicts with a share of one processor.

With PROBE_BESIDE=FOLDER the program of another working copy is measured in turn, and the ratio is printed.
PROBE_BENCH_REPEATS is the number of runs of each (5), of which the median counts.
"""

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from compileall import compile_dir
from pathlib import Path

from tests.bench.running import ran, scenario_of
from tests.bench.table import row
from tests.support.lab.small_runs import MEMORY, SCENARIOS, SHARE, small_run

REPEATS = int(os.environ.get("PROBE_BENCH_REPEATS", "5"))
HERE = Path(__file__).parents[2]
CPU, IMPORTS, PEAK = 4.5, 0.35, 90.0  # aims: seconds, seconds, MB


def trees() -> list[Path]:
    """Return this working copy, and the other one if there is one. Both are compiled, as installed programs are."""
    beside = os.environ.get("PROBE_BESIDE")
    found = [HERE, *([Path(beside).resolve()] if beside else [])]
    for tree in found:
        compile_dir(tree / "probe", quiet=1)
    return found


def medians(measure: Callable[[Path], tuple[float, ...]]) -> list[list[float]]:
    """Return the median of each figure for each working copy. They are measured in turn."""
    found: dict[Path, list[tuple[float, ...]]] = {tree: [] for tree in trees()}
    for number in range(REPEATS):
        for tree in list(found)[:: -1 if number % 2 else 1]:
            found[tree].append(measure(tree))
    return [list(map(statistics.median, zip(*figures, strict=True))) for figures in found.values()]


def compared(what: str, figures: list[float], form: str, aim: float) -> None:
    """Print a figure with its aim, and its ratio to that of the other working copy."""
    row(what, form.format(figures[0]), f"at most {form.format(aim)}", figures[0] <= aim)
    if len(figures) > 1:
        row("  / the same beside", f"{figures[0] / figures[1]:.2f}")


def imports(tree: Path) -> tuple[float]:
    """Return the CPU seconds of `probe run --explain`, of which nearly all are imports."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "probe", "run", "--explain"]
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1"}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,)


def cost(folder: Path) -> None:
    """Measure a clean run of all targets and the start of a run."""
    scenario = scenario_of("", folder, "clean-cost")

    def clean(tree: Path) -> tuple[float, ...]:
        found = ran(scenario, folder, tree=tree).cost
        return found["cpu"] + found["sniffer_cpu"], found["sniffer_cpu"], found["peak_mb"]

    cpu, sniffer, peak = zip(*medians(clean), strict=True)
    compared("clean full run: CPU of its processes", list(cpu), "{:.2f} s", CPU)
    row("  the sniffer alone", " beside ".join(f"{seconds:.2f} s" for seconds in sniffer))
    compared("  peak memory", list(peak), "{:.0f} MB", PEAK)
    compared("probe run --explain: CPU", [figures[0] for figures in medians(imports)], "{:.2f} s", IMPORTS)


def small(folder: Path) -> None:
    """Measure the scenarios of a small computer. This takes four minutes."""
    for name in SCENARIOS:
        done = small_run(name, folder)
        right = not done.differences and done.code == 0
        row(f"{name} with {SHARE:.0%} of a core", f"{done.seconds:.0f} s", "the verdicts of any computer", right)
        row("  CPU, longest silence", f"{done.cpu:.1f} s, {done.silence:.0f} s")
        row("  peak memory", f"{done.peak_mb:.0f} MB", f"under {MEMORY} MB", done.peak_mb < MEMORY)

"""Print the costs of stores at several sizes: ingest, new verdicts and comparison, beside DuckDB on the same files.

BENCH_LINES="10000 100000 1000000" names other sizes. 10⁵ light measurements take 0.3 GB of disk, 10⁶ ten times that.
"""

import os
from pathlib import Path

from tests.bench.store_costs import Cost, StoreCosts, measure
from tests.bench.table import row

SIZES = tuple(int(size) for size in os.environ.get("BENCH_LINES", "1000 10000").split())
WHOLE = min(20_000, max(SIZES))  # measurements as the probe writes them, some 50 kB each
AIM_LINES, AIM_COMPARE = 10**6, 5  # seconds for a comparison of so many measurements
AIM_MEMORY = 700  # MB of any process
AIM_RATIO, AIM_REJUDGED = 8, 0.1  # CPU of an ingest in times of DuckDB's query, and ms of CPU a measurement


def store(folder: Path) -> None:
    """Measure light measurements at every size, and whole ones at one size."""
    light = [_printed(measure(folder / str(size), size, light=True)) for size in SIZES]
    if len(SIZES) > 1:
        first, last = light[0], light[-1]
        figure = f"{(last.ingest.cpu / last.size) / (first.ingest.cpu / first.size):.2f}"
        row(f"  a line's CPU, of {last.size} in times of {first.size}", figure)
    _printed(measure(folder / "whole", WHOLE, light=False))


def _printed(costs: StoreCosts) -> StoreCosts:
    each, packed = costs.line_bytes / costs.size / 1000, costs.packed_bytes / costs.size / 1000
    speed = f"{costs.size / costs.ingest.cpu:.0f} lines/s, {costs.line_bytes / costs.ingest.cpu / 1e6:.1f} MB/s"
    row(f"ingest of {costs.size} lines of {each:.0f} kB ({packed:.1f} packed), per core", speed)
    row("  by the clock", f"{costs.ingest.seconds:.1f} s, CPU {costs.ingest.cpu:.1f} s")
    memory = costs.ingest.memory
    row("  most memory of a process", f"{memory} MB", f"at most {AIM_MEMORY} MB", memory <= AIM_MEMORY)
    stored = costs.stored_bytes / costs.size / 1000
    row("  files of the store", f"{costs.files}, {stored:.1f} kB a line, {stored / packed:.1f} of the packed lines")
    _compared("query", costs.ingest, costs.query, AIM_RATIO)
    _compared("copy into Parquet", costs.ingest, costs.copy, None)
    each_again = 1000 * costs.rejudge.cpu / costs.size
    again = f"{costs.rejudge.seconds:.1f} s, CPU {costs.rejudge.cpu:.1f} s, {costs.rejudge.memory} MB"
    row("  all judged again, without the lines", again)
    row("    CPU of one measurement", f"{each_again:.2f} ms", f"{AIM_REJUDGED} ms", each_again <= AIM_REJUDGED)
    met = costs.compare.seconds <= AIM_COMPARE if costs.size >= AIM_LINES else None
    figure = f"{costs.compare.seconds:.1f} s, {costs.compare.memory} MB"
    row("  compared, start-up included", figure, f"{AIM_COMPARE} s", met)
    return costs


def _compared(what: str, ingest: Cost, alone: Cost, aim: int | None) -> None:
    row(f"  DuckDB's {what} of the same lines", f"{alone.seconds:.1f} s, CPU {alone.cpu:.1f} s")
    ratio = ingest.cpu / alone.cpu
    met = None if aim is None else ratio <= aim
    row("    CPU of the ingest, in times of that", f"{ratio:.0f}", f"at most {aim}" if aim else "", met)

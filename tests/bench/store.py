"""Measure ingest at several sizes, new verdicts and comparison, beside DuckDB alone on the same files.

BENCH_LINES="10000 100000 1000000" names other sizes. 10⁵ light measurements take 0.5 GB of disk, 10⁶ twelve times that.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.table import row

SIZES = tuple(int(size) for size in os.environ.get("BENCH_LINES", "1000 10000").split())
WHOLE = min(10_000, min(SIZES))  # measurements as the probe writes them, some 45 kB each
AIM_LINES, AIM_BYTES, AIM_SECONDS = 10**6, 8000, 90  # the aim for two cores
AIM_COMPARE, AIM_MEMORY = 5, 1500  # seconds for that many measurements, and MB of any process
PROBE = [sys.executable, "-m", "probe"]
LINES = """read_json(
  '{0}/lines/*.jsonl.gz', format = 'newline_delimited', maximum_object_size = 33554432,
  columns = {{probe_cc: 'VARCHAR', probe_asn: 'VARCHAR', measurement_start_time: 'VARCHAR', test_keys: 'JSON'}})"""
READ = f"SELECT probe_cc, count(*), sum(len(test_keys)) FROM {LINES} GROUP BY ALL"
COPY = f"COPY (SELECT * FROM {LINES}) TO '{{0}}/copy.parquet'"
AIM_RATIO, AIM_REJUDGED = 8, 0.1  # CPU of an ingest in times of DuckDB's query, and ms of CPU a measurement


@dataclass
class Cost:
    """Return wall seconds and CPU seconds of a command, and the MB of its largest process."""

    seconds: float
    cpu: float
    memory: int


def store(folder: Path) -> None:
    """Measure light measurements at every size, and complete ones at one size."""
    cpu = {size: _measured(folder / str(size), size, "--light") for size in SIZES}
    if len(SIZES) > 1:
        first, last = min(SIZES), max(SIZES)
        row(f"  a line's CPU, of {last} in times of {first}", f"{(cpu[last] / last) / (cpu[first] / first):.2f}")
    _measured(folder / "whole", WHOLE)


def _measured(world: Path, size: int, *words: str) -> float:
    """Make a world, measure everything that a store does with it, and return the CPU seconds of its ingest."""
    cost([*PROBE, "synth", "--measurements", str(size), "--out", str(world), *words])
    taken = _ingested(world, size)
    for what, statement, aim in (("query", READ, AIM_RATIO), ("copy into Parquet", COPY, 0)):
        alone = cost([sys.executable, "-c", "import duckdb, sys; duckdb.execute(sys.argv[1])", statement.format(world)])
        ratio = taken.cpu / alone.cpu
        row(f"  DuckDB's {what} of the same lines", f"{alone.seconds:.1f} s, CPU {alone.cpu:.1f} s")
        row(
            "    CPU of the ingest, in times of that",
            f"{ratio:.0f}",
            f"at most {aim}" if aim else "",
            ratio <= (aim or ratio),
        )
    again = cost([*PROBE, "ingest", "--rejudge", "--store", str(world / "store")])
    each = 1000 * again.cpu / size
    row("  all judged again, without the lines", f"{again.seconds:.1f} s, CPU {again.cpu:.1f} s, {again.memory} MB")
    row("    CPU of one measurement", f"{each:.2f} ms", f"{AIM_REJUDGED} ms", each <= AIM_REJUDGED)
    compared = cost([*PROBE, "compare", str(world / "store"), "--json", "--lab"])
    met = compared.seconds <= AIM_COMPARE if size >= AIM_LINES else None
    row("  compared, start-up included", f"{compared.seconds:.1f} s, {compared.memory} MB", f"{AIM_COMPARE} s", met)
    return taken.cpu


def _ingested(world: Path, size: int) -> Cost:
    packed = sum(file.stat().st_size for file in _files(world))
    unpacked = sum(int(subprocess.check_output(["sh", "-c", 'zcat "$0" | wc -c', str(file)])) for file in _files(world))
    taken = cost([*PROBE, "ingest", str(world / "lines"), "--store", str(world / "store"), "--lab"])
    speed, aim = unpacked / taken.cpu / 1e6, AIM_LINES * AIM_BYTES / AIM_SECONDS / 2 / 1e6
    each = f"{unpacked / size / 1000:.0f} kB ({packed / size / 1000:.1f} packed)"
    figure = f"{size / taken.cpu:.0f} lines/s, {speed:.1f} MB/s"
    row(f"ingest of {size} lines of {each}, per core", figure, f"{aim:.0f} MB/s", speed >= aim)
    row("  judged, by the clock", f"{taken.seconds:.1f} s, CPU {taken.cpu:.1f} s")
    row("  most memory of a process", f"{taken.memory} MB", f"under {AIM_MEMORY} MB", taken.memory < AIM_MEMORY)
    files = list((world / "store").rglob("*.parquet"))
    stored = sum(file.stat().st_size for file in files)
    row(
        "  files of the store",
        f"{len(files)}, {stored / size / 1000:.1f} kB a line, {stored / packed:.1f} of the lines",
    )
    return taken


def _files(world: Path) -> list[Path]:
    return sorted((world / "lines").iterdir())


def cost(command: list[str]) -> Cost:
    """Run a command and return its cost. The kernel reports the largest process (getrusage(2), ru_maxrss)."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)

"""Measure what a store costs at one size, beside DuckDB alone on the same files."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PROBE = [sys.executable, "-m", "probe"]
LINES = """read_json(
  '{0}/lines/*.jsonl.gz', format = 'newline_delimited', maximum_object_size = 33554432,
  columns = {{probe_cc: 'VARCHAR', probe_asn: 'VARCHAR', measurement_start_time: 'VARCHAR', test_keys: 'JSON'}})"""
READ = f"SELECT probe_cc, count(*), sum(len(test_keys)) FROM {LINES} GROUP BY ALL"
COPY = f"COPY (SELECT * FROM {LINES}) TO '{{0}}/copy.parquet'"
DUCKDB = [sys.executable, "-c", "import duckdb, sys; duckdb.execute(sys.argv[1])"]


@dataclass(frozen=True)
class Cost:
    """Hold wall seconds and CPU seconds of a command, and the MB of its largest process."""

    seconds: float
    cpu: float
    memory: int


@dataclass(frozen=True)
class StoreCosts:
    """Hold what was measured on a world of `size` measurements. `light` ones are a third as long as whole ones."""

    size: int
    light: bool
    line_bytes: int  # of all lines
    packed_bytes: int
    stored_bytes: int
    files: int
    ingest: Cost
    query: Cost  # DuckDB's read_json of the same lines
    copy: Cost  # the same into a Parquet file
    compare: Cost
    rejudge: Cost


def measure(world: Path, size: int, *, light: bool) -> StoreCosts:
    """Make a world and measure everything that a store does with it."""
    cost([*PROBE, "synth", "--measurements", str(size), "--out", str(world), *(["--light"] if light else [])])
    lines, store = sorted((world / "lines").iterdir()), world / "store"
    ingest = cost([*PROBE, "ingest", str(world / "lines"), "--store", str(store), "--lab"])
    files = list(store.rglob("*.parquet"))
    return StoreCosts(
        size,
        light,
        line_bytes=sum(int(subprocess.check_output(["sh", "-c", 'zcat "$0" | wc -c', str(file)])) for file in lines),
        packed_bytes=sum(file.stat().st_size for file in lines),
        stored_bytes=sum(file.stat().st_size for file in files),
        files=len(files),
        ingest=ingest,
        query=cost([*DUCKDB, READ.format(world)]),
        copy=cost([*DUCKDB, COPY.format(world)]),
        compare=cost([*PROBE, "compare", str(store), "--json", "--lab"]),
        rejudge=cost([*PROBE, "ingest", "--rejudge", "--store", str(store)]),
    )


def cost(command: list[str]) -> Cost:
    """Run a command and return its cost. The kernel reports the largest process (getrusage(2), ru_maxrss)."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)

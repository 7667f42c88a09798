"""Ingest at two sizes, and beside it what DuckDB alone takes to read the same lines; judging again; one question."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.table import row

SIZES = tuple(int(size) for size in os.environ.get("BENCH_LINES", "1000 10000").split())
PROBE = [sys.executable, "-m", "probe"]
READ = """
SELECT probe_cc, count(*), sum(len(test_keys)) FROM read_json(
  '{}/lines/*.jsonl.gz', format = 'newline_delimited', maximum_object_size = 33554432,
  columns = {{probe_cc: 'VARCHAR', probe_asn: 'VARCHAR', measurement_start_time: 'VARCHAR', test_keys: 'JSON'}})
GROUP BY ALL
"""


def store(folder: Path) -> None:
    """BENCH_LINES="10000 100000" names other sizes; a hundred thousand lines take 4 GB, and some minutes."""
    cores = len(os.sched_getaffinity(0))
    for size in SIZES:
        world = folder / str(size)
        subprocess.run([*PROBE, "synth", "--measurements", str(size), "--out", str(world)], check=True)
        told = _timed("ingest", str(world / "lines"), "--store", str(world / "store"), "--json")
        megabytes = _unpacked(world) / 1e6
        per_core = f"{size / told['seconds'] / cores:.0f} lines/s, {megabytes / told['seconds'] / cores:.1f} MB/s"
        row(f"ingest of {size} lines of {megabytes / size * 1000:.0f} kB, judged, per core", per_core)
        row("  most memory of a process", f"{told['memory']} MB", "under 1500 MB", told["memory"] < 1500)
        alone = _duckdb_alone(world)
        row("  DuckDB's read_json over the same lines", f"{alone:.1f} s")
        row("    ingest, in times of that", f"{told['seconds'] / alone:.1f}")
        again = _timed("ingest", "--rejudge", "--store", str(world / "store"), "--json")
        row("  all judged again, without the lines", f"{again['seconds']:.1f} s")
        began = time.monotonic()
        question = "SELECT service, probe_cc, state, count(*) FROM verdicts GROUP BY ALL"
        subprocess.run([*PROBE, "sql", question, "--store", str(world / "store")], check=True, capture_output=True)
        row("  a count by service and country, start-up included", f"{time.monotonic() - began:.2f} s")


def _timed(*words: str) -> dict[str, Any]:
    """What the command says, and the most memory that any child has had so far, in MB."""
    done = subprocess.run([*PROBE, *words], check=True, capture_output=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told | {"memory": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024}


def _unpacked(world: Path) -> int:
    packed = list((world / "lines").iterdir())
    return sum(int(subprocess.check_output(["sh", "-c", 'zcat "$0" | wc -c', str(file)])) for file in packed)


def _duckdb_alone(world: Path) -> float:
    code = "import duckdb, sys; duckdb.sql(sys.argv[1]).fetchall()"
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code, READ.format(world)], check=True)
    return time.monotonic() - began

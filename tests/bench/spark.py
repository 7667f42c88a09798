"""Compare Spark on this machine with DuckDB over the same measurements, in the same run."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.table import row

LINES = int(os.environ.get("BENCH_SPARK_LINES", "300"))
PROBE = [sys.executable, "-m", "probe"]


def spark(folder: Path) -> None:
    """Compare both engines. BENCH_SPARK_LINES=10000 takes more measurements than 300.

    The part of Spark's time that does not grow with them is Java's start.
    """
    cores = len(os.sched_getaffinity(0))
    subprocess.run([*PROBE, "synth", "--measurements", str(LINES), "--out", str(folder / "world")], check=True)
    engines = {"duckdb": ["--jobs", str(cores)], "spark": ["--engine", "spark", "--master", f"local[{cores}]"]}
    ingests, starts, compares, printed = dict[str, float](), dict[str, float](), dict[str, float](), set[bytes]()
    for name, words in engines.items():
        store = str(folder / name)
        ingest = ["ingest", str(folder / "world" / "lines"), "--store", store, "--json", "--lab", *words]
        took, output = _timed(*ingest)
        ingests[name] = json.loads(output)["seconds"]
        starts[name] = took - ingests[name]
        asked = words if name == "spark" else []
        compares[name], output = _timed("compare", store, "--by", "cc", "--json", "--lab", *asked)
        printed.add(output)
    for name in engines:
        row(f"{name}: ingest of {LINES} lines, judged, on {cores} cores", f"{ingests[name]:.1f} s")
        row("  start and end of the program beside it", f"{starts[name]:.1f} s")
        row("  compare by country, start included", f"{compares[name]:.1f} s")
    row("ingest, Spark / DuckDB", f"{ingests['spark'] / ingests['duckdb']:.1f}")
    row("compare, Spark / DuckDB", f"{compares['spark'] / compares['duckdb']:.1f}")
    row("both say the same, byte for byte", "yes" if len(printed) == 1 else "no", "yes", len(printed) == 1)


def _timed(*words: str) -> tuple[float, bytes]:
    """Return the wall time of a command in seconds, and what it printed."""
    began = time.monotonic()
    done = subprocess.run([*PROBE, *words], check=True, stdout=subprocess.PIPE)
    return time.monotonic() - began, done.stdout

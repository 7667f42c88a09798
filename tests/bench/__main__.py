"""Print one table of start-up, wall time against round trips, cost, growth and the usual tools (`make bench`).

Ratios are of figures taken in the same run. `python -m tests.bench PART…` runs only some parts.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.chains import clean, half_dropped
from tests.bench.changes import changes
from tests.bench.cost import cost, small
from tests.bench.datagrams import datagrams
from tests.bench.ends import ends
from tests.bench.explore import explore
from tests.bench.growth import growth
from tests.bench.others import side_by_side
from tests.bench.spark import spark
from tests.bench.store import store
from tests.bench.table import markdown, row

PROBE = [sys.executable, "-m", "probe"]
BIN = Path(sys.executable).parent / "probe"


def seconds(command: list[str | Path], repeats: int = 7) -> float:
    """Return the median wall time of a command."""

    def once() -> float:
        began = time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        return time.monotonic() - began

    return statistics.median(once() for _ in range(repeats))


def start_up(folder: Path) -> None:
    """Measure the start-up time of `probe --help`, also against a bare interpreter."""
    bare = seconds([sys.executable, "-c", "pass"])
    helped = seconds([BIN, "--help"])
    row("probe --help", f"{helped * 1000:.0f} ms", "under 150 ms", helped < 0.15)
    row("  / a bare interpreter", f"{helped / bare:.1f}")


def clean_run(folder: Path) -> None:
    clean(folder)
    began = time.monotonic()
    subprocess.run([*PROBE, "judge", "--json", str(folder / "clean-100.jsonl")], check=True, capture_output=True)
    row("  judging its lines again, start-up included", f"{time.monotonic() - began:.2f} s")


PARTS: dict[str, Callable[[Path], None]] = {
    "start": start_up,
    "clean": clean_run,
    "ends": ends,
    "datagrams": datagrams,
    "cost": cost,
    "small": small,
    "dropped": half_dropped,
    "growth": growth,
    "changes": changes,
    "others": side_by_side,
    "store": store,
    "explore": explore,
    "spark": spark,
}


def main(wanted: list[str]) -> int:
    if unknown := [name for name in wanted if name not in PARTS]:
        print(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        for name in wanted or PARTS:
            PARTS[name](Path(folder))
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = own.ru_utime + own.ru_stime
    print(f"\n{os.cpu_count()} cores, Python {sys.version.split()[0]}; CPU of the bench {cpu:.0f} s")
    print(f"\n{markdown()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

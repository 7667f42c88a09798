"""Test that an ingest of four times as many measurements needs no more memory."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.store.stores import some_lines

LINES, SETTLED = 500, 250
SCRIPT = f"""
import resource, sys
from pathlib import Path
import probe.analysis.store.writing.ingest as module
module.BATCH_LINES, module.LOAD_LINES = 50, {SETTLED}
if __name__ == "__main__":
    report = module.ingest([Path(sys.argv[1])], Path(sys.argv[2]))
    print(report.accepted, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
LITTLE = 16  # MB. The 3000 more measurements of 9 kB each would need several times that if they were kept.


def many(count: int) -> Iterator[str]:
    """Write measurements that differ in all numbers of their evidence."""
    kinds = [json.dumps(line) for line in some_lines(9)]
    for number in range(count):
        yield kinds[number % 9].replace('{"number"', f'{{"nr": {number}, "number"') + "\n"


def most_memory(folder: Path, count: int) -> int:
    """Return the largest memory in MB of an ingest in its own process."""
    file = folder / f"{count}.jsonl"
    file.write_text("".join(many(count)))
    command = [sys.executable, "-c", SCRIPT, str(file), str(folder / f"store-{count}")]
    accepted, most = map(int, subprocess.run(command, check=True, capture_output=True, timeout=100).stdout.split())
    assert accepted == count
    return most


def test_memory_does_not_grow_with_number_of_measurements(tmp_path: Path) -> None:
    assert most_memory(tmp_path, 4 * LINES) < most_memory(tmp_path, LINES) + LITTLE

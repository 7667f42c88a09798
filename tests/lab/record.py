"""Record the measurements of scenarios, which are shown where the lab cannot run.

Usage: `python -m tests.lab.record [NAME…]`. Without a name all scenarios are recorded. A run that differs from its
scenario's expectations is not kept. Record again when the shape of measurements changes.
"""

import gzip
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import probe.lab.run
from probe.lab.run import table
from probe.lab.scenario.scenario import scenario_names
from tests.support.lab.side_by_side import LabRun, SideBySide


def keep_recording(scenario: str, measurements: Iterable[Mapping[str, Any]]) -> Path:
    """Write the measurements of one run as the scenario's recording. Return its path."""
    path = probe.lab.run.RECORDED / f"{scenario}.jsonl.gz"
    text = "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in measurements)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))  # without time and name in the gzip header
    return path


def main(names: list[str]) -> int:
    """Record the scenarios. Return the number of runs that differ from their expectations."""
    wanted, failed = names or scenario_names(), 0
    with tempfile.TemporaryDirectory(dir=Path.home()) as root:  # the lab has its own /tmp
        runs = SideBySide([LabRun(name) for name in wanted], Path(root))
        for name in wanted:
            came = runs.of(name)
            if came.finished.differences:
                failed += 1
                print("\n".join([f"{name}: not as expected, not kept", *table(came.finished.differences)]))
                continue
            lines = [
                json.loads(line) for path in came.folder.rglob("*.jsonl") for line in path.read_text().splitlines()
            ]
            print(f"{name}: {len(lines)} lines in {keep_recording(name, lines)}", flush=True)
        runs.close()
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

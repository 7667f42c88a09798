"""Make the recordings of scenarios anew, once per change of shape: the lines that are shown where no lab can run.

Usage: python -m tests.lab.record [NAME…] (default: all). A run that is not as its scenario expects is not kept.
"""

import json
import sys
import tempfile
from pathlib import Path

from probe.lab.run import keep_recording, table
from probe.lab.scenario.scenario import scenario_names
from tests.support.lab.side_by_side import LabRun, SideBySide


def main(names: list[str]) -> int:
    """Record the scenarios; returns how many were not as expected."""
    wanted, failed = names or scenario_names(), 0
    with tempfile.TemporaryDirectory(dir=Path.home()) as root:  # /tmp is the lab's own inside
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

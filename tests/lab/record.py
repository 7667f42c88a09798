"""Record the measurements of scenarios again, after a change of the format. They are shown where no lab can run.

Usage: `python -m tests.lab.record [NAME…]`, by default for all scenarios. A run with unexpected verdicts is not kept.
"""

import gzip
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from probe.lab.recordings import RECORDED
from probe.lab.run import table
from probe.lab.scenario.bundled_scenarios import scenario_names
from tests.support.lab_runs.side_by_side import LabRun, SideBySide


def keep_recording(scenario: str, measurements: Iterable[Mapping[str, Any]], folder: Path = RECORDED) -> Path:
    """Write the measurements of one run as the scenario's recording."""
    path = folder / f"{scenario}.jsonl.gz"
    text = "".join(json.dumps(measurement, separators=(",", ":")) + "\n" for measurement in measurements)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))  # no time and no file name in the header
    return path


def main(names: list[str]) -> int:
    """Record the scenarios and return how many had unexpected verdicts."""
    wanted, failed = names or scenario_names(), 0
    with tempfile.TemporaryDirectory(dir=Path.home()) as root:  # the lab has its own /tmp
        runs = SideBySide.start([LabRun(name) for name in wanted], Path(root))
        for name in wanted:
            outcome = runs.of(LabRun(name))
            if outcome.finished.differences:
                failed += 1
                print("\n".join([f"{name}: not as expected, not kept", *table(outcome.finished.differences)]))
                continue
            measurements = [
                json.loads(line) for path in outcome.folder.rglob("*.jsonl") for line in path.read_text().splitlines()
            ]
            print(f"{name}: {len(measurements)} measurements in {keep_recording(name, measurements)}", flush=True)
        runs.close()
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

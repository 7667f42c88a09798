"""Ask `probe judge` for the verdict about the network of a run. The lab computes no verdict itself."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from probe.results import results_root

PATIENCE = 60.0  # seconds


def network_verdicts(records: Sequence[Mapping[str, Any]], results: Path | None) -> list[dict[str, Any]]:
    """Return the verdict about the network of a run in the lab, whose file the verdict records name.

    There is none without a file, or if `probe judge` fails.
    """
    name = str(records[0].get("measurement_file", "")) if records else ""
    found = sorted((results_root(results) / "lab").rglob(name)) if name else []
    if not found:
        return []
    command = [sys.executable, "-m", "probe", "judge", "--json", "--by", "network", str(found[-1])]
    done = subprocess.run(command, check=False, capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
    return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else []

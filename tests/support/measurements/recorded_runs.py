"""Read recordings of the lab as runs, and make small runs for the page of one run."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from probe.run_page.run_facts import ShownRun, last_run

RECORDED = Path(__file__).parents[3] / "probe" / "lab" / "recorded"


def recorded_run(name: str) -> ShownRun:
    """Return the run of a recording."""
    with gzip.open(RECORDED / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        measurements = [(f"{name}.jsonl", number, json.loads(line)) for number, line in enumerate(lines, 1)]
    run, _ = last_run(measurements)
    assert run is not None
    return run


def run_of(records: list[dict[str, Any]], targets: dict[str, Any], attempts: Iterable[Any] = ()) -> ShownRun:
    """Return a run with these verdict records."""
    return ShownRun(("a.jsonl", "aa"), records, targets, attempts=list(attempts))

"""Test a full run on a slow access line: it ends in time, says what was not tested, and accuses nothing."""

import json
from datetime import datetime
from typing import Any

import pytest

from probe.analysis.rules.rule import ACCUSING
from probe.analysis.rules.services import OUT_OF_TIME
from probe.run.time_budget import STANDARD_SECONDS
from probe.session.round_trips import CROWDED
from tests.lab.runs.test_scenarios import check
from tests.support.lab_runs.side_by_side import LabOutcome

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


def seconds_of(lines: list[dict[str, Any]]) -> float:
    """Return the seconds from the begin of the first measurement to the end of the last one."""
    begun = [datetime.fromisoformat(line["measurement_start_time"]).timestamp() for line in lines]
    return max(begin + line["test_runtime"] for begin, line in zip(begun, lines, strict=True)) - min(begun)


@pytest.mark.lab_run("slow-line")
def test_full_run_ends_in_time_and_accuses_nothing(outcome: LabOutcome) -> None:
    check(outcome.finished)
    lines = [json.loads(line) for path in outcome.folder.rglob("*.jsonl") for line in path.read_text().splitlines()]
    assert outcome.finished.code == 0
    assert seconds_of(lines) <= STANDARD_SECONDS
    states = {record["state"] for record in outcome.finished.records}
    assert "ok" in states and not states & ACCUSING
    untested = [record for record in outcome.finished.records if record["rule_id"] == OUT_OF_TIME]
    assert all(record["state"] == "insufficient" for record in untested)
    assert not untested or any(line["test_keys"]["x_run"]["out_of_time"] for line in lines)
    assert any(line["test_keys"]["x_run"]["access_line"]["queueing"] > CROWDED for line in lines)

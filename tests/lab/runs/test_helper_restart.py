"""Test that a helper that is killed and started again during a run is asked once more, and that the record says so."""

import json

import pytest

from probe.formats.failures import CUT_OFF
from tests.lab.runs.test_scenarios import check
from tests.support.lab_runs.side_by_side import LabOutcome

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

RESTARTED = pytest.param("helper-restarts", marks=pytest.mark.lab_run("helper-restarts"))


@pytest.mark.parametrize("name", [RESTARTED])
def test_open_question_is_asked_again_once(name: str, outcome: LabOutcome) -> None:
    check(outcome.finished)
    lines = [json.loads(line) for file in outcome.folder.rglob("*.jsonl") for line in file.read_text().splitlines()]
    controls = {line["input"] or line["test_name"]: line["test_keys"]["x_control"] for line in lines}
    assert {control["failure"] for control in controls.values()} == {None}
    again = {name for name, control in controls.items() if control.get("asked_again") in CUT_OFF}
    assert again >= {"telegram", "stun://stun.l.google.com:19302"}  # the helper waited for servers that are down

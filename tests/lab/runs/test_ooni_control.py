"""Test that OONI's control protocol gives the same verdicts over TCP and TLS as our own."""

import json

import pytest

from probe.lab.run import table
from probe.lab.world.hosts import HELPER_V4
from tests.support.lab import evidence
from tests.support.lab_runs.side_by_side import LabOutcome

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

CONTROL = ("--control", f"ooni+http://{HELPER_V4}")
ASKED = [
    pytest.param(name, marks=pytest.mark.lab_run(name, options=CONTROL))
    for name in ("sni-reset", "ip-blackhole", "service-down")
]


@pytest.mark.parametrize("name", ASKED)
def test_ooni_control_gives_the_same_states_as_our_own(name: str, outcome: LabOutcome) -> None:
    assert not outcome.finished.differences, "\n" + "\n".join(table(outcome.finished.differences))
    evidence.check_lines(outcome.folder / "lab", outcome.finished.records)
    lines = [json.loads(line) for file in outcome.folder.rglob("*.jsonl") for line in file.read_text().splitlines()]
    controls = [line["test_keys"]["x_control"] for line in lines]
    asked = [control for control in controls if control["asked"]]  # a control of OONI's kind is asked about failures
    assert asked and {control["failure"] for control in controls} == {None}
    assert {control["targets_digest"] for control in asked} == {""}  # the control was OONI's
    assert HELPER_V4 not in json.dumps(controls)
    accused = [record for record in outcome.finished.records if record["state"] in {"blocked", "likely_blocked"}]
    assert all(record["controls"] for record in accused)

"""Test which measurements may be sent: none of the lab, none without network, and no line that was changed."""

from pathlib import Path
from typing import Any

import pytest

from probe.ooni.submission.sendable import reason_unsent, select
from probe.sharing import ShareError
from tests.ooni.submission.runs import NETWORK, public_line
from tests.sharing.shared_runs import inspected, measurement, write_run


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"annotations": {"lab": "great-firewall"}}, "artificial data"),
        ({"annotations": {"synthetic": "world"}}, "artificial data"),
        ({"annotations": {"lab": {}}}, "artificial data"),
        ({"probe_asn": "AS0"}, "unknown or withheld"),
        ({"probe_cc": "ZZ"}, "unknown or withheld"),
        ({"probe_asn": "AS23456"}, "no public network"),
        ({"probe_asn": "AS64496"}, "no public network"),
        ({"probe_asn": "AS65551"}, "no public network"),
        ({"probe_asn": "AS4200000000"}, "no public network"),
        ({"test_name": "Telegram"}, "no such test name"),
        ({"test_name": "t"}, "no such test name"),
        ({"test_name": "a" * 30}, "no such test name"),
        ({"test_name": "a/../b"}, "no such test name"),
        ({"test_name": None}, "no such test name"),
    ],
)
def test_measurement_stays_here(changed: dict[str, Any], reason: str) -> None:
    found = reason_unsent(measurement(**{**NETWORK, **changed}), 1)
    assert found is not None and reason in found


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"probe_asn": "AS64495"},
        {"probe_asn": "AS65552"},
        {"probe_asn": "AS4199999999"},
        {"test_name": "endpoint_reachability"},
        {"test_name": "a" * 29},
        {"annotations": {}},
    ],
)
def test_measurement_of_a_public_network_may_be_sent(changed: dict[str, Any]) -> None:
    assert reason_unsent(measurement(**{**NETWORK, **changed}), 1) is None


def test_lines_are_taken_as_they_stand_and_incomplete_ones_are_not(tmp_path: Path) -> None:
    odd = public_line(test_keys={"title": "Ünïcödé"}).replace(b": ", b":   ")
    run = write_run(tmp_path / "run.jsonl", odd, public_line(probe_asn="AS0"), public_line(test_name="signal")[:-1])
    found = select(inspected(run))
    assert [line.raw for line in found.lines] == [odd.strip()] and list(found.left_out) == [2]


def test_lab_line_between_others_is_found(tmp_path: Path) -> None:
    lab = public_line(annotations={"lab": "clean"})
    run = write_run(tmp_path / "run.jsonl", public_line(), lab, public_line(test_name="signal"))
    found = select(inspected(run, artificial=True))
    assert [line.number for line in found.lines] == [1, 3] and list(found.left_out) == [2]


def test_run_that_was_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run.jsonl", public_line())
    outgoing = inspected(run)
    write_run(run, public_line(test_keys={"address": "192.0.2.1"}))
    with pytest.raises(ShareError, match="changed while it was read"):
        select(outgoing)

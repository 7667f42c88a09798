"""Test the series of a page: shares and intervals, gaps, networks, mechanisms and the limit."""

from typing import Any

import pytest

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import compare
from probe.analysis.report.page import over_time_data as series_data
from probe.analysis.report.page.over_time_data import over_time_data
from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.support.measurements.verdict_rows import blocked, rows, table


def data_of(*groups: list[VerdictRow], **question: Any) -> dict[str, Any]:
    source, asked = table(*groups), Question(**question)
    compare(source, asked)
    return over_time_data(source, asked)


def place(data: dict[str, Any], cc: str, asn: str = "") -> dict[str, Any]:
    (found,) = (one for one in data["places"] if (one["cc"], one["asn"]) == (cc, asn))
    return dict(found)


def test_interval_is_wilsons() -> None:
    """Compare with the published interval of 8 in 10 (0.490 to 0.943), and with 0 in 10 (0 to 0.278)."""
    data = data_of(blocked(8, day="2026-11-20"), rows(2, day="2026-11-20"), rows(10, day="2026-11-22"))
    assert data["days"] == ["2026-11-20", "2026-11-21", "2026-11-22"]
    assert place(data, "IR")["series"]["telegram/web"] == [[0, 8, 2, 0, 490, 943], [2, 0, 10, 0, 0, 278]]


def test_states_are_counted_as_in_cells() -> None:
    connected = rows(3, "insufficient", attempts=1, failures=0, proof="tcp")
    invalid = rows(4, "", valid=False, invalid_reason="vpn")
    data = data_of(rows(2, "impaired"), rows(1, "down"), connected, invalid)
    assert [point[:4] for point in place(data, "IR")["series"]["telegram/web"]] == [[0, 2, 3, 1]]


def test_measurements_of_one_run_count_once() -> None:
    data = data_of(blocked(6, run_id="one"), rows(2))
    assert place(data, "IR")["series"]["telegram/web"][0][:3] == [0, 1, 2]
    assert place(data, "IR")["failing"]["telegram/web"] == [[0, 0, 1]]


def test_networks_have_series_where_there_are_several() -> None:
    two = [blocked(3, probe_asn="AS1"), rows(5, probe_asn="AS2"), rows(1, probe_cc="DE", probe_asn="AS3")]
    data = data_of(*two)
    assert [(one["cc"], one["asn"]) for one in data["places"]] == [("IR", ""), ("DE", ""), ("IR", "AS2"), ("IR", "AS1")]
    assert place(data, "IR")["series"]["telegram/web"][0][:3] == [0, 3, 5]
    assert place(data, "IR", "AS1")["series"]["telegram/web"][0][:3] == [0, 3, 0]


def test_mechanisms_add_up_to_the_runs_that_fail() -> None:
    both = blocked(2, mechanisms="dns.injected tls.reset.sni")
    data = data_of(blocked(5), both, rows(1, "impaired"), rows(4), blocked(3, service="signal/chat"))
    assert data["mechanisms"] == ["tls.reset.sni", "dns.injected + tls.reset.sni", ""]
    failing = place(data, "IR")["failing"]
    assert sorted(failing["telegram/web"]) == [[0, 0, 5], [0, 1, 2], [0, 2, 1]]
    assert failing["signal/chat"] == [[0, 0, 3]]
    assert sum(runs for _, _, runs in failing["telegram/web"]) == place(data, "IR")["series"]["telegram/web"][0][1]


def test_run_that_works_more_often_does_not_fail() -> None:
    data = data_of(blocked(1, run_id="a"), rows(2, run_id="a"))
    assert place(data, "IR")["series"]["telegram/web"][0][1:3] == [0, 1]
    assert place(data, "IR")["failing"] == {}


def test_targets_can_be_rows() -> None:
    data = data_of(blocked(2, service="telegram/web"), rows(3, service="telegram/dc"), row="target")
    assert place(data, "IR")["series"]["telegram"][0][:3] == [0, 2, 3]
    assert list(place(data, "IR")["failing"]) == ["telegram"]


def test_largest_places_stay_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_data, "MOST_POINTS", 3)
    groups = [rows(number, probe_cc="IR", probe_asn=f"AS{number}") for number in range(1, 5)]
    data = data_of(*groups, rows(1, probe_cc="DE"))
    assert [(one["cc"], one["asn"]) for one in data["places"]] == [("IR", ""), ("DE", ""), ("IR", "AS4")]
    assert data["places_left_out"] == 3


def test_day_of_an_invalid_measurement_does_not_prolong_the_period() -> None:
    data = data_of(rows(2), rows(1, "", valid=False, invalid_reason="clock", day="2031-01-01"))
    assert data["days"] == ["2026-11-24"]

"""Test that a clock error which a record states moves neither the day nor the month of its measurement."""

from datetime import UTC, datetime
from typing import Any

import pytest

from probe.analysis.observations.clock import true_start
from probe.analysis.store.flatten import flatten
from probe.analysis.store.writing.admission import reason_rejected
from probe.analysis.verdicts.verdicts import flat_measurement_of

WEEK = 7 * 86400.0


def measurement(start: str, **preflight: Any) -> dict[str, Any]:
    return {
        "measurement_start_time": start,
        "probe_cc": "IR",
        "probe_asn": "AS1",
        "test_name": "reachability",
        "test_keys": {"x_run": {"preflight": preflight}},
    }


@pytest.mark.parametrize(
    ("skew", "expected"),
    [
        (WEEK, "2026-11-03T13:05:00Z"),
        (-WEEK, "2026-10-20T13:05:00Z"),
        (43200.0, "2026-10-28T01:05:00Z"),
        (0.0, "2026-10-27T13:05:00Z"),
        (None, "2026-10-27T13:05:00Z"),
        ("a week", "2026-10-27T13:05:00Z"),
        (1e12, "2026-10-27T13:05:00Z"),
    ],
)
def test_stated_clock_error_is_removed(skew: Any, expected: str) -> None:
    assert true_start(measurement("2026-10-27 13:05:00", clock_skew=skew)) == expected


def test_text_that_is_no_time_stays() -> None:
    assert true_start(measurement("yesterday", clock_skew=WEEK)) == "yesterday"


def test_day_of_store_is_true_and_time_is_as_recorded() -> None:
    line = measurement("2026-10-27 13:05:00", clock_skew=WEEK)
    row = flatten(flat_measurement_of(line), line, line_hash="", size=1, file="a", number=1).measurement
    assert (row["day"], row["measurement_start_time"]) == ("2026-11-03", "2026-10-27T13:05:00Z")
    assert row["corrected_start_time"] == "2026-11-03T13:05:00Z"


def test_clock_that_is_ahead_is_no_reason_to_reject() -> None:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    ahead = measurement("2027-11-01 00:00:00", clock_skew=-365 * 86400.0)
    assert "in the future" not in (reason_rejected(ahead, now, lab=False) or "")
    assert "in the future" in (reason_rejected(measurement("2027-11-01 00:00:00"), now, lab=False) or "")

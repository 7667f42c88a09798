"""Correct the time of a measurement by the error of the clock that its record states."""

from datetime import UTC, datetime, timedelta
from typing import Any

from probe.analysis.observations.lenient_json import moment, seconds, table

_SHAPE = "%Y-%m-%dT%H:%M:%SZ"


def true_start(measurement: dict[str, Any]) -> str:
    """Return the start of a measurement as `YYYY-MM-DDTHH:MM:SSZ`, by the neutral hosts' clocks.

    It is the recorded start plus `x_run.preflight.clock_skew`. Without this fact, as in all measurements of OONI, or
    with one that leaves the calendar, it is the recorded start.
    """
    recorded = moment(measurement.get("measurement_start_time"))
    run = table(table(measurement.get("test_keys")).get("x_run"))
    skew = seconds(table(run.get("preflight")).get("clock_skew"))
    if not skew:
        return recorded
    try:
        return f"{datetime.strptime(recorded, _SHAPE).replace(tzinfo=UTC) + timedelta(seconds=skew):{_SHAPE}}"
    except (ValueError, OverflowError):  # no time, or a year that does not exist
        return recorded

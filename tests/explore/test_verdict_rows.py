"""Test that rows of verdicts are chosen by the time without the clock's error."""

from dataclasses import replace
from pathlib import Path

from probe.explore.explorer import VerdictRows
from probe.explore.parameters import VerdictsParameters
from tests.support.measurements.verdict_rows import rows, store


def test_period_uses_the_corrected_time(tmp_path: Path) -> None:
    (right,) = rows(day="2026-11-24", service="a/web")
    (wrong,) = rows(day="2026-11-24", service="b/web")
    store(tmp_path, [right, replace(wrong, measurement_start_time="2031-01-01T00:00:00Z")])
    asked = VerdictsParameters(since="2026-11-24", until="2026-11-25")
    found, _ = VerdictRows(tmp_path).page(asked, (0, 0))
    assert sorted(row["service"] for row in found) == ["a/web", "b/web"]

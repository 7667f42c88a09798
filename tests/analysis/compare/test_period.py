"""Test the period of the measurements: a wrong clock does not stretch it, and real older measurements do."""

from probe.analysis.compare.axes import Question
from probe.analysis.compare.over_time.events import events
from probe.analysis.compare.over_time.period import period_of
from probe.analysis.compare.over_time.series import series
from tests.analysis.compare.test_events import bad, fine
from tests.support.measurements.verdict_rows import rows, table


def test_run_years_away_does_not_stretch_the_period() -> None:
    strays = rows(1, day="2019-01-01", run_id="a") + rows(3, day="2031-01-01", run_id="b")
    found = period_of(table(fine(2, range(10)), strays))
    assert (len(found.days), found.strays, found.stray_runs) == (10, ["2019-01-01", "2031-01-01"], 2)


def test_few_runs_of_two_years_are_both_in_the_period() -> None:
    found = period_of(table(rows(1, day="2024-11-01"), rows(1, day="2026-11-01")))
    assert (len(found.days), found.strays) == (731, [])


def test_older_campaign_is_in_the_period() -> None:
    found = period_of(table(fine(10, range(10)), rows(5, day="2025-01-01")))
    assert (found.days[0], found.strays) == ("2025-01-01", [])


def test_device_with_a_wrong_clock_does_not_stretch_the_period_however_often_it_measures() -> None:
    strays = [row for day in range(1, 9) for row in rows(1, day=f"2011-01-0{day}", run_id=f"wrong {day}")]
    usual = [*fine(10, range(10)), *fine(1, range(10), probe_asn="AS9")]
    found = period_of(table(usual, strays))
    assert (len(found.days), found.stray_runs) == (10, 8)


def test_series_has_the_days_of_a_wrong_clock_without_the_years_between() -> None:
    (found,) = series(table(fine(2, range(10)), rows(1, day="2011-01-01", run_id="a")), Question(by=("cc",)))
    assert len(found.buckets) == 11 and (found.buckets[0].time, found.buckets[0].n) == ("2011-01-01", 1)


def test_events_are_found_beside_a_wrong_clock() -> None:
    wrong = rows(1, day="2011-01-01")
    days = [fine(6, range(10), probe_asn=asn) + bad(6, range(10, 20), probe_asn=asn) for asn in ("AS1", "AS2", "AS3")]
    apart = [fine(6, range(20), probe_asn=asn) for asn in ("AS4", "AS5")]
    with_wrong, without = (events(table(*days, *apart, *more), Question()) for more in ([wrong], []))
    assert with_wrong == without

"""Test that failures whose cause is on the user's own side count in no output, and are named as set aside."""

from datetime import date, timedelta

import pytest

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import compare
from probe.analysis.compare.compare import to_json
from probe.analysis.compare.instrument import suspects
from probe.analysis.compare.over_time.events import events
from probe.analysis.compare.over_time.series import series
from probe.analysis.compare.terminal.style import Style
from probe.analysis.compare.terminal.text import to_text
from probe.analysis.report.page.over_time_data import failing_runs, over_time_data, points
from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.support.measurements.verdict_rows import rows, table

START, DAYS = date(2026, 10, 1), range(30)
PLACES = ("this_computer", "home_network", "resolver_of_choice")
FILTERED = "filtered_locally"


def on_all_networks(day: int, state: str = FILTERED, place: str = "", **columns: object) -> list[VerdictRow]:
    """Return runs of three kinds of devices on three networks, enough for every statement about a country."""
    return [
        row
        for number in range(3)
        for row in rows(
            2,
            state,
            day=(START + timedelta(days=day)).isoformat(),
            probe_asn=f"AS{number}",
            software_version=f"0.{number}",
            cause_place=place,
            **columns,
        )
    ]


def world(place: str) -> list[VerdictRow]:
    """Let a service be filtered on the own side in Iran for 20 days, and work before and elsewhere."""
    filtered = [row for day in DAYS for row in on_all_networks(day, "ok" if day < 10 else FILTERED, place)]
    return filtered + [row for cc in ("DE", "FR") for day in DAYS for row in on_all_networks(day, "ok", probe_cc=cc)]


@pytest.fixture(params=PLACES)
def filtered(request: pytest.FixtureRequest) -> list[VerdictRow]:
    return world(request.param)


@pytest.mark.parametrize("axes", [("cc",), ("cc", "asn")])
def test_no_cell_fails_or_is_marked(filtered: list[VerdictRow], axes: tuple[str, ...]) -> None:
    comparison = compare(table(filtered), Question(by=axes))
    cells = list(comparison.cells.values())
    assert {cell.state for cell in cells} == {"ok"}
    assert not any(cell.difference and cell.difference.worse for cell in cells)
    assert sum(cell.set_aside.get(FILTERED, 0) for cell in cells) == 120
    assert comparison.instrument == []


def test_words_and_json_say_that_it_is_set_aside(filtered: list[VerdictRow]) -> None:
    comparison = compare(table(filtered), Question(by=("cc",)))
    assert "BLOCKED" not in to_text(comparison, Style(80))
    assert '"filtered_locally": 120' in to_json(comparison)


def test_no_event_begins_and_nothing_falls_silent(filtered: list[VerdictRow]) -> None:
    assert events(table(filtered), Question()) == []


def test_days_of_a_series_have_no_failing_run(filtered: list[VerdictRow]) -> None:
    (iran,) = [one for one in series(table(filtered), Question(by=("cc",))) if one.vantage["cc"] == "IR"]
    assert {bucket.state for bucket in iran.buckets} == {"ok", "insufficient"}
    assert sum(bucket.set_aside[FILTERED] for bucket in iran.buckets) == 120


def test_page_has_no_failing_run_and_no_event(filtered: list[VerdictRow]) -> None:
    verdicts = table(filtered)
    compare(verdicts, Question(by=("cc",)))  # it prepares the table
    assert failing_runs(verdicts, "service") == []
    days = [(START + timedelta(days=day)).isoformat() for day in DAYS]
    assert all(point[1] == 0 for found in points(verdicts, "service", days).values() for point in found["telegram/web"])
    assert over_time_data(verdicts, Question(by=("cc",)))["events"] == []


def test_version_that_only_filtered_users_have_is_not_faulty() -> None:
    """Let the filtered users have one version, and others another one in the same networks on the same days."""

    def runs(state: str, version: str) -> list[VerdictRow]:
        places = [((START + timedelta(days=day)).isoformat(), f"AS{number}") for day in DAYS for number in range(3)]
        return [row for day, asn in places for row in rows(1, state, day=day, probe_asn=asn, software_version=version)]

    assert suspects(table(runs("ok", "1"), runs("blocked", "2"))) == [("telegram/web", "censorprobe 2")]
    assert suspects(table(runs("ok", "1"), runs(FILTERED, "2"))) == []


def test_the_same_rows_accuse_if_the_cause_is_elsewhere() -> None:
    """Check that the world of these tests has enough evidence for every output."""
    accused = [row for day in DAYS for row in on_all_networks(day, "ok" if day < 10 else "blocked")]
    fine = [row for cc in ("DE", "FR") for day in DAYS for row in on_all_networks(day, "ok", probe_cc=cc)]
    comparison = compare(table(accused, fine), Question(by=("cc",)))
    (iran,) = [cell for cell in comparison.cells.values() if cell.vantage["cc"] == "IR"]
    assert (iran.state, iran.difference is not None and iran.difference.worse) == ("blocked", True)
    assert len(events(table(accused, fine), Question())) == 1

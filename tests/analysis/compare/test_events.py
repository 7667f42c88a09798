"""Test change points, series and events."""

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from probe.analysis.compare.axes import Question, QuestionError
from probe.analysis.compare.over_time.event import Event
from probe.analysis.compare.over_time.events import events
from probe.analysis.compare.over_time.events import to_json as events_to_json
from probe.analysis.compare.over_time.events import to_text as events_to_text
from probe.analysis.compare.over_time.series import series, to_json
from probe.analysis.compare.terminal.series_text import to_text
from probe.analysis.compare.terminal.style import Style
from probe.analysis.statistics.cusum import Change, collapse, interference
from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.support.measurements.synthetic_world import score, templates
from tests.support.measurements.verdict_rows import blocked, rows, table

pytestmark = pytest.mark.usefixtures("one_contributor_is_enough")

START = date(2026, 10, 1)


def day(number: int) -> str:
    return (START + timedelta(days=number)).isoformat()


def fine(n: int, days: range, **columns: Any) -> list[VerdictRow]:
    return [row for number in days for row in rows(n, day=day(number), **columns)]


def bad(n: int, days: range, **columns: Any) -> list[VerdictRow]:
    return [row for number in days for row in blocked(n, day=day(number), **columns)]


def found(*groups: list[VerdictRow], **question: Any) -> list[Event]:
    return events(table(*groups), Question(**question))


def test_change_has_onset_end_and_detection() -> None:
    counts = [(0, 5)] * 10 + [(5, 0)] * 10 + [(0, 5)] * 10
    assert interference(counts) == [Change(10, 20, 11)]
    assert interference(counts[:20]) == [Change(10, None, 11)]
    assert interference(counts[10:20]) == [Change(None, None, 1)]  # the onset is before the data


def test_gaps_do_not_change_result() -> None:
    counts = [(0, 5), (0, 0)] * 5 + [(5, 0), (0, 0)] * 5
    assert interference(counts) == [Change(10, None, 12)]
    assert interference([(0, 0)] * 50) == []


@pytest.mark.parametrize(
    "counts",
    [
        [(1, 9)] * 100,  # one measurement in ten accuses every day
        [(0, 5)] * 10 + [(5, 0)] + [(0, 5)] * 10,  # one afternoon of one user
        [],
    ],
)
def test_steady_counts_give_no_change(counts: list[tuple[int, int]]) -> None:
    assert interference(counts) == []


def test_day_of_one_network_counts_once() -> None:
    """Let one user make 24 accusing runs on each of five days. One accusing day more is needed for an event."""
    before = fine(4, range(10)), bad(24, range(10, 15))
    assert found(*before) == []
    (event,) = found(*before, bad(1, range(15, 16)))
    assert (event.onset, event.detected_at) == (day(10), day(15))


def test_onset_does_not_move_by_runs_with_wrong_clock() -> None:
    """Let one run in ten be valid, and its clock a week off. Its day is the true one, its time the clock's."""
    groups = fine(9, range(20), probe_asn="AS1"), bad(9, range(20, 30), probe_asn="AS1")
    wrong = [
        replace(row, measurement_start_time=f"{day(number - 7)}T13:05:00Z")
        for number in range(30)
        for row in (fine if number < 20 else bad)(1, range(number, number + 1), probe_asn="AS1")
    ]
    assert [(event.onset, event.end) for event in found(*groups, wrong)] == [(day(20), None)]
    (laid,) = series(table(*groups, wrong), Question())
    assert [bucket.time for bucket in laid.buckets] == [day(number) for number in range(30)]
    assert {bucket.n for bucket in laid.buckets} == {10}


def test_periods_and_hours_are_those_of_corrected_time() -> None:
    """Let a clock be 22 hours slow. Its run is on the evening before by its own clock."""
    slow = [replace(row, measurement_start_time=f"{day(9)}T15:05:00Z") for row in fine(1, range(10, 11))]
    for since, until, times in ((day(10), "", [f"{day(10)}T13"]), ("", day(10), []), (day(9), day(10), [])):
        laid = series(table(slow), Question(since=since, until=until), "hour")
        assert [bucket.time for one in laid for bucket in one.buckets] == times


def test_invalid_measurement_of_another_year_prolongs_nothing() -> None:
    strange = rows(1, day="2021-01-01", valid=False, invalid_reason="clock")
    assert len(found(fine(4, range(10)), bad(4, range(10, 20)), strange)) == 1


def test_partial_block_is_one_change() -> None:
    assert interference([(0, 10)] * 10 + [(5, 5)] * 60) == [Change(10, None, 11)]


def test_collapse_of_volume_is_found() -> None:
    assert collapse([20] * 20 + [0] * 5 + [20] * 5) == [Change(20, 25, 21, 20.0)]
    assert collapse([20] * 20 + [10] * 20) == []
    assert collapse([1, 0] * 20 + [0] * 20) == []  # the usual volume is too low
    assert collapse([0] * 20) == []


def test_networks_share_one_event() -> None:
    groups = [
        fine(4, range(10), probe_asn=asn)
        + bad(4, range(10 + late, 20), probe_asn=asn)
        + fine(4, range(20, 30), probe_asn=asn)
        for asn, late in (("AS1", 0), ("AS2", 1), ("AS3", 0))
    ]
    bystander = fine(4, range(30), probe_asn="AS4") + fine(4, range(30), probe_cc="DE")
    assert found(*groups, bystander) == [
        Event("telegram/web", ["AS1", "AS2", "AS3"], day(10), day(20), "tls.reset.sni", day(12), "interference", "IR")
    ]


def test_mechanisms_of_event_are_joined_in_text() -> None:
    both = bad(4, range(10, 20), mechanisms="dns.injection tls.reset.sni")
    once = bad(1, range(14, 15), mechanisms="quic.drop")  # the hash of one measurement
    separate = found(fine(4, range(10)), both, once)
    assert [(event.onset, event.mechanism) for event in separate] == [
        (day(10), "dns.injection"),
        (day(10), "tls.reset.sni"),
    ]
    assert events_to_text(separate).count("dns.injection, tls.reset.sni") == 1


@pytest.mark.parametrize("seed", range(3))
def test_events_of_invented_world_are_found(seed: int) -> None:
    made = score(30_000, seed, templates())
    assert made.false == 0 and made.begun > 20
    assert made.found >= 0.95 * made.begun
    assert made.delay <= 10 and made.error <= 1


def test_countries_and_months_are_separate_events() -> None:
    twice = [
        row
        for asn, when in (("AS1", 10), ("AS2", 25))
        for row in fine(4, range(when), probe_asn=asn) + bad(4, range(when, 40), probe_asn=asn)
    ]
    abroad = fine(4, range(10), probe_cc="DE") + bad(4, range(10, 40), probe_cc="DE")
    assert [(event.cc, event.onset) for event in found(twice, abroad)] == [
        ("DE", day(10)),
        ("IR", day(10)),
        ("IR", day(25)),
    ]


def test_small_networks_together_give_one_event() -> None:
    many = [
        row
        for number in range(12)
        for row in fine(1, range(number % 3, 12, 3), probe_asn=f"AS{number + 1}")
        + bad(1, range(12 + number % 3, 18, 3), probe_asn=f"AS{number + 1}")
    ]
    (event,) = found(many)
    assert (event.onset, len(event.networks), event.mechanism) == (day(12), 12, "tls.reset.sni")


def test_outage_of_service_is_no_event() -> None:
    assert found(fine(5, range(10)), [row for n in range(10, 30) for row in rows(5, "down", day=day(n))]) == []


def test_outage_does_not_end_event() -> None:
    outage = [row for n in range(20, 30) for row in rows(5, "down", day=day(n))]
    (event,) = found(fine(5, range(10)), bad(5, range(10, 20)), outage, bad(5, range(30, 40)))
    assert (event.onset, event.end) == (day(10), None)


def test_events_as_json_have_all_keys() -> None:
    (event,) = json.loads("[" + events_to_json(found(fine(5, range(9)), bad(5, range(9, 15)))).strip() + "]")
    assert 0 < event.pop("q_value") <= 1  # one network is hardly more than an accident
    assert event == {
        "service": "telegram/web",
        "networks": ["AS64500"],
        "onset": day(9),
        "end": None,
        "mechanism": "tls.reset.sni",
        "detected_at": day(14),
        "kind": "interference",
        "cc": "IR",
    }


def test_series_shows_gaps() -> None:
    untested = rows(1, "insufficient", proof="", day=day(2))
    laid = series(table(fine(6, range(1)), bad(6, range(3, 4)), untested), Question())
    states = [json.loads(line) for line in to_json(laid).splitlines()]
    assert [(row["time"], row["state"], row["n"]) for row in states] == [
        (day(0), "ok", 6),
        (day(1), "insufficient", 0),
        (day(2), "insufficient", 0),
        (day(3), "blocked", 6),
    ]
    text = to_text(laid)
    assert text.isascii() and max(map(len, text.splitlines())) <= 80
    assert f"{day(0)}     ....................  OK 6/6" in text
    assert f"{day(3)}     ####################  BLOCKED 6/6" in text
    assert f"{day(1)}                           not measured" in text
    assert "1 not counted: not enough data" in text
    drawn = to_text(laid, Style(40, glyphs=True))
    assert f"{day(0)} ░░░░ OK 6/6" in drawn and f"{day(3)} ████ BLOCKED 6/6" in drawn
    assert max(map(len, drawn.splitlines())) < 40


def test_series_says_the_state_of_most_runs_and_their_share() -> None:
    """Give no state of its own to a day of several states. A run counts once, however many measurements it has."""
    days = (
        (blocked(3, day=day(0)), rows(2, "degraded", day=day(0)), rows(2, day=day(0))),
        (blocked(3, day=day(1)), rows(3, day=day(1))),
        (blocked(9, day=day(2), run_id="one"), rows(5, day=day(2))),
        (rows(4, "down", day=day(3)), blocked(1, day=day(3))),
        (blocked(2, day=day(4)),),
    )
    laid = series(table(*(group for groups in days for group in groups)), Question())
    found = [json.loads(line) for line in to_json(laid).splitlines()]
    assert [(row["state"], row["found"], round(row["share"], 2)) for row in found] == [
        ("blocked", "blocked", 0.71),
        ("ok", "ok", 0.5),  # a tie accuses nothing
        ("ok", "ok", 0.83),
        ("blocked", "blocked", 0.2),
        ("insufficient", "blocked", 1.0),
    ]
    assert (found[2]["n"], found[2]["by_state"], found[2]["runs"]) == (
        14,
        {"blocked": 9, "ok": 5},
        {"blocked": 1, "ok": 5},
    )
    text = to_text(laid)
    assert f"{day(0)}     ##############......  BLOCKED 5/7" in text
    assert f"{day(4)}     ####################  (BLOCKED 2/2)" in text


def test_contact_without_proof_works_in_a_series() -> None:
    (one,) = series(table(rows(5, "insufficient", day=day(0))), Question())
    assert (one.buckets[0].state, one.buckets[0].failing_share) == ("connected", 0)


def test_series_by_hour() -> None:
    (one,) = series(table(rows(1)), Question(by=("cc",)), "hour")
    assert [bucket.time for bucket in one.buckets] == ["2026-11-24T13"]


def test_wrong_date_is_refused_as_too_long() -> None:
    with pytest.raises(QuestionError, match="Shorten the period"):
        series(table(rows(1), rows(1, day="9999-12-31")), Question())
    assert len(series(table(rows(1), rows(1, day="2026-99-99")), Question())[0].buckets) == 1

"""Test the time line: rows, marks, sentences, and limits on untrusted times."""

from typing import Any

import pytest

from probe.run_page.run_facts import LONGEST, ShownAttempt, ShownRun
from probe.run_page.run_page_data import BINS, WIDTH, page_data, time_line
from tests.support.measurements.recorded_runs import recorded_run

APPS = [("telegram", "Telegram"), ("signal", "Signal")]


def attempt(began: float, failed: bool = False, app: str = "telegram") -> ShownAttempt:
    return ShownAttempt(
        app, 1000.0 + began, {"kind": "first", "sent_name": "a.example", "failure": "x" if failed else None}
    )


def rows(*attempts: ShownAttempt) -> list[dict[str, Any]]:
    made = time_line(attempts, APPS)
    assert made is not None
    found: list[dict[str, Any]] = made["rows"]
    return found


def test_row_counts_attempts_and_failures() -> None:
    row, other = rows(attempt(0), attempt(4, True), attempt(10, True), attempt(3, app="signal"))
    assert (row["title"], other["title"]) == ("Telegram", "Signal")
    assert row["summary"] == "3 attempts, 2 failed. The first began after 0 s, the last after 10 s."
    assert other["summary"] == "1 attempt, 0 failed. The first began after 3 s, the last after 3 s."
    assert [mark["failed"] for mark in row["marks"]] == [False, True, True]
    places = [mark["x"] for mark in row["marks"]]
    assert places == sorted(places) and places[0] > 0 and places[-1] < WIDTH


def test_single_attempt_is_described_and_several_are_counted() -> None:
    (row,) = rows(attempt(0), attempt(0.01), attempt(0.02, True), attempt(9.96))
    assert [mark["text"] for mark in row["marks"]] == [
        "After 0 s: 2 attempts worked",
        "After 0 s: tried a.example at : failed in  with x (0.00 s)",
        "After 10 s: tried a.example at : worked (0.00 s)",
    ]


def test_many_attempts_have_few_marks() -> None:
    (row,) = rows(*(attempt(number / 100, number % 3 == 0) for number in range(10_000)))
    assert len(row["marks"]) == 2 * BINS
    assert row["summary"].startswith("10000 attempts, 3334 failed.")


def test_no_attempts_have_no_time_line() -> None:
    assert time_line([], APPS) is None
    assert time_line([attempt(1, app="of no card")], APPS) is None


@pytest.mark.parametrize("time", ["x", None, -5, 1e9, 1e308, True, {"a": 1}])
def test_strange_times_stay_inside(time: Any) -> None:
    run, transaction = ShownRun(), {"kind": [], "followup": [1], "t0": time, "t": time, "address": 5, "failure": 7}
    keys = {"x_target": {"name": "telegram"}, "x_transactions": [transaction, {"t0": 2}, "no object"]}
    run.add([], {"measurement_start_time": "2026-11-24 10:00:00", "test_keys": keys})
    assert len(run.attempts) == 2
    assert all(0 <= each.began - run.attempts[1].began + 2 <= LONGEST for each in run.attempts)
    (row,) = rows(*run.attempts)
    assert all(0 < mark["x"] < WIDTH for mark in row["marks"])


@pytest.mark.parametrize("start", ["yesterday", "9999-99-99 00:00:00", None, 5])
def test_measurement_without_time_has_attempts(start: Any) -> None:
    run = ShownRun()
    keys = {"x_target": {"name": "telegram"}, "x_transactions": [{"t0": 2}]}
    run.add([], {"measurement_start_time": start, "test_keys": keys})
    assert run.attempts[0].began == 2.0


def test_recording_has_every_attempt() -> None:
    run = recorded_run("great-firewall")
    line = page_data(run)["time_line"]
    counted = [int(row["summary"].split()[0]) for row in line["rows"]]
    assert sum(counted) == len(run.attempts) == 1821
    assert line["ticks"][0] == "0" and len(line["ticks"]) == 5

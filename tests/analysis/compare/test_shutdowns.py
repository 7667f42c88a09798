"""Test that networks which fall silent together are a shutdown, and users who stop are none."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest

from probe.analysis.compare.axes import Question
from probe.analysis.compare.over_time.event import SHUTDOWN, STOPPED, Event
from probe.analysis.compare.over_time.events import events, to_text
from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.support.measurements.verdict_rows import rows, table

START = date(2026, 10, 1)
NETWORKS = ("AS1", "AS2")
QUIET = range(20, 25)


def day(number: int) -> str:
    return (START + timedelta(days=number)).isoformat()


def runs(n: int, days: Iterable[int], asn: str = "AS1", **columns: Any) -> list[VerdictRow]:
    return [row for number in days for row in rows(n, day=day(number), probe_asn=asn, **columns)]


def around(n: int, asn: str, **columns: Any) -> list[VerdictRow]:
    return runs(n, [number for number in range(35) if number not in QUIET], asn, **columns)


def abroad(days: Iterable[int] = range(35)) -> list[VerdictRow]:
    return runs(4, days, "AS9", probe_cc="DE") + runs(4, days, "AS8", probe_cc="DE")


def found(*groups: list[VerdictRow]) -> list[Event]:
    return events(table(*groups), Question())


def kinds(*groups: list[VerdictRow]) -> list[str]:
    return [event.kind for event in found(*groups)]


def test_networks_that_fall_silent_together_are_a_shutdown() -> None:
    (event,) = found(*(around(8, asn) for asn in NETWORKS), abroad())
    assert (event.kind, event.service, event.mechanism) == (SHUTDOWN, None, None)
    assert (event.networks, event.onset, event.end) == (["AS1", "AS2"], day(20), day(25))
    assert day(20) <= event.detected_at <= day(24)
    assert "possible shutdown" in to_text([event])


def test_many_measurements_of_one_run_are_no_large_network() -> None:
    """Let one user make a run of 24 measurements a day, and leave."""
    one = [row for number in range(20) for row in rows(24, day=day(number), probe_asn="AS1", run_id=f"daily{number}")]
    assert kinds(one, runs(2, range(0, 35, 3), "AS2"), abroad()) == []


def test_two_users_who_leave_are_no_shutdown() -> None:
    """Let networks fall silent for good now and then. Two of one country do so on one day."""
    sparse = [row for asn in NETWORKS for row in runs(24, range(0, 20, 2), asn, run_id="same")]
    leaving = [
        row
        for number, length in enumerate((5, 8, 11, 14, 17, 23, 26, 29))
        for row in runs(1, range(0, length, 2), f"AS{20 + number}", probe_cc="DE")
    ]
    assert SHUTDOWN not in kinds(sparse, leaving, abroad())


def test_network_that_stops_alone_is_measurements_that_stopped() -> None:
    (event,) = found(runs(30, range(20), "AS1"), runs(8, range(35), "AS2"), abroad())
    assert (event.kind, event.networks, event.onset) == (STOPPED, ["AS1"], day(20))
    assert "measurements stopped" in to_text([event])


def test_runs_without_network_do_not_end_a_shutdown() -> None:
    """Let the neutral hosts fail in every run of the shutdown, as the preflight records them."""
    without = {"valid": False, "invalid_reason": "no_network", "state": ""}
    silent = [row for asn in NETWORKS for row in runs(8, QUIET, asn, **without)]
    (event,) = found(*(around(8, asn) for asn in NETWORKS), silent, abroad())
    assert (event.kind, event.onset, event.end) == (SHUTDOWN, day(20), day(25))


def test_failing_services_beside_working_neutral_hosts_are_no_shutdown() -> None:
    """Let every service fail, and the neutral hosts answer."""
    failing = [row for asn in NETWORKS for row in runs(8, QUIET, asn, state="down")]
    assert kinds(*(around(8, asn) for asn in NETWORKS), failing, abroad()) == []


def test_fault_of_the_probe_is_no_shutdown() -> None:
    """Let the measurements of all countries be missing, of which each has four networks."""
    countries = [
        [row for number in range(4) for row in around(8, f"{cc}{number}", probe_cc=cc)] for cc in ("IR", "DE", "FR")
    ]
    assert SHUTDOWN not in kinds(*countries)
    measured = runs(8, QUIET, "DE0", probe_cc="DE") + runs(8, QUIET, "FR0", probe_cc="FR")
    assert SHUTDOWN not in kinds(*countries, measured)


@pytest.mark.parametrize("ahead", [40, 400])
def test_clock_that_is_ahead_makes_no_shutdown(ahead: int) -> None:
    """Let one valid measurement of OONI's have a time after all others. Its record has no fact about the clock."""
    late = runs(1, [ahead], "AS9", probe_cc="DE", run_id="")
    assert kinds(*(runs(8, range(35), asn) for asn in NETWORKS), abroad(), late) == []

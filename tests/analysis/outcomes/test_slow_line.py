"""Test that silence accuses nothing on a slow access line, while resets and forged answers do."""

from typing import Any

import pytest

from probe.analysis.features.network_check_columns import LONG_QUEUE, LONG_ROUND_TRIP
from probe.analysis.rules.services import OUT_OF_TIME
from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.lines import GENUINE, SECOND, Lines

HOST, SILENCE, RESET = "web.telegram.org", "generic_timeout_error", "connection_reset"
URL, STUN = f"https://{HOST}:443/", "stun://149.154.167.51:3478"
SLOW = {"round_trip": 0.4, "queueing": LONG_QUEUE, "received_rate": 60_000}
FULL = SLOW | {"round_trip": LONG_ROUND_TRIP, "queueing": 0.0}  # of other users' packets, before the run
BUSY = SLOW | {"round_trip": 0.8, "queueing": LONG_QUEUE / 2}  # no longer than over a satellite


def judged(lines: Lines) -> tuple[str, str]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record["state"], record["rule_id"]


def endpoint(outcome: str, line: dict[str, Any] | None, *, ips: tuple[str, ...] = (GENUINE,), url: str = URL) -> Lines:
    """Return an endpoint that fails twice at its first address, works at the others, and works for the helper."""
    lines = Lines({"web": [url]})
    if HOST in url:
        lines.lookup(HOST, *ips)
        lines.encrypted(HOST, *ips)
        lines.control_lookup(HOST, *ips)
        lines.innocuous(url, ips[0])
    lines.twice(url, ips[0], outcome)
    for ip in ips[1:]:
        lines.first(url, ip)
    for ip in ips:
        lines.control(url, ip)
    if line is not None:
        lines.run["access_line"] = line
    return lines


@pytest.mark.parametrize("layer", ["tcp", "tls", "http"])
@pytest.mark.parametrize("line", [SLOW, FULL], ids=["queue", "round trip"])
def test_silence_on_a_slow_line_is_impaired(layer: str, line: dict[str, Any]) -> None:
    assert judged(endpoint(f"{layer}:{SILENCE}", line)) == ("impaired", "address_silent_on_slow_line")


@pytest.mark.parametrize("layer", ["tcp", "tls", "http"])
@pytest.mark.parametrize("line", [None, BUSY], ids=["unknown", "short queue"])
def test_silence_on_another_line_is_accused(layer: str, line: dict[str, Any] | None) -> None:
    (record,) = judge_measurement(endpoint(f"{layer}:{SILENCE}", line).line(), file="a.jsonl", number=1)
    assert record["state"] in {"blocked", "likely_blocked"} and record["way"] == "timeout"


def test_silent_datagram_on_a_slow_line_is_impaired() -> None:
    assert judged(endpoint(f"payload:{SILENCE}", SLOW, url=STUN, ips=("149.154.167.51",)))[0] == "impaired"
    assert judged(endpoint(f"payload:{SILENCE}", BUSY, url=STUN, ips=("149.154.167.51",)))[0] == "likely_blocked"


def test_slower_address_of_a_working_endpoint_accuses_nothing_on_a_slow_line() -> None:
    outcome = f"http:{SILENCE}"
    assert judged(endpoint(outcome, SLOW, ips=(GENUINE, SECOND)))[0] == "ok"
    assert judged(endpoint(outcome, BUSY, ips=(GENUINE, SECOND))) == ("degraded", "endpoint_addresses_differ")


@pytest.mark.parametrize("line", [SLOW, BUSY], ids=["slow", "fast"])
def test_reset_by_name_is_accused_on_every_line(line: dict[str, Any]) -> None:
    assert judged(endpoint(f"tls:{RESET}", line)) == ("blocked", "failure_follows_name")


def test_reset_and_silence_on_a_slow_line_are_not_taken_for_silence_alone() -> None:
    lines = endpoint(f"tls:{RESET}", SLOW)
    lines.twice(URL, GENUINE, f"tls:{SILENCE}")
    assert judged(lines)[1] != "address_silent_on_slow_line"


def test_failure_at_the_helper_too_is_down_on_a_slow_line() -> None:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.twice(URL, GENUINE, f"tcp:{SILENCE}")
    lines.control(URL, GENUINE, f"tcp:{SILENCE}")
    lines.run["access_line"] = SLOW
    assert judged(lines)[0] == "down"


def test_lost_lookup_accuses_nothing_on_a_slow_line() -> None:
    for line, states in ((BUSY, {"blocked", "likely_blocked"}), (SLOW, {"impaired", "insufficient"})):
        lines = Lines({"web": [URL]})
        lines.lookup(HOST, failure=SILENCE)
        lines.probe.records[-1].t = 10.0
        lines.resolver_answers()
        lines.encrypted(HOST, GENUINE)
        lines.alternative(URL, GENUINE)
        lines.control(URL, GENUINE)
        lines.control_lookup(HOST, GENUINE)
        lines.run["access_line"] = line
        assert judged(lines)[0] in states


@pytest.mark.parametrize("line", [{"queueing": "long", "round_trip": None}, {"queueing": -1.0}, {}, [], None])
def test_malformed_facts_are_no_slow_line(line: Any) -> None:
    lines = endpoint(f"tls:{SILENCE}", None)
    lines.run["access_line"] = line
    assert judged(lines)[0] in {"blocked", "likely_blocked"}


# -- the end of the run's time -----------------------------------------------------------------------------------------


def untried(**run: Any) -> Lines:
    """Return a service with one working endpoint and one that was not tried."""
    lines = Lines({"web": [URL, "https://my.telegram.org:443/"]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, GENUINE)
    lines.run |= {"interrupted": True} | run
    return lines


def test_service_that_was_not_tested_in_time_says_so() -> None:
    assert judged(untried(out_of_time=True)) == ("insufficient", OUT_OF_TIME)
    assert judged(untried(out_of_time=False)) == ("insufficient", "name_not_asked")
    assert judged(untried()) == ("insufficient", "name_not_asked")


def test_accusation_stays_when_the_time_is_over() -> None:
    lines = untried(out_of_time=True)
    lines.innocuous(URL, GENUINE)
    lines.twice(URL, GENUINE, f"tls:{RESET}")
    lines.probe.records = [record for record in lines.probe.records if not _worked(record)]
    lines.control(URL, GENUINE)
    assert judged(lines)[0] == "blocked"


def _worked(record: Any) -> bool:
    return bool(record.kind == "first" and record.failure is None)


def test_one_working_endpoint_is_enough_where_any_suffices() -> None:
    lines = untried(out_of_time=True)
    lines.target["services"]["web"]["works_if"] = "any"
    assert judged(lines)[0] == "ok"

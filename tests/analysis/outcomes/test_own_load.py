"""Test that failures after a burst of our own flows accuse nothing, and that real blocks are found beside them."""

from typing import Any

import pytest

from probe.analysis.phenomena.own_load import failures_needed
from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.lines import GENUINE, Lines
from tests.support.measurements.mail_dialogues import MailLines

HOST = "web.telegram.org"
URL = f"https://{HOST}:443/"
BAN = {"scope": "network", "flows": 20, "passed": 9, "turned": 0, "hosts": 4}
RATE = {"kind": "connect_cut_off", "flows": 107, "failures": 89, "networks": 4, "owners": 3}


def web(**run: Any) -> Lines:
    lines = MailLines({"web": [URL]})
    lines.run |= run
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    return lines


def concluded(lines: Lines, *load: dict[str, Any], first: bool = True, neutral: bool = True) -> tuple[str, str]:
    """Return the state and the rule. Failed flows get `load`, the first one and those to neutral hosts if wanted."""
    measurement = lines.line()
    failed = [one for one in measurement["test_keys"]["x_transactions"] if one["failure"] is not None]
    for number, record in enumerate(failed):
        if (number or first) and (neutral or "neutral" not in record["followup"]):
            record["load"] = list(load)
    (record,) = judge_measurement(measurement, file="a.jsonl", number=1)
    return record["state"], record["rule_id"]


def failing(outcome: str, **run: Any) -> Lines:
    lines = web(**run)
    lines.twice(URL, GENUINE, outcome)
    lines.control(URL, GENUINE)
    return lines


@pytest.mark.parametrize("outcome", ["tcp:connection_refused", "tcp:generic_timeout_error", "tls:connection_reset"])
def test_failures_after_a_burst_accuse_nothing(outcome: str) -> None:
    assert concluded(failing(outcome))[0] == "likely_blocked"
    assert concluded(failing(outcome), BAN) == ("impaired", "own_load")


@pytest.mark.parametrize(
    "load", [{"flows": 5}, {"passed": 0}, {"passed": 0, "turned": 1}, {"hosts": 1}, {"flows": "many"}, {"flows": -1}]
)
def test_few_flows_no_pass_or_one_host_alone_leave_the_accusation(load: dict[str, Any]) -> None:
    assert concluded(failing("tcp:connection_refused"), BAN | load)[0] == "likely_blocked"


def test_block_that_the_first_flow_met_stays_accused() -> None:
    assert concluded(failing("tcp:connection_refused"), BAN, first=False)[0] == "likely_blocked"


@pytest.mark.parametrize("kind", ["stun", "sip"])
def test_repeated_datagrams_may_outlive_a_short_ban(kind: str) -> None:
    """Show that one failure in a ban is enough, since another flow may have passed before the repetitions ended."""
    lines = Lines({"calls": [url := f"{kind}://{GENUINE}:3478;transport=udp"]})
    lines.echo(url)
    lines.twice(url, GENUINE, "payload:generic_timeout_error")
    lines.control(url, GENUINE)
    assert concluded(lines)[0] == "likely_blocked"
    assert concluded(lines, BAN, first=False) == ("impaired", "own_load")
    assert concluded_after(lines, 0) == "likely_blocked"  # the ban was over, or another flow passed in it
    lines.confirm(url, GENUINE, "payload:generic_timeout_error")
    assert concluded_after(lines, 2) == "likely_blocked"  # two failures before any burst
    assert concluded_after(lines, 0, 2) == "likely_blocked"  # one in the middle is in none
    assert concluded_after(lines, 1, 2) == "impaired"


def concluded_after(lines: Lines, *marked: int) -> str:
    """Return the state of a measurement in which only some of the failures came after a burst."""
    record = lines.line()
    failed = [one for one in record["test_keys"]["x_transactions"] if one["failure"] is not None]
    for number in marked:
        failed[number]["load"] = [BAN]
    (verdict,) = judge_measurement(record, file="a.jsonl", number=1)
    return str(verdict["state"])


def named() -> Lines:
    lines = web()
    lines.innocuous(URL, GENUINE)
    lines.twice(URL, GENUINE, "tls:connection_reset")
    lines.control(URL, GENUINE)
    return lines


def test_innocuous_name_that_passed_before_a_burst_does_not_accuse() -> None:
    assert concluded(named()) == ("blocked", "failure_follows_name")
    assert concluded(named(), BAN) == ("impaired", "own_load")


def test_name_that_fails_at_a_neutral_host_is_blocked_unless_nothing_passes_there() -> None:
    lines = named()
    lines.neutral(URL, "tls:connection_reset")
    assert concluded(lines, BAN, neutral=False)[0] == "blocked"
    line = BAN | {"scope": "line"}
    assert concluded(lines, line) == ("impaired", "own_load")
    assert concluded(lines, BAN | {"scope": "address"})[0] == "blocked"


def test_service_that_fails_at_the_control_too_is_down() -> None:
    lines = web()
    lines.twice(URL, GENUINE, "tcp:connection_refused")
    lines.control(URL, GENUINE, "tcp:connection_refused")
    assert concluded(lines, BAN)[0] == "down"


def test_refusals_that_innocuous_connects_get_too_accuse_nothing() -> None:
    assert concluded(failing("tcp:connection_refused", innocuous_failures=[RATE])) == (
        "impaired",
        "failure_among_innocuous_failures",
    )
    few = RATE | {"failures": 1}
    assert concluded(failing("tcp:connection_refused", innocuous_failures=[few]))[0] == "likely_blocked"
    assert concluded(failing("tcp:generic_timeout_error", innocuous_failures=[RATE]))[0] == "likely_blocked"


def silent_call(kind: str, failures: int) -> Lines:
    """Build a service that gets no answer to datagrams where some innocuous connects are refused."""
    lines = Lines({"calls": [url := f"{kind}://{GENUINE}:3478;transport=udp"]})
    lines.run |= {"innocuous_failures": [RATE | {"failures": failures}]}
    lines.twice(url, GENUINE, "payload:generic_timeout_error")
    lines.control(url, GENUINE)
    return lines


@pytest.mark.parametrize("kind", ["stun", "sip"])
@pytest.mark.parametrize("failures", [30, 60, 89, 107])
def test_silence_after_datagrams_accuses_nothing_where_innocuous_connects_are_refused(kind: str, failures: int) -> None:
    """Show that a limit of connections, which refuses those over TCP, may drop datagrams of the same line."""
    lines = silent_call(kind, failures)
    lines.echo(f"{kind}://{GENUINE}:3478;transport=udp")
    assert concluded(lines) == ("impaired", "failure_among_innocuous_failures")


@pytest.mark.parametrize("kind", ["stun", "sip"])
def test_silence_after_datagrams_accuses_where_few_innocuous_connects_are_refused(kind: str) -> None:
    lines = silent_call(kind, 1)
    lines.echo(url := f"{kind}://{GENUINE}:3478;transport=udp")
    assert concluded(lines)[0] == "likely_blocked"
    filtered = silent_call(kind, 89)
    filtered.echo(url)
    filtered.echo(url, "payload:generic_timeout_error", payload=kind)
    assert concluded(filtered)[0] == "blocked"  # by its payload, whatever else is refused


@pytest.mark.parametrize("seen", [{"networks": 1}, {"owners": 1}, {"failures": 0}, {"flows": -1}, {"flows": "many"}])
def test_failures_in_one_network_or_of_one_owner_are_no_base_rate(seen: dict[str, Any]) -> None:
    assert failures_needed({"innocuous_failures": [RATE | seen]}, "connect_cut_off") == 0
    assert failures_needed({"innocuous_failures": [RATE]}, "connect_cut_off") > 2

"""Test verdicts where packets are stopped on this computer or at the first hop, and where a censor stops them later."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.lines import GENUINE, Lines

HOST, REFUSED, TIMEOUT = "web.telegram.org", "connection_refused", "generic_timeout_error"
URL, STUN = f"https://{HOST}:443/", "stun://149.154.167.51:3478;transport=udp"
SECOND = "149.154.167.92"
AT_ONCE = "neutral:expired:router target:reset! neutral:expired:router target:reset! neutral:expired:router"
FROM_HOP = AT_ONCE.replace("!", "")
SILENT = AT_ONCE.replace("reset!", "silent")
PASSED_ON = AT_ONCE.replace("reset!", "expired:router")


def failing(failure: str = f"tcp:{REFUSED}", *, control: str | None = "ok", url: str = URL) -> Lines:
    ip = GENUINE if url == URL else "149.154.167.51"
    lines = Lines({"web": [url]})
    if url == URL:
        lines.lookup(HOST, ip)
        lines.encrypted(HOST, ip)
    lines.twice(url, ip, failure)
    if control is not None:
        lines.control(url, ip, control)
    return lines


def judged(lines: Lines) -> tuple[str, str, str | None]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    assert record["mechanisms"] == [] or record["state"] == "likely_blocked"
    return record["state"], record["rule_id"], record["cause_place"]


def near(lines: Lines, packets: str, ip: str = GENUINE, url: str = URL, **more: Any) -> Lines:
    lines.near(url, ip, packets, **more)
    return lines


BY_COMPUTER = ("filtered_locally", "stopped_by_this_computer", "this_computer")
BY_ROUTER = ("filtered_locally", "stopped_by_own_router", "home_network")
UNCLEAR = ("impaired", "stopped_at_first_hop", "unknown")
ACCUSED = ("likely_blocked", "tcp_fails_alike_here", "unknown")


@pytest.mark.parametrize("control", ["ok", f"tcp:{REFUSED}", None])
def test_reaction_of_this_computer_needs_no_control(control: str | None) -> None:
    assert judged(near(failing(control=control), AT_ONCE)) == BY_COMPUTER


@pytest.mark.parametrize("failure", ["permission_denied", "invalid_argument", "host_unreachable"])
def test_error_of_the_system_is_no_interference(failure: str) -> None:
    packets = AT_ONCE.replace("reset!", "not_sent")
    assert judged(near(failing(f"tcp:{failure}"), packets)) == BY_COMPUTER


@pytest.mark.parametrize("failure", ["permission_denied", "invalid_argument"])
def test_error_of_the_system_alone_accuses_nothing(failure: str) -> None:
    assert judged(failing(f"tcp:{failure}"))[0] == "insufficient"


def test_refused_datagram_of_a_call_is_filtered_locally() -> None:
    lines = failing("payload:permission_denied", url=STUN)
    packets = "neutral:silent target:not_sent neutral:silent target:not_sent neutral:silent"
    assert judged(near(lines, packets, "149.154.167.51", STUN)) == BY_COMPUTER


@pytest.mark.parametrize("packets", [FROM_HOP, SILENT])
def test_first_hop_is_the_users_only_if_it_is_proven(packets: str) -> None:
    assert judged(near(failing(), packets)) == BY_ROUTER
    assert judged(near(failing(), packets.replace("router", "other"))) == UNCLEAR


def test_first_hop_of_the_provider_is_never_the_users_own() -> None:
    assert judged(near(failing(), FROM_HOP.replace("router", "provider"))) == ACCUSED
    assert judged(near(failing(f"tcp:{TIMEOUT}"), SILENT.replace("router", "provider"))) == UNCLEAR


def test_server_that_fails_everywhere_is_down_where_the_place_is_unclear() -> None:
    assert judged(near(failing(control=f"tcp:{REFUSED}"), SILENT.replace("router", "other")))[0] == "down"


@pytest.mark.parametrize("failure", [f"tcp:{REFUSED}", f"tcp:{TIMEOUT}"])
def test_censor_behind_the_first_hop_stays_accused(failure: str) -> None:
    """Let the first hop report the packets to the address too: they have left the user's network."""
    assert judged(near(failing(failure), PASSED_ON)) == ACCUSED
    assert judged(failing(failure)) == ACCUSED


def test_counted_repetitions_show_a_filter_of_this_computer() -> None:
    counted = {"burst": 15, "burst_answered": 0, "burst_not_sent": 15, "beside_not_sent": 0}
    packets = SILENT.replace("router", "provider")
    assert judged(near(failing(f"tcp:{TIMEOUT}"), packets, **counted)) == BY_COMPUTER
    assert judged(near(failing(f"tcp:{TIMEOUT}"), packets, **counted | {"burst_not_sent": 0})) == UNCLEAR
    assert judged(near(failing(f"tcp:{TIMEOUT}"), packets, datagram_refused=True)) == BY_COMPUTER


def two_addresses(elsewhere: str, here: str) -> Lines:
    """Return an endpoint with two silent addresses, at which packets with TTL 1 have these results."""
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE, SECOND)
    lines.encrypted(HOST, GENUINE, SECOND)
    for ip in (GENUINE, SECOND):
        lines.twice(URL, ip, f"tcp:{TIMEOUT}")
        lines.control(URL, ip)
    return near(near(lines, here), elsewhere, SECOND, datagram_refused=True)


def test_silence_before_the_own_router_is_that_of_this_computer_if_another_address_shows_it() -> None:
    assert judged(two_addresses(SILENT, SILENT)) == BY_COMPUTER
    (record,) = judge_measurement(two_addresses(SILENT, SILENT).line(), file="a.jsonl", number=1)
    assert {each["rule_id"] for each in record["endpoints"]} == {"stopped_by_this_computer"}


def test_filter_of_this_computer_hides_no_censor_at_another_address() -> None:
    assert judged(two_addresses(SILENT, PASSED_ON)) == ACCUSED


def test_forged_address_of_this_computer_is_no_filter() -> None:
    """Connect to an address that nothing verifies, as where a forged answer names this computer."""
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, "127.0.0.1")
    lines.first(URL, "127.0.0.1", f"tcp:{REFUSED}")
    near(lines, AT_ONCE, "127.0.0.1")
    assert judged(lines)[0] != "filtered_locally"


def test_service_that_works_at_the_second_attempt_is_ok() -> None:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, GENUINE, f"tcp:{REFUSED}")
    lines.confirm(URL, GENUINE)
    assert judged(near(lines, AT_ONCE))[0] == "ok"

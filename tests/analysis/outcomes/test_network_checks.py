"""Test verdicts of a network that changes during a run: it is lost, it comes back, a neutral host goes down."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats import failures as f
from tests.support.measurements.lines import GENUINE, NEUTRAL, Lines

HOST = "web.telegram.org"
WEB, PAGE, STUN = f"https://{HOST}:443/", f"http://{HOST}:80/", "stun://149.154.167.51:3478"
FIRST, CONFIRMED = {"t0": 100.0, "t": 104.0}, {"t0": 104.5, "t": 114.5}
SILENT, REFUSED, RESET = f"tcp:{f.TIMEOUT}", f"tcp:{f.REFUSED}", f"tls:{f.RESET}"
ACCUSING = {"blocked", "likely_blocked", "degraded"}


def host(number: int, failure: str | None = None, at: str = "connect", **more: Any) -> dict[str, Any]:
    address = NEUTRAL if number == 0 else f"192.0.2.{number}"
    about = {"endpoint": f"https://n{number}.example:443/", "address": address, "family": 4, "failure": failure}
    return about | {"trusted_by_machine": None} | ({"failed_operation": at} if failure else {}) | more


def check(began: float, *hosts: dict[str, Any], **more: Any) -> dict[str, Any]:
    facts = {"portal": None, "clock_skew": 0.0, "vpn": False, "tls_interception": None, "udp_public": True}
    return {"began": began, "neutral": list(hosts)} | facts | more


FINE = [host(0), host(1), host(2)]
LOST = [host(0, f.TIMEOUT), host(1, f.TIMEOUT), host(2, f.HOST_UNREACHABLE)]
ONE_LOST = [host(0), host(1, f.TIMEOUT), host(2)]


def failing(outcome: str, *checks: dict[str, Any], url: str = WEB, ip: str = GENUINE) -> Lines:
    """Return an endpoint that fails twice here and works at the control at the same time."""
    lines = Lines({"web": [url]})
    if HOST in url:
        lines.lookup(HOST, ip)
        lines.encrypted(HOST, ip)
    lines.first(url, ip, outcome, **FIRST)
    lines.confirm(url, ip, outcome, **CONFIRMED)
    lines.control(url, ip)
    lines.preflight |= {"began": -3.0, "neutral": FINE, "udp_public": True}
    lines.run["network_checks"] = list(checks)
    return lines


def judged(lines: Lines) -> dict[str, Any]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record


def conclusion(lines: Lines) -> tuple[str, str]:
    record = judged(lines)
    return record["state"], record["rule_id"]


@pytest.mark.parametrize(("change", "reason"), [("network", "network_changed"), ("sleep", "computer_slept")])
def test_another_network_or_sleep_during_the_measurement_accuses_nothing(change: str, reason: str) -> None:
    record = judged(failing(REFUSED, check(101.0, *FINE), check(105.0, *FINE, changes=[change])))
    assert (record["valid"], record["invalid_reason"], record["state"]) == (False, reason, None)


@pytest.mark.parametrize("changes", [[], None, "network", ["vpn", 4]])
def test_other_values_in_the_place_of_changes_are_none(changes: Any) -> None:
    assert conclusion(failing(REFUSED, check(105.0, *FINE, changes=changes)))[0] == "likely_blocked"


@pytest.mark.parametrize("outcome", [SILENT, REFUSED, RESET])
def test_failure_beside_a_good_check_is_accused(outcome: str) -> None:
    assert conclusion(failing(outcome, check(105.0, *FINE)))[0] == "likely_blocked"


@pytest.mark.parametrize("outcome", [SILENT, REFUSED, RESET])
def test_failure_without_a_check_at_its_time_is_impaired(outcome: str) -> None:
    assert conclusion(failing(outcome)) == ("impaired", "network_unchecked")
    assert conclusion(failing(outcome, check(60.0, *FINE))) == ("impaired", "network_unchecked")


def test_measurement_that_writes_no_times_is_judged_by_its_preflight() -> None:
    lines = failing(SILENT)
    del lines.preflight["began"], lines.run["network_checks"]
    assert conclusion(lines) == ("likely_blocked", "tcp_fails_alike_here")


@pytest.mark.parametrize("outcome", [SILENT, f"tcp:{f.HOST_UNREACHABLE}", f"tls:{f.TIMEOUT}"])
@pytest.mark.parametrize("good", [[], [check(98.0, *FINE)], [check(118.0, *FINE)]], ids=["", "before", "after"])
def test_network_that_is_lost_for_a_time_accuses_nothing(outcome: str, good: list[dict[str, Any]]) -> None:
    lines = failing(outcome, *good, check(105.0, *LOST))
    assert conclusion(lines) == ("insufficient", "network_lost")


@pytest.mark.parametrize("order", [1, -1])
def test_network_that_comes_back_during_a_check_was_lost_at_its_begin(order: int) -> None:
    back = [*LOST, host(0), host(2, connect_only=True)][::order]
    for outcome in (SILENT, f"http:{f.TIMEOUT}"):
        assert conclusion(failing(outcome, check(105.0, *back))) == ("insufficient", "network_lost")


def test_one_address_that_is_reached_at_once_shows_that_the_network_was_there() -> None:
    reached_twice = [*LOST, host(0), host(1), host(2), host(3)]
    assert conclusion(failing(REFUSED, check(105.0, *reached_twice)))[0] == "likely_blocked"
    two = [host(0, f.TIMEOUT), host(1, f.TIMEOUT), host(0), host(1)]
    assert conclusion(failing(REFUSED, check(105.0, *two)))[0] == "likely_blocked"


def test_network_that_was_lost_earlier_does_not_count() -> None:
    assert judged(failing(SILENT, check(30.0, *LOST), check(105.0, *FINE)))["state"] == "likely_blocked"


def test_server_that_is_down_for_the_control_too_is_down_in_a_lost_network() -> None:
    lines = failing(SILENT, check(105.0, *LOST))
    lines.at_control.records.clear()
    lines.at_control.entries.clear()
    lines.control(WEB, GENUINE, SILENT)
    assert conclusion(lines) == ("down", "fails_everywhere")


def test_success_counts_in_a_network_that_is_lost_later() -> None:
    lines = failing(SILENT, check(105.0, *LOST))
    lines.confirm(WEB, GENUINE, t0=130.0, t=131.0)
    assert judged(lines)["state"] == "ok"


def test_networks_without_reachable_neutral_hosts_are_judged_as_before() -> None:
    lines = failing(REFUSED, check(105.0, *LOST))
    lines.preflight["neutral"] = LOST
    assert judged(lines)["state"] == "likely_blocked"


def test_neutral_host_that_goes_down_during_the_run_is_an_outage() -> None:
    assert conclusion(failing(SILENT, check(105.0, *ONE_LOST)))[0] == "impaired"
    lines = failing(SILENT, check(105.0, *ONE_LOST))
    lines.other_name(WEB, GENUINE, t0=106.0, t=107.0)  # the address answers since the check
    assert judged(lines)["state"] == "likely_blocked"
    lines = failing(SILENT, check(105.0, *ONE_LOST))
    lines.innocuous(WEB, GENUINE, t0=99.0, t=99.5)  # it answered before the outage
    assert judged(lines)["state"] == "impaired"


def test_silence_where_large_packets_are_lost_since_the_preflight_accuses_nothing() -> None:
    unproven = [host(0, f.TIMEOUT, "tls_handshake"), host(1, connect_only=True)]
    assert judged(failing(f"tls:{f.TIMEOUT}", check(105.0, *unproven)))["state"] == "impaired"


def test_udp_that_is_lost_since_the_preflight_accuses_nothing() -> None:
    def stun(**more: Any) -> Lines:
        outcome = f"payload:{f.TIMEOUT}"
        return failing(outcome, check(105.0, *FINE, **more), url=STUN, ip="149.154.167.51")

    assert judged(stun())["state"] == "likely_blocked"
    assert conclusion(stun(udp_public=False)) == ("insufficient", "service_datagrams_absent")
    lines = stun(udp_public=False)
    lines.echo(STUN, t0=108.0, t=109.0)  # another datagram passes after that check
    assert judged(lines)["state"] in ACCUSING


def following_name(*checks: dict[str, Any], at: float = 116.0) -> Lines:
    """Return a name that is reset here and at a neutral host, with no control."""
    lines = failing(RESET, *checks)
    lines.has_control = False
    lines.innocuous(WEB, GENUINE, t0=99.0, t=99.5)
    lines.neutral(WEB, RESET, t0=at, t=at + 0.5)
    return lines


def test_neutral_host_counts_only_if_it_worked_when_it_got_the_name() -> None:
    near = check(105.0, host(1))
    assert conclusion(following_name(check(105.0, *FINE)))[1] == "failure_follows_name_to_neutral_host"
    assert judged(following_name(near))["state"] == "impaired"  # the host itself was tested in the preflight only
    down = [check(105.0, *FINE), check(110.0, host(0, f.RESET, "tls_handshake"), host(1))]
    assert judged(following_name(*down))["state"] == "impaired"
    again = [*down, check(117.0, *FINE)]
    assert judged(following_name(*again))["state"] == "blocked"


def test_neutral_host_that_is_cut_off_after_the_name_still_counts() -> None:
    """Residual censorship may end the check after a flow with the name."""
    residual = check(117.0, host(0, f.RESET, "tls_handshake"), host(1))
    assert judged(following_name(check(105.0, *FINE), residual))["state"] == "blocked"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"portal": "dns"}, "captive_portal"),
        ({"vpn": True}, "vpn"),
        ({"clock_skew": 200000.0}, "clock"),
        ({"tls_interception": "all"}, "tls_interception"),
    ],
)
def test_network_that_becomes_unfit_makes_the_measurement_invalid(facts: dict[str, Any], reason: str) -> None:
    record = judged(failing(RESET, check(105.0, *FINE), check(150.0, *FINE, **facts)))
    assert (record["state"], record["invalid_reason"]) == (None, reason)


def test_page_that_any_device_can_send_is_ok_only_beside_a_check() -> None:
    def page(*checks: dict[str, Any], url: str = PAGE) -> Lines:
        lines = Lines({"web": [url]})
        lines.lookup(HOST, GENUINE)
        lines.encrypted(HOST, GENUINE)
        lines.first(url, GENUINE, **FIRST)
        lines.preflight["began"] = -3.0
        lines.run["network_checks"] = list(checks)
        return lines

    assert judged(page(check(60.0, *FINE)))["state"] == "ok"
    assert conclusion(page()) == ("insufficient", "address_answer_unchecked")
    assert judged(page(url=WEB))["state"] == "ok"  # a certificate needs no check

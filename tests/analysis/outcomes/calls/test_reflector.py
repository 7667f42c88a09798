"""Test the verdicts about Telegram's call relays, one by one and together, and look-alikes that accuse nothing."""

from typing import Any

import pytest

from tests.analysis.outcomes.test_connections import RESET, TIMEOUT, conclusion, judged
from tests.support.measurements.lines import GENUINE, SECOND, Lines

UDP, TCP = f"reflector://{GENUINE}:597", f"reflector+tcp://{GENUINE}:597"
OTHER_UDP, OTHER_TCP = f"reflector://{SECOND}:598", f"reflector+tcp://{SECOND}:598"
SILENCE = f"payload:{TIMEOUT}"


def relay(url: str, outcome: str = SILENCE, *, control: str | None = "ok", **more: Any) -> Lines:
    """Return one call relay that fails twice here, with this result at the helper."""
    lines = Lines({"calls": [url]})
    lines.twice(url, GENUINE, outcome, **more)
    if control is not None:
        lines.control(url, GENUINE, control)
    return lines


def echoed(other: dict[str, Any], same: dict[str, Any], **more: Any) -> Lines:
    """Return a silent call relay over UDP with an echo pair."""
    lines = relay(UDP, **more)
    lines.echo(UDP, **other)
    lines.echo(UDP, payload="reflector", **same)
    return lines


def relays(*, udp: str = SILENCE, tcp: str = "ok", helper: dict[str, str] | None = None) -> Lines:
    """Return two call relays with these results over UDP and TCP. `helper` has results of the helper by URL."""
    urls = [UDP, OTHER_UDP, TCP, OTHER_TCP]
    lines = Lines({"calls": urls}, works_if="any")
    for url in urls:
        address, outcome = (GENUINE if GENUINE in url else SECOND), (udp if url.startswith("reflector:") else tcp)
        lines.first(url, address) if outcome == "ok" else lines.twice(url, address, outcome)
        lines.control(url, address, (helper or {}).get(url, "ok"))
    return lines


def verdict(lines: Lines) -> tuple[str, list[str], str]:
    record = judged(lines)
    return record["state"], record["mechanisms"], record["rule_id"]


# -- one relay ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [UDP, TCP])
def test_answer_is_ok_and_names_its_proof(url: str) -> None:
    lines = Lines({"calls": [url]})
    lines.first(url, GENUINE)
    record = judged(lines)
    assert (record["state"], record["proof"], record["rule_id"]) == ("ok", "reflector", "call_answered")


def test_hello_that_is_lost_to_the_echo_too_is_blocked() -> None:
    lost = {"outcome": f"echo:{TIMEOUT}"}
    assert verdict(echoed({}, lost)) == ("blocked", ["reflector.timeout.payload"], "call_lost_at_echo_too")
    assert conclusion(echoed({}, {})) == ("likely_blocked", ["reflector.timeout.other"])
    assert conclusion(echoed(lost, lost)) == ("likely_blocked", ["udp.timeout"])


def test_exchanged_ends_of_the_hello_alone_are_tampering() -> None:
    assert verdict(echoed({}, {"swapped": 3})) == ("blocked", ["reflector.tampering"], "call_tampered")
    assert conclusion(echoed({}, {"swapped": 3, "kept": 1})) == ("impaired", [])


def test_damage_to_random_datagrams_accuses_nothing() -> None:
    for other in ({"changed": True}, {"swapped": 3}):
        assert verdict(echoed(other, {"swapped": 3})) == ("impaired", [], "call_datagrams_changed")


@pytest.mark.parametrize("url", [UDP, TCP])
def test_bytes_without_our_tag_accuse_nothing(url: str) -> None:
    assert verdict(relay(url, foreign=1)) == ("impaired", [], "call_answers_otherwise")


@pytest.mark.parametrize("url", [UDP, TCP])
def test_silence_here_alone_is_likely_blocked(url: str) -> None:
    assert verdict(relay(url)) == ("likely_blocked", ["reflector.timeout.other"], "call_silent_here")
    assert verdict(relay(url, control=None)) == ("impaired", [], "no_control")


def test_relay_that_fails_everywhere_accuses_nothing() -> None:
    assert verdict(relay(UDP, control=SILENCE)) == ("insufficient", [], "unknown_callers_unanswered")
    assert verdict(relay(TCP, control=SILENCE)) == ("insufficient", [], "reflector_accepts_alone")


def test_reset_of_the_hello_is_likely_blocked() -> None:
    outcome = f"payload:{RESET}"
    assert verdict(relay(TCP, outcome)) == ("likely_blocked", ["reflector"], "call_reset_here")
    assert verdict(relay(TCP, outcome, control=outcome)) == ("insufficient", [], "unknown_callers_unanswered")


# -- all relays of the app ---------------------------------------------------------------------------------------------


def test_silence_over_udp_alone_is_degraded() -> None:
    mechanisms = ["reflector.timeout.other", "relay.udp.timeout"]
    assert verdict(relays()) == ("degraded", mechanisms, "service_relays_over_tcp")


def test_silence_over_udp_of_relays_that_accept_tcp_is_degraded() -> None:
    mechanisms = ["reflector.timeout.other", "relay.udp.timeout"]
    accepted = relays(tcp=SILENCE, helper={TCP: SILENCE, OTHER_TCP: SILENCE})
    assert verdict(accepted) == ("degraded", mechanisms, "service_relays_accept_tcp")


def test_silence_over_udp_and_tcp_is_likely_blocked() -> None:
    assert conclusion(relays(tcp=SILENCE)) == ("likely_blocked", ["reflector.timeout.other"])


def test_relay_that_is_down_over_udp_leaves_the_service_working_in_part() -> None:
    """Check that calls are not said to run over TCP where only some relays are accused over UDP."""
    some = relays(helper={UDP: SILENCE})
    assert verdict(some) == ("degraded", ["reflector.timeout.other"], "service_works_in_part")


def test_relays_that_are_down_over_udp_accuse_nothing() -> None:
    assert conclusion(relays(helper={UDP: SILENCE, OTHER_UDP: SILENCE})) == ("ok", [])
    assert conclusion(relays(udp="ok")) == ("ok", [])

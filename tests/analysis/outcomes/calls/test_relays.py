"""Test the verdicts about services with call relays of STUN and TURN over UDP, TCP and TLS, and their look-alikes."""

import pytest

from tests.analysis.outcomes.calls.test_calls import SILENCE
from tests.analysis.outcomes.test_connections import judged
from tests.support.measurements.lines import GENUINE, Lines

TURN, PLAIN = f"turn://{GENUINE}:3478;transport=udp", f"turn://{GENUINE}:80;transport=tcp"
STUN, WEB_PORT = f"stun://{GENUINE}:3478;transport=udp", f"stun://{GENUINE}:3480;transport=udp"


def verdict(
    outcomes: dict[str, str], *, helper: dict[str, str] | None = None, works_if: str = "any"
) -> tuple[str, list[str], str]:
    """Return the verdict on relays with these results. `helper` has results of the helper by URL."""
    lines = Lines({"calls": list(outcomes)}, works_if=works_if)
    for url, outcome in outcomes.items():
        lines.first(url, GENUINE) if outcome == "ok" else lines.twice(url, GENUINE, outcome)
        lines.control(url, GENUINE, (helper or {}).get(url, "ok"))
    record = judged(lines)
    return record["state"], record["mechanisms"], record["rule_id"]


@pytest.mark.parametrize("udp", [TURN, STUN])
def test_silence_over_udp_beside_an_answer_over_tcp_is_degraded(udp: str) -> None:
    mechanisms = sorted([f"{udp[:4]}.timeout.other", "relay.udp.timeout"])
    assert verdict({udp: SILENCE, PLAIN: "ok"}) == ("degraded", mechanisms, "service_relays_over_tcp")


def test_relay_that_is_down_does_not_count() -> None:
    found = verdict({TURN: SILENCE, STUN: SILENCE, PLAIN: "ok"}, helper={STUN: SILENCE})
    assert found == ("degraded", ["relay.udp.timeout", "turn.timeout.other"], "service_relays_over_tcp")


def test_relays_over_udp_that_are_down_accuse_nothing() -> None:
    found = verdict({TURN: SILENCE, PLAIN: "ok"}, helper={TURN: SILENCE})
    assert found == ("ok", [], "call_answered")


def test_one_port_of_two_is_told_by_port() -> None:
    """Test that a relay which answers over UDP on another port makes no verdict about UDP."""
    found = verdict({STUN: "ok", WEB_PORT: SILENCE})
    assert found == ("degraded", ["stun.timeout.other"], "service_works_in_part")


def test_port_at_which_no_relay_listens_accuses_nothing() -> None:
    found = verdict({STUN: "ok", WEB_PORT: SILENCE}, helper={WEB_PORT: SILENCE})
    assert found == ("ok", [], "call_answered")


def test_silence_over_udp_and_tcp_is_likely_blocked() -> None:
    state, mechanisms, _ = verdict({TURN: SILENCE, PLAIN: SILENCE})
    assert (state, mechanisms) == ("likely_blocked", ["turn.timeout.other"])


def test_service_that_needs_all_its_servers_is_not_told_by_transport() -> None:
    state, mechanisms, _ = verdict({TURN: SILENCE, PLAIN: "ok"}, works_if="all")
    assert (state, mechanisms) == ("likely_blocked", ["turn.timeout.other"])

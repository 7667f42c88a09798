"""Test the verdicts about STUN, TURN and SIP, and look-alikes that accuse nothing."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from tests.analysis.outcomes.test_connections import TIMEOUT, conclusion, judged
from tests.support.measurements.ablation import labels_swapped, without_transactions
from tests.support.measurements.lines import GENUINE, SECOND, Lines

HOST = "calls.telegram.org"
SILENCE = f"payload:{TIMEOUT}"
KINDS = ("stun", "turn", "sip")
OWN = {"stun": "stun", "turn": "stun", "sip": "sip"}  # payload of the echo pair


def url_of(kind: str, transport: str = "udp", *, host: str = GENUINE, port: int = 3478) -> str:
    return f"{kind}://{host}:{port};transport={transport}"


def call(
    kind: str, transport: str = "udp", outcome: str = SILENCE, *, control: str | None = "ok", **more: Any
) -> Lines:
    """Return one endpoint that is an address, fails twice here and has this result at the helper."""
    url = url_of(kind, transport)
    lines = Lines({"calls": [url]})
    lines.twice(url, GENUINE, outcome, **more)
    if control is not None:
        lines.control(url, GENUINE, control)
    return lines


def echoed(kind: str, other: str = "ok", same: str = f"echo:{TIMEOUT}", **more: Any) -> Lines:
    lines = call(kind, **more)
    lines.echo(url_of(kind), other)
    lines.echo(url_of(kind), same, payload=OWN[kind])
    return lines


def rule_of(lines: Lines) -> str:
    return str(judged(lines)["rule_id"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_answer_is_ok_and_names_its_proof(kind: str, transport: str) -> None:
    url = url_of(kind, transport)
    lines = Lines({"calls": [url]})
    lines.first(url, GENUINE)
    record = judged(lines)
    assert (record["state"], record["proof"], record["rule_id"]) == ("ok", kind, "call_answered")


def test_answer_inside_tls_needs_the_certificate_too() -> None:
    url = url_of("sip", "tls", host=HOST, port=5061)
    lines = Lines({"calls": [url]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(url, GENUINE)
    assert (judged(lines)["state"], judged(lines)["proof"]) == ("ok", "sip")
    lines.probe.entries.pop()  # the SIP answer
    assert (judged(lines)["state"], judged(lines)["proof"]) == ("insufficient", "tls")


@pytest.mark.parametrize("kind", KINDS)
def test_first_failure_with_successful_confirmation_is_ok(kind: str) -> None:
    lines = Lines({"calls": [url_of(kind)]})
    lines.first(url_of(kind), GENUINE, SILENCE)
    lines.confirm(url_of(kind), GENUINE)
    record = judged(lines)
    assert (record["state"], record["attempts"], record["failures"]) == ("ok", 2, 1)


# -- silence ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_silence_without_echo_pair_is_likely_blocked_with_control_and_impaired_without(kind: str) -> None:
    assert conclusion(call(kind)) == ("likely_blocked", [f"{kind}.timeout.other"])
    assert conclusion(call(kind, control=None)) == ("impaired", [])


@pytest.mark.parametrize("kind", KINDS)
def test_silence_here_and_at_the_control_is_down(kind: str) -> None:
    assert conclusion(call(kind, control=SILENCE)) == ("down", [])
    assert conclusion(echoed(kind, control=SILENCE)) == ("down", [])


def test_sip_provider_silent_everywhere_is_said_not_to_answer_strangers() -> None:
    assert "does not answer strangers" in judged(call("sip", control=SILENCE))["because"]


@pytest.mark.parametrize("kind", KINDS)
def test_lost_payload_with_returned_random_datagram_is_blocked(kind: str) -> None:
    assert conclusion(echoed(kind)) == ("blocked", [f"{kind}.timeout.payload"])
    assert conclusion(echoed(kind, control=None)) == ("blocked", [f"{kind}.timeout.payload"])


@pytest.mark.parametrize("kind", KINDS)
def test_returned_payload_makes_the_address_likely_blocked(kind: str) -> None:
    lines = echoed(kind, same="ok")
    assert conclusion(lines) == ("likely_blocked", [f"{kind}.timeout.other"])
    assert rule_of(lines) == "call_silent_at_server_alone"
    assert conclusion(echoed(kind, same="ok", control=None)) == ("impaired", [])


def test_no_datagram_except_dns_is_udp_timeout() -> None:
    lines = echoed("stun", other=f"echo:{TIMEOUT}")
    assert conclusion(lines) == ("likely_blocked", ["udp.timeout"])
    lines.first(url_of("sip", host=SECOND), SECOND)  # another endpoint's datagrams pass
    lines.target["services"]["other"] = {"works_if": "all", "endpoints": [url_of("sip", host=SECOND)]}
    (calls, other) = judge_measurement(lines.line(), file="a", number=1)
    assert (calls["mechanisms"], other["state"]) == (["stun.timeout.other"], "ok")


def test_silent_echo_pair_without_control_is_impaired() -> None:
    assert conclusion(echoed("stun", other=f"echo:{TIMEOUT}", control=None)) == ("impaired", [])


def test_silent_echo_proves_no_blocked_payload() -> None:
    """Show that a silent echo may have other causes: no echo service, or residual censorship of the random datagram."""
    lines = call("stun")
    lines.echo(url_of("stun"), f"echo:{TIMEOUT}", payload="stun")
    assert conclusion(lines) == ("likely_blocked", ["stun.timeout.other"])
    lines.echo(url_of("stun"), f"echo:{TIMEOUT}", in_residual=True)
    assert conclusion(lines) == ("likely_blocked", ["stun.timeout.other"])
    lines.echo(url_of("stun"), "echo:connection_refused")
    assert conclusion(lines) == ("likely_blocked", ["stun.timeout.other"])


def test_one_lost_datagram_is_no_silence() -> None:
    lines = echoed("stun")
    lines.probe.entries[-1][1].x_sent = 1  # type: ignore[attr-defined]
    assert conclusion(lines) == ("likely_blocked", ["stun.timeout.other"])


def test_lossy_access_line_accuses_no_payload() -> None:
    lines = echoed("stun")
    lines.preflight["neutral"][0]["failure"] = TIMEOUT
    assert conclusion(lines) == ("likely_blocked", ["stun.timeout.other"])


def test_one_echo_pair_serves_all_endpoints_of_its_kind() -> None:
    second = url_of("stun", host=SECOND, port=19302)
    lines = echoed("stun")
    lines.target["services"]["other"] = {"works_if": "all", "endpoints": [second]}
    lines.twice(second, SECOND, SILENCE)
    lines.control(second, SECOND)
    records = judge_measurement(lines.line(), file="a", number=1)
    assert [record["mechanisms"] for record in records] == [["stun.timeout.payload"]] * 2
    named = [number for record in records for number in record["endpoints"][0]["transactions"]]
    assert sorted(named) == [1, 2, 3, 3, 4, 4, 5, 6]  # both name the echo pair, 3 and 4


def test_echo_pair_at_the_endpoints_own_port_is_preferred() -> None:
    lines = call("stun")
    for port, same in ((5060, "ok"), (3478, f"echo:{TIMEOUT}"), (443, "ok")):
        lines.echo(url_of("stun"), "ok", port=port)
        lines.echo(url_of("stun"), same, payload="stun", port=port)
    assert conclusion(lines) == ("blocked", ["stun.timeout.payload"])


def test_datagram_answered_elsewhere_shows_that_udp_passes() -> None:
    lines = echoed("stun", other=f"echo:{TIMEOUT}")
    lines.first(url_of("turn", host=SECOND), SECOND, "payload:unknown_failure: stun: error 403", code=403)
    assert conclusion(lines) == ("likely_blocked", ["stun.timeout.other"])


def test_echo_of_another_protocol_is_ignored() -> None:
    lines = call("sip")
    lines.echo(url_of("sip"))
    lines.echo(url_of("sip"), f"echo:{TIMEOUT}", payload="stun")
    assert conclusion(lines) == ("likely_blocked", ["sip.timeout.other"])


@pytest.mark.parametrize("kind", KINDS)
def test_without_echo_pair_the_state_is_weaker(kind: str) -> None:
    line = echoed(kind).line()
    (record,) = judge_measurement(line, file="a", number=1)
    pair = [t["transaction_id"] for t in line["test_keys"]["x_transactions"] if t["kind"] == "followup"]
    named = record["endpoints"][0]["transactions"]
    assert record["state"] == "blocked" and set(pair) <= set(named)
    spoiled = [without_transactions(line, ids) for ids in (named, pair, pair[:1], pair[1:])]
    spoiled += [labels_swapped(line), labels_swapped(line, wire_too=True)]
    for worse in spoiled:
        (weaker,) = judge_measurement(worse, file="a", number=1)
        assert weaker["state"] != "blocked"


# -- a network or a helper without UDP -------------------------------------------------------------------------------


def test_network_without_udp_leaves_out_datagram_endpoints() -> None:
    over_tcp = url_of("stun", "tcp", host=SECOND)
    lines = call("stun")
    lines.target["services"]["calls"]["endpoints"].append(over_tcp)
    lines.preflight["udp"] = False
    lines.first(over_tcp, SECOND)
    assert conclusion(lines) == ("ok", [])


def test_service_with_datagrams_only_in_network_without_udp_is_insufficient() -> None:
    lines = echoed("stun", other=f"echo:{TIMEOUT}")
    lines.preflight["udp"] = False
    record = judged(lines)
    assert (record["state"], record["rule_id"]) == ("insufficient", "service_datagrams_absent")
    assert record["endpoints"][0]["rule_id"] == "address_datagrams_absent"
    lines.own_udp("www.example.net", [GENUINE])  # from the resolver of the home router, perhaps
    assert judged(lines)["state"] == "insufficient"
    lines.public_udp("www.example.net", [GENUINE])  # preflight was wrong: a query got its answer
    assert conclusion(lines) == ("likely_blocked", ["udp.timeout"])


def test_answer_of_the_home_router_shows_no_udp_beyond_it() -> None:
    lines = echoed("stun", other=f"echo:{TIMEOUT}")
    lines.preflight |= {"udp": True, "udp_public": False}
    assert judged(lines)["rule_id"] == "service_datagrams_absent"
    lines.preflight["udp_public"] = None  # no public one was asked
    assert conclusion(lines) == ("likely_blocked", ["udp.timeout"])


def test_helper_without_udp_is_no_control_for_datagrams() -> None:
    lines = call("stun", control=SILENCE)
    lines.control_families["udp"] = False
    record = judged(lines)
    assert (record["state"], record["controls"]) == ("impaired", 0)


def test_sip_server_with_provisional_responses_only_is_impaired() -> None:
    url = url_of("sip")
    lines = Lines({"calls": [url]})
    for _ in range(2):
        lines.first(url, GENUINE, SILENCE, provisional=[100])
    assert (conclusion(lines), rule_of(lines)) == (("impaired", []), "call_answers_otherwise")
    lines.control(url, GENUINE, SILENCE)
    assert conclusion(lines) == ("down", [])


# -- tampering ---------------------------------------------------------------------------------------------------------


def tampered(kind: str, same: dict[str, Any], other: dict[str, Any], **more: Any) -> Lines:
    lines = call(kind, **more)
    lines.echo(url_of(kind), **other)
    lines.echo(url_of(kind), payload=OWN[kind], **same)
    return lines


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("control", ["ok", None])
def test_exchanged_ends_of_the_own_payload_alone_are_tampering(kind: str, control: str | None) -> None:
    record = judged(tampered(kind, {"swapped": 3}, {}, control=control))
    assert (record["state"], record["mechanisms"]) == ("blocked", [f"{kind}.tampering"])
    assert record["rule_id"] == "call_tampered"


@pytest.mark.parametrize("kind", KINDS)
def test_single_or_other_change_is_no_tampering(kind: str) -> None:
    for same in ({"changed": True}, {}):
        assert rule_of(tampered(kind, same, {})) == "call_silent_at_server_alone"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("control", ["ok", None])
@pytest.mark.parametrize("same", [{"swapped": 6, "kept": 1}, {"swapped": 3, "kept": 1}, {"swapped": 2}])
def test_exchanged_ends_at_times_are_damage_at_random(kind: str, control: str | None, same: dict[str, Any]) -> None:
    """Test a device that damages some datagrams: now and then it hits all of a server's and most of the copies."""
    record = judged(tampered(kind, same, {}, control=control))
    assert (record["state"], record["rule_id"]) == ("impaired", "call_datagrams_changed")


@pytest.mark.parametrize("kind", KINDS)
def test_damage_to_random_datagrams_accuses_nothing(kind: str) -> None:
    for other in ({"changed": True}, {"swapped": 3}):
        record = judged(tampered(kind, {"swapped": 3}, other))
        assert (record["state"], record["mechanisms"]) == ("impaired", [])
        assert record["rule_id"] == "call_datagrams_changed"


@pytest.mark.parametrize("kind", KINDS)
def test_damage_to_answers_accuses_only_if_the_echos_copies_are_damaged_too(kind: str) -> None:
    """Check that unreadable answers are no silence: a device that damages some datagrams may hit all four of a flow."""
    lines = call(kind, foreign=4)
    assert (judged(lines)["state"], rule_of(lines)) == ("impaired", "call_datagrams_changed")
    lines.echo(url_of(kind))
    assert (judged(lines)["state"], rule_of(lines)) == ("impaired", "call_datagrams_changed")
    assert rule_of(tampered(kind, {}, {}, foreign=1)) == "call_datagrams_changed"
    assert rule_of(tampered(kind, {}, {})) == "call_silent_at_server_alone"
    lines.echo(url_of(kind), payload=OWN[kind], swapped=3)
    assert rule_of(lines) == "call_tampered"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("same", [{"swapped": 2}, {"swapped": 4, "kept": 1}])
def test_ends_that_are_exchanged_at_times_accuse_nothing(kind: str, same: dict[str, Any]) -> None:
    record = judged(tampered(kind, same, {}))
    assert (record["state"], record["mechanisms"]) == ("impaired", [])
    assert record["rule_id"] == "call_datagrams_changed"


@pytest.mark.parametrize("kind", KINDS)
def test_tampering_without_random_datagram_or_with_answer_accuses_nothing_of_it(kind: str) -> None:
    lines = call(kind)
    lines.echo(url_of(kind), payload=OWN[kind], swapped=3)
    assert rule_of(lines) == "call_datagrams_changed"
    assert rule_of(tampered(kind, {"swapped": 3}, {}, outcome="ok")) == "call_answered"
    assert rule_of(tampered(kind, {"swapped": 3}, {}, control=SILENCE)) == (
        "sip_fails_everywhere" if kind == "sip" else "fails_everywhere"
    )

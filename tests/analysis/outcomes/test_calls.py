"""From what happens to STUN, TURN and SIP to what is said (design 7); with the look-alikes that accuse nobody."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from tests.analysis.outcomes.test_connections import TIMEOUT, judged, said
from tests.support.measurements.ablation import labels_swapped, without_transactions
from tests.support.measurements.lines import GENUINE, SECOND, Lines

HOST = "calls.telegram.org"
SILENCE = f"payload:{TIMEOUT}"
KINDS = ("stun", "turn", "sip")
OWN = {"stun": "stun", "turn": "stun", "sip": "sip"}  # whose datagram the twin is


def url_of(kind: str, transport: str = "udp", *, host: str = GENUINE, port: int = 3478) -> str:
    return f"{kind}://{host}:{port};transport={transport}"


def call(kind: str, transport: str = "udp", outcome: str = SILENCE, *, control: str | None = "ok") -> Lines:
    """One endpoint, an address, that fails twice here; and what the helper saw of it."""
    url = url_of(kind, transport)
    lines = Lines({"calls": [url]})
    lines.twice(url, GENUINE, outcome)
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
def test_an_answer_is_ok_and_names_its_proof(kind: str, transport: str) -> None:
    url = url_of(kind, transport)
    lines = Lines({"calls": [url]})
    lines.first(url, GENUINE)
    record = judged(lines)
    assert (record["state"], record["proof"], record["rule_id"]) == ("ok", kind, f"{kind}_answered")


def test_inside_tls_the_proof_needs_the_certificate_and_the_answer() -> None:
    url = url_of("sip", "tls", host=HOST, port=5061)
    lines = Lines({"calls": [url]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(url, GENUINE)
    assert (judged(lines)["state"], judged(lines)["proof"]) == ("ok", "sip")
    lines.probe.entries.pop()  # the SIP answer
    assert (judged(lines)["state"], judged(lines)["proof"]) == ("insufficient", "tls")


@pytest.mark.parametrize("kind", KINDS)
def test_a_first_failure_whose_repeat_succeeds_is_ok(kind: str) -> None:
    lines = Lines({"calls": [url_of(kind)]})
    lines.first(url_of(kind), GENUINE, SILENCE)
    lines.confirm(url_of(kind), GENUINE)
    record = judged(lines)
    assert (record["state"], record["attempts"], record["failures"]) == ("ok", 2, 1)


# -- silence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_silence_without_a_twin_is_likely_with_a_control_and_unclear_without(kind: str) -> None:
    assert said(call(kind)) == ("likely_blocked", [f"{kind}.timeout.other"])
    assert said(call(kind, control=None)) == ("impaired", [])


@pytest.mark.parametrize("kind", KINDS)
def test_what_nobody_gets_an_answer_from_is_down(kind: str) -> None:
    assert said(call(kind, control=SILENCE)) == ("down", [])
    assert said(echoed(kind, control=SILENCE)) == ("down", [])


def test_a_sip_provider_that_is_silent_to_all_does_not_answer_strangers() -> None:
    assert "does not answer strangers" in judged(call("sip", control=SILENCE))["because"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_payload_that_is_lost_where_its_twin_comes_back(kind: str) -> None:
    assert said(echoed(kind)) == ("blocked", [f"{kind}.timeout.payload"])
    assert said(echoed(kind, control=None)) == ("blocked", [f"{kind}.timeout.payload"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_payload_that_comes_back_leaves_the_address(kind: str) -> None:
    lines = echoed(kind, same="ok")
    assert said(lines) == ("likely_blocked", [f"{kind}.timeout.other"])
    assert rule_of(lines) == f"{kind}_silent_though_twin_echoed"
    assert said(echoed(kind, same="ok", control=None)) == ("impaired", [])


def test_no_datagram_but_those_of_dns() -> None:
    lines = echoed("stun", other=f"echo:{TIMEOUT}")
    assert said(lines) == ("likely_blocked", ["udp.timeout"])
    lines.first(url_of("sip", host=SECOND), SECOND)  # another endpoint's datagrams pass
    lines.target["services"]["other"] = {"works_if": "all", "endpoints": [url_of("sip", host=SECOND)]}
    (calls, other) = judge_measurement(lines.line(), file="a", number=1)
    assert (calls["mechanisms"], other["state"]) == (["stun.timeout.other"], "ok")


def test_without_a_control_all_silent_is_unclear() -> None:
    assert said(echoed("stun", other=f"echo:{TIMEOUT}", control=None)) == ("impaired", [])


def test_silent_echoes_prove_no_blocked_payload() -> None:
    """The helper may not echo at all, or the twin of no protocol met what the trigger before it had left behind."""
    lines = call("stun")
    lines.echo(url_of("stun"), f"echo:{TIMEOUT}", payload="stun")
    assert said(lines) == ("likely_blocked", ["stun.timeout.other"])
    lines.echo(url_of("stun"), f"echo:{TIMEOUT}", in_residual=True)
    assert said(lines) == ("likely_blocked", ["stun.timeout.other"])
    lines.echo(url_of("stun"), "echo:connection_refused")
    assert said(lines) == ("likely_blocked", ["stun.timeout.other"])


def test_one_datagram_that_was_lost_is_no_silence() -> None:
    lines = echoed("stun")
    lines.probe.entries[-1][1].x_sent = 1  # type: ignore[attr-defined]
    assert said(lines) == ("likely_blocked", ["stun.timeout.other"])


def test_a_line_that_loses_packets_blocks_nothing() -> None:
    lines = echoed("stun")
    lines.preflight["neutral"][0]["failure"] = TIMEOUT
    assert said(lines) == ("likely_blocked", ["stun.timeout.other"])


def test_a_pair_of_twins_tells_of_all_endpoints_of_its_kind() -> None:
    second = url_of("stun", host=SECOND, port=19302)
    lines = echoed("stun")
    lines.target["services"]["other"] = {"works_if": "all", "endpoints": [second]}
    lines.twice(second, SECOND, SILENCE)
    lines.control(second, SECOND)
    records = judge_measurement(lines.line(), file="a", number=1)
    assert [record["mechanisms"] for record in records] == [["stun.timeout.payload"]] * 2
    named = [number for record in records for number in record["endpoints"][0]["transactions"]]
    assert sorted(named) == [1, 2, 3, 3, 4, 4, 5, 6]  # both name the twins, 3 and 4


def test_a_pair_at_the_endpoints_own_port_counts_alone() -> None:
    lines = call("stun")
    for port, same in ((5060, "ok"), (3478, f"echo:{TIMEOUT}"), (443, "ok")):
        lines.echo(url_of("stun"), "ok", port=port)
        lines.echo(url_of("stun"), same, payload="stun", port=port)
    assert said(lines) == ("blocked", ["stun.timeout.payload"])


def test_a_datagram_that_was_answered_somewhere_shows_that_udp_passes() -> None:
    lines = echoed("stun", other=f"echo:{TIMEOUT}")
    lines.first(url_of("turn", host=SECOND), SECOND, "payload:unknown_failure: stun: error 403", code=403)
    assert said(lines) == ("likely_blocked", ["stun.timeout.other"])


def test_the_twin_of_another_protocol_says_nothing() -> None:
    lines = call("sip")
    lines.echo(url_of("sip"))
    lines.echo(url_of("sip"), f"echo:{TIMEOUT}", payload="stun")
    assert said(lines) == ("likely_blocked", ["sip.timeout.other"])


@pytest.mark.parametrize("kind", KINDS)
def test_ablation_weakens_what_rests_on_twins(kind: str) -> None:
    line = echoed(kind).line()
    (record,) = judge_measurement(line, file="a", number=1)
    twins = [t["transaction_id"] for t in line["test_keys"]["x_transactions"] if t["kind"] == "followup"]
    named = record["endpoints"][0]["transactions"]
    assert record["state"] == "blocked" and set(twins) <= set(named)
    spoiled = [without_transactions(line, ids) for ids in (named, twins, twins[:1], twins[1:])]
    spoiled += [labels_swapped(line), labels_swapped(line, wire_too=True)]
    for worse in spoiled:
        (weaker,) = judge_measurement(worse, file="a", number=1)
        assert weaker["state"] != "blocked"


# -- a line or a helper without UDP --------------------------------------------------------------------------------


def test_a_line_without_udp_is_judged_without_its_datagrams() -> None:
    over_tcp = url_of("stun", "tcp", host=SECOND)
    lines = call("stun")
    lines.target["services"]["calls"]["endpoints"].append(over_tcp)
    lines.preflight["udp"] = False
    lines.first(over_tcp, SECOND)
    assert said(lines) == ("ok", [])


def test_a_service_of_datagrams_alone_on_a_line_without_udp() -> None:
    lines = echoed("stun", other=f"echo:{TIMEOUT}")
    lines.preflight["udp"] = False
    record = judged(lines)
    assert (record["state"], record["rule_id"]) == ("insufficient", "service_datagrams_absent")
    assert record["endpoints"][0]["rule_id"] == "address_datagrams_absent"
    lines.own_udp("www.example.net", [GENUINE])  # from the resolver of the home router, perhaps
    assert judged(lines)["state"] == "insufficient"
    lines.public_udp("www.example.net", [GENUINE])  # preflight was wrong: a question got its answer
    assert said(lines) == ("likely_blocked", ["udp.timeout"])


def test_a_resolver_next_door_is_no_udp_beyond_the_router() -> None:
    lines = echoed("stun", other=f"echo:{TIMEOUT}")
    lines.preflight |= {"udp": True, "udp_public": False}
    assert judged(lines)["rule_id"] == "service_datagrams_absent"
    lines.preflight["udp_public"] = None  # nobody asked a public one
    assert said(lines) == ("likely_blocked", ["udp.timeout"])


def test_a_helper_without_udp_is_no_control_of_datagrams() -> None:
    lines = call("stun", control=SILENCE)
    lines.control_families["udp"] = False
    record = judged(lines)
    assert (record["state"], record["controls"]) == ("impaired", 0)


def test_a_sip_server_that_only_ever_tries_answers_and_proves_nothing() -> None:
    url = url_of("sip")
    lines = Lines({"calls": [url]})
    for _ in range(2):
        lines.first(url, GENUINE, SILENCE, provisional=[100])
    assert (said(lines), rule_of(lines)) == (("impaired", []), "sip_answers_otherwise")
    lines.control(url, GENUINE, SILENCE)
    assert said(lines) == ("down", [])

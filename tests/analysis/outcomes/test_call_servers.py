"""What call servers, their names and their transports lead to: errors, resets, gateways, pools, retired services."""

from typing import Any

import pytest

from probe.analysis.verdicts.plain_sentences import plain_sentence
from probe.formats.calls import STUNExchange
from tests.analysis.outcomes.test_calls import HOST, SILENCE, call, echoed, url_of
from tests.analysis.outcomes.test_connections import RESET, TIMEOUT, judged, said
from tests.support.measurements.lines import FORGED, GENUINE, SECOND, Lines

# -- errors and other answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", ["connection_refused", "host_unreachable"])
def test_icmp_errors(failure: str) -> None:
    assert said(call("stun", outcome=f"payload:{failure}")) == ("likely_blocked", ["ip.unreachable"])
    assert said(call("stun", outcome=f"payload:{failure}", control=f"payload:{failure}")) == ("down", [])
    assert said(call("stun", outcome=f"payload:{failure}", control=None)) == ("impaired", [])


def test_faults_of_ours_say_nothing() -> None:
    for fault in ("interrupted", "unknown_failure: too many open files", "unknown_failure: probe bug"):
        assert judged(call("stun", outcome=f"payload:{fault}"))["state"] == "insufficient"


def test_no_route_over_ipv6() -> None:
    url = "stun://[2001:67c:4e8::1]:3478;transport=udp"
    lines = Lines({"calls": [url]})
    lines.run["families"]["ipv6"] = True
    lines.twice(url, "2001:67c:4e8::1", "payload:network_unreachable")
    lines.control(url, "2001:67c:4e8::1")
    record = judged(lines)
    assert (record["state"], record["rule_id"]) == ("insufficient", "service_family_absent")


def test_a_turn_server_that_says_something_else_to_us() -> None:
    url = url_of("turn")
    lines = Lines({"calls": [url]})
    lines.twice(url, GENUINE, "payload:unknown_failure: stun: error 403", code=403)
    lines.control(url, GENUINE)
    assert (judged(lines)["state"], judged(lines)["rule_id"]) == ("impaired", "turn_answers_otherwise")


def test_a_binding_proves_no_turn_server() -> None:
    url = url_of("turn")
    lines = Lines({"calls": [url]})
    lines.first(url, GENUINE)
    assert judged(lines)["state"] == "ok"
    lines.probe.entries[-1] = (False, STUNExchange(address="", transport="udp", response="success", mapped_family=4))
    lines.probe.entries[-1][1].transaction_id = 1
    assert judged(lines)["state"] != "ok"


@pytest.mark.parametrize("left_out", ["error_code", "has_realm", "has_nonce"])
def test_a_challenge_has_a_code_a_realm_and_a_nonce(left_out: str) -> None:
    lines = Lines({"calls": [url_of("turn")]})
    lines.first(url_of("turn"), GENUINE)
    setattr(lines.probe.entries[-1][1], left_out, 0 if left_out == "error_code" else False)
    assert judged(lines)["state"] != "ok"


# -- TCP, TLS, and what reads along --------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "node"), [("sip", "sip.reset.payload"), ("stun", "stun"), ("turn", "turn")])
def test_a_payload_that_is_reset(kind: str, node: str) -> None:
    assert said(call(kind, "tcp", f"payload:{RESET}")) == ("likely_blocked", [node])
    assert said(call(kind, "tcp", f"payload:{RESET}", control=None)) == ("impaired", [])
    assert said(call(kind, "tcp", f"payload:{RESET}", control=f"payload:{RESET}")) == ("down", [])


@pytest.mark.parametrize(("outcome", "mechanism"), [(RESET, "sip.reset.payload"), (TIMEOUT, "sip.timeout.payload")])
def test_what_cannot_be_read_passes_where_what_can_does_not(outcome: str, mechanism: str) -> None:
    lines = call("sip", "tcp", f"payload:{outcome}")
    lines.first("http://149.154.167.99:3478/", GENUINE)  # another protocol at the same port
    assert said(lines) == ("blocked", [mechanism])
    lines = call("sip", "tcp", f"payload:{outcome}")
    lines.lookup(HOST, GENUINE)
    lines.first(url_of("sip", "tls", host=HOST, port=5061), GENUINE)  # the same one, inside TLS
    assert said(lines) == ("blocked", [mechanism])


def test_inside_tls_nobody_reads_the_payload() -> None:
    url = url_of("sip", "tls", host=HOST, port=5061)
    lines = Lines({"calls": [url]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.twice(url, GENUINE, f"payload:{RESET}")
    lines.control(url, GENUINE)
    assert said(lines) == ("likely_blocked", ["sip"])


def test_inside_tls_the_name_can_draw_the_reset() -> None:
    url = url_of("stun", "tls", host=HOST, port=5349)
    lines = Lines({"calls": [url]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.innocuous(url, GENUINE)
    lines.twice(url, GENUINE, f"tls:{RESET}")
    lines.control(url, GENUINE)
    assert said(lines) == ("blocked", ["tls.reset.sni"])


def test_a_gateway_that_rewrites_sip_is_an_anomaly() -> None:
    url = url_of("sip")
    lines = Lines({"calls": [url]})
    lines.first(url, GENUINE, rewritten=["via", "contact"])
    record = judged(lines)
    assert (record["state"], record["anomalies"], record["mechanisms"]) == ("ok", ["sip.rewrite"], [])
    lines.control(url, GENUINE, rewritten=["contact"])  # the server does it to everybody
    assert judged(lines)["anomalies"] == []


# -- names: STUN, TURN and SIP have no certificate -----------------------------------------------------------------


def named(*system: str) -> Lines:
    lines = Lines({"calls": [url_of("stun", host=HOST)]})
    lines.lookup(HOST, *system)
    return lines


def test_an_answer_from_an_address_that_nothing_vouches_for_is_not_ok() -> None:
    lines = named(GENUINE)
    lines.first(url_of("stun", host=HOST), GENUINE)
    assert judged(lines)["state"] == "insufficient"
    lines.encrypted(HOST, SECOND)  # one of the same network
    assert judged(lines)["state"] == "ok"


def test_a_neighbour_that_is_silent_is_no_proof_against_anybody() -> None:
    lines = named(GENUINE)
    lines.encrypted(HOST, SECOND)
    lines.twice(url_of("stun", host=HOST), GENUINE, SILENCE)
    lines.control(url_of("stun", host=HOST), SECOND)
    assert said(lines) == ("impaired", [])


def test_a_pool_whose_machines_all_answer_is_no_lie() -> None:
    lines = named(FORGED)
    lines.encrypted(HOST, GENUINE)
    lines.first(url_of("stun", host=HOST), FORGED)
    lines.alternative(url_of("stun", host=HOST), GENUINE)
    assert judged(lines)["mechanisms"] == []


def test_a_lie_that_the_true_address_refutes() -> None:
    lines = named(FORGED)
    lines.encrypted(HOST, GENUINE)
    lines.twice(url_of("stun", host=HOST), FORGED, SILENCE)
    lines.alternative(url_of("stun", host=HOST), GENUINE)
    assert said(lines) == ("blocked", ["dns.injection.other"])


# -- services ------------------------------------------------------------------------------------------------------


def test_one_transport_of_several_that_is_dropped() -> None:
    over_tcp = url_of("stun", "tcp")
    lines = echoed("stun")
    lines.target["services"]["calls"]["endpoints"].append(over_tcp)
    lines.first(over_tcp, GENUINE)
    assert said(lines) == ("blocked", ["stun.timeout.payload"])
    lines.target["services"]["calls"]["works_if"] = "any"
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("degraded", ["stun.timeout.payload"])
    assert record["pass_rate"]["estimate"] == 0.5
    assert record["proof"] == "stun"  # of the way that is open


@pytest.mark.parametrize("make", [lambda: call("stun", control=None), lambda: echoed("stun", control=None)])
def test_a_retired_service_is_not_accused_without_a_control(make: Any) -> None:
    lines = make()
    lines.target |= {"retired": "2025-05-05", "successor": "teams"}
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("insufficient", [])
    plain = plain_sentence(record, lines.target)
    assert "shut down by its operator on 2025-05-05, and replaced by teams." in plain
    lines.control(url_of("stun"), GENUINE)
    assert judged(lines)["state"] in {"blocked", "likely_blocked"}


def test_a_retired_service_whose_name_is_gone_everywhere() -> None:
    lines = Lines({"web": ["https://www.skype.com:443/"]}, target="skype")
    lines.lookup("www.skype.com", failure="dns_nxdomain_error")
    lines.control_lookup("www.skype.com", failure="dns_nxdomain_error")
    lines.target |= {"retired": "2025-05-05", "successor": "teams"}
    assert (judged(lines)["state"], judged(lines)["rule_id"]) == ("insufficient", "service_retired")

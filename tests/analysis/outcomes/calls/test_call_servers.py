"""Test verdicts about call servers: errors, resets, gateways, pools and retired services."""

from typing import Any

import pytest

from probe.analysis.verdicts.plain_sentences import plain_sentence
from probe.formats.exchanges.calls import STUNExchange
from tests.analysis.outcomes.calls.test_calls import HOST, SILENCE, call, echoed, url_of
from tests.analysis.outcomes.test_connections import RESET, TIMEOUT, conclusion, judged
from tests.support.measurements.lines import FORGED, GENUINE, SECOND, Lines

# -- errors and other answers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", ["connection_refused", "host_unreachable"])
def test_icmp_error_is_ip_unreachable(failure: str) -> None:
    assert conclusion(call("stun", outcome=f"payload:{failure}")) == ("likely_blocked", ["ip.unreachable"])
    assert conclusion(call("stun", outcome=f"payload:{failure}", control=f"payload:{failure}")) == ("down", [])
    assert conclusion(call("stun", outcome=f"payload:{failure}", control=None)) == ("impaired", [])


def test_local_fault_is_insufficient() -> None:
    for fault in ("interrupted", "unknown_failure: too many open files", "unknown_failure: probe bug"):
        assert judged(call("stun", outcome=f"payload:{fault}"))["state"] == "insufficient"


def test_missing_ipv6_route_is_insufficient() -> None:
    url = "stun://[2001:67c:4e8::1]:3478;transport=udp"
    lines = Lines({"calls": [url]})
    lines.run["families"]["ipv6"] = True
    lines.twice(url, "2001:67c:4e8::1", "payload:network_unreachable")
    lines.control(url, "2001:67c:4e8::1")
    record = judged(lines)
    assert (record["state"], record["rule_id"]) == ("insufficient", "service_family_absent")


def test_turn_server_with_another_error_is_impaired() -> None:
    url = url_of("turn")
    lines = Lines({"calls": [url]})
    lines.twice(url, GENUINE, "payload:unknown_failure: stun: error 403", code=403)
    lines.control(url, GENUINE)
    assert (judged(lines)["state"], judged(lines)["rule_id"]) == ("impaired", "call_answers_otherwise")


def test_stun_binding_proves_no_turn_server() -> None:
    url = url_of("turn")
    lines = Lines({"calls": [url]})
    lines.first(url, GENUINE)
    assert judged(lines)["state"] == "ok"
    lines.probe.entries[-1] = (False, STUNExchange(address="", transport="udp", response="success", mapped_family=4))
    lines.probe.entries[-1][1].transaction_id = 1
    assert judged(lines)["state"] != "ok"


@pytest.mark.parametrize("left_out", ["error_code", "has_realm", "has_nonce"])
def test_challenge_without_code_realm_or_nonce_is_not_ok(left_out: str) -> None:
    lines = Lines({"calls": [url_of("turn")]})
    lines.first(url_of("turn"), GENUINE)
    setattr(lines.probe.entries[-1][1], left_out, 0 if left_out == "error_code" else False)
    assert judged(lines)["state"] != "ok"


# -- TCP and TLS -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "node"), [("sip", "sip.reset.payload"), ("stun", "stun"), ("turn", "turn")])
def test_reset_payload_is_likely_blocked_with_control(kind: str, node: str) -> None:
    assert conclusion(call(kind, "tcp", f"payload:{RESET}")) == ("likely_blocked", [node])
    assert conclusion(call(kind, "tcp", f"payload:{RESET}", control=None)) == ("impaired", [])
    assert conclusion(call(kind, "tcp", f"payload:{RESET}", control=f"payload:{RESET}")) == ("down", [])


@pytest.mark.parametrize(("outcome", "mechanism"), [(RESET, "sip.reset.payload"), (TIMEOUT, "sip.timeout.payload")])
def test_failed_payload_with_answered_unreadable_one_is_blocked(outcome: str, mechanism: str) -> None:
    lines = call("sip", "tcp", f"payload:{outcome}")
    lines.first("http://149.154.167.99:3478/", GENUINE)  # another protocol at the same port
    assert conclusion(lines) == ("blocked", [mechanism])
    lines = call("sip", "tcp", f"payload:{outcome}")
    lines.lookup(HOST, GENUINE)
    lines.first(url_of("sip", "tls", host=HOST, port=5061), GENUINE)  # the same one, inside TLS
    assert conclusion(lines) == ("blocked", [mechanism])


def test_reset_payload_inside_tls_names_no_payload_mechanism() -> None:
    url = url_of("sip", "tls", host=HOST, port=5061)
    lines = Lines({"calls": [url]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.twice(url, GENUINE, f"payload:{RESET}")
    lines.control(url, GENUINE)
    assert conclusion(lines) == ("likely_blocked", ["sip"])


def test_reset_by_name_of_call_server_inside_tls_is_blocked() -> None:
    url = url_of("stun", "tls", host=HOST, port=5349)
    lines = Lines({"calls": [url]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.innocuous(url, GENUINE)
    lines.twice(url, GENUINE, f"tls:{RESET}")
    lines.control(url, GENUINE)
    assert conclusion(lines) == ("blocked", ["tls.reset.sni"])


@pytest.mark.parametrize("mapped", ["private", "other"])
def test_address_of_another_network_in_answers_of_stun_is_an_anomaly(mapped: str) -> None:
    url = url_of("stun")
    lines = Lines({"calls": [url]})
    lines.first(url, GENUINE, mapped=mapped)
    record = judged(lines)
    assert (record["state"], record["anomalies"], record["mechanisms"]) == ("ok", ["stun.rewrite"], [])
    lines.control(url, GENUINE, mapped="private")  # the server itself does it
    assert judged(lines)["anomalies"] == []


@pytest.mark.parametrize(("transport", "mapped"), [("udp", "same"), ("udp", None), ("tls", "private")])
def test_own_address_or_any_address_inside_tls_is_no_anomaly(transport: str, mapped: str | None) -> None:
    url = url_of("stun", transport, host=HOST)
    lines = Lines({"calls": [url]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(url, GENUINE, mapped=mapped)
    assert (judged(lines)["state"], judged(lines)["anomalies"]) == ("ok", [])


def test_rewriting_sip_gateway_is_an_anomaly() -> None:
    url = url_of("sip")
    lines = Lines({"calls": [url]})
    lines.first(url, GENUINE, rewritten=["via", "contact"])
    record = judged(lines)
    assert (record["state"], record["anomalies"], record["mechanisms"]) == ("ok", ["sip.rewrite"], [])
    lines.control(url, GENUINE, rewritten=["contact"])  # the server itself does it
    assert judged(lines)["anomalies"] == []


# -- names: STUN, TURN and SIP have no certificate -------------------------------------------------------------------


def named(*system: str) -> Lines:
    lines = Lines({"calls": [url_of("stun", host=HOST)]})
    lines.lookup(HOST, *system)
    return lines


def test_answer_from_an_unverified_address_is_insufficient() -> None:
    lines = named(GENUINE)
    lines.first(url_of("stun", host=HOST), GENUINE)
    assert judged(lines)["state"] == "insufficient"
    lines.encrypted(HOST, SECOND)  # one of the same network
    assert judged(lines)["state"] == "ok"


def test_silent_address_in_the_same_network_is_impaired() -> None:
    lines = named(GENUINE)
    lines.encrypted(HOST, SECOND)
    lines.twice(url_of("stun", host=HOST), GENUINE, SILENCE)
    lines.control(url_of("stun", host=HOST), SECOND)
    assert conclusion(lines) == ("impaired", [])


def test_pool_whose_addresses_all_answer_is_not_accused() -> None:
    lines = named(FORGED)
    lines.encrypted(HOST, GENUINE)
    lines.first(url_of("stun", host=HOST), FORGED)
    lines.alternative(url_of("stun", host=HOST), GENUINE)
    assert judged(lines)["mechanisms"] == []


def test_false_address_refuted_by_the_true_one_is_blocked() -> None:
    lines = named(FORGED)
    lines.encrypted(HOST, GENUINE)
    lines.twice(url_of("stun", host=HOST), FORGED, SILENCE)
    lines.alternative(url_of("stun", host=HOST), GENUINE)
    assert conclusion(lines) == ("blocked", ["dns.injection.other"])


# -- services --------------------------------------------------------------------------------------------------------


def test_dropped_transport_of_several_is_blocked_or_degraded() -> None:
    over_tcp = url_of("stun", "tcp")
    lines = echoed("stun")
    lines.target["services"]["calls"]["endpoints"].append(over_tcp)
    lines.first(over_tcp, GENUINE)
    assert conclusion(lines) == ("blocked", ["stun.timeout.payload"])
    lines.target["services"]["calls"]["works_if"] = "any"
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("degraded", ["relay.udp.timeout", "stun.timeout.payload"])
    assert record["pass_rate"]["estimate"] == 0.5
    assert record["proof"] == "stun"  # of the transport that works


@pytest.mark.parametrize("make", [lambda: call("stun", control=None), lambda: echoed("stun", control=None)])
def test_retired_service_without_control_is_insufficient(make: Any) -> None:
    lines = make()
    lines.target |= {"retired": "2025-05-05", "successor": "teams"}
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("insufficient", [])
    plain = plain_sentence(record, lines.target)
    assert "shut down by its operator on 2025-05-05, and replaced by teams." in plain
    lines.control(url_of("stun"), GENUINE)
    assert judged(lines)["state"] in {"blocked", "likely_blocked"}


def test_retired_service_without_dns_record_is_insufficient() -> None:
    lines = Lines({"web": ["https://www.skype.com:443/"]}, target="skype")
    lines.lookup("www.skype.com", failure="dns_nxdomain_error")
    lines.control_lookup("www.skype.com", failure="dns_nxdomain_error")
    lines.target |= {"retired": "2025-05-05", "successor": "teams"}
    assert (judged(lines)["state"], judged(lines)["rule_id"]) == ("insufficient", "service_retired")

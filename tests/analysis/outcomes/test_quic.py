"""Test verdicts about QUIC: silence that follows a name, and look-alikes that accuse nothing."""

import copy
from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats import failures as f
from tests.support.measurements.ablation import labels_swapped, without_transactions
from tests.support.measurements.certificates import certificate
from tests.support.measurements.entries import GENUINE
from tests.support.measurements.lines import Lines

HOST = "web.telegram.org"
WEB, QUIC, BARE = f"https://{HOST}:443/", f"quic://{HOST}:443/", f"quic://{HOST}:443"
SILENT = f"quic:{f.TIMEOUT}"
CLOSED_BY_PEER = f"quic:{f.UNKNOWN}: quic: remote error: alert 80"


def both(url: str = QUIC) -> Lines:
    """Return a web service that works over TCP, with a role over QUIC at the same address."""
    lines = Lines({"web": [WEB], "web_quic": [url]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.innocuous(WEB, GENUINE)
    lines.first(WEB, GENUINE)
    lines.control(WEB, GENUINE)
    return lines


def judged(lines: Lines | dict[str, Any], role: str = "web_quic") -> dict[str, Any]:
    line = lines.line() if isinstance(lines, Lines) else lines
    records = judge_measurement(line, file="one.jsonl", number=1)
    return next(record for record in records if record["service"] == f"telegram/{role}")


def conclusion(lines: Lines | dict[str, Any]) -> tuple[str, list[str]]:
    record = judged(lines)
    return record["state"], record["mechanisms"]


def blocked() -> Lines:
    lines = both()
    lines.innocuous(QUIC, GENUINE)
    lines.twice(QUIC, GENUINE, SILENT)
    lines.control(QUIC, GENUINE)
    return lines


@pytest.mark.parametrize(("url", "proof"), [(QUIC, "http"), (BARE, "quic")])
def test_confirmed_handshake_is_ok_and_names_its_proof(url: str, proof: str) -> None:
    lines = both(url)
    lines.innocuous(url, GENUINE)
    lines.first(url, GENUINE)
    record = judged(lines)
    assert (record["state"], record["proof"], record["attempts"]) == ("ok", proof, 1)


def test_handshake_without_http_answer_is_likely_blocked() -> None:
    lines = both()
    lines.twice(QUIC, GENUINE, f"http:{f.TIMEOUT}")
    lines.control(QUIC, GENUINE)
    record = judged(lines)
    assert (record["state"], record["mechanisms"], record["proof"]) == ("likely_blocked", ["http.timeout"], "quic")


@pytest.mark.parametrize("innocuous_fails", [True, False])
def test_silent_request_and_silent_handshake_are_impaired(innocuous_fails: bool) -> None:
    """Accuse nothing where UDP may have failed as a whole after the first handshake."""
    lines = both()
    lines.first(QUIC, GENUINE, f"http:{f.TIMEOUT}")
    lines.confirm(QUIC, GENUINE, SILENT)
    lines.other_name(QUIC, GENUINE, SILENT if innocuous_fails else "ok")
    lines.control(QUIC, GENUINE)
    assert conclusion(lines) == ("impaired", [])


def test_silence_by_name_is_blocked_and_tcp_is_ok() -> None:
    lines = blocked()
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("blocked", ["quic.timeout.sni"])
    assert record["rule_id"] == "failure_follows_name"
    web = judged(lines, "web")
    assert (web["state"], web["mechanisms"], web["proof"]) == ("ok", [], "http")


def test_later_innocuous_name_counts_too() -> None:
    lines = both()
    lines.twice(QUIC, GENUINE, SILENT)
    lines.other_name(QUIC, GENUINE)
    lines.control(QUIC, GENUINE)
    assert conclusion(lines) == ("blocked", ["quic.timeout.sni"])


OVER_QUIC = "139.162.123.134"


def at_neutral(own: str = "ok", *, check: bool = True, proven_first: bool = True) -> Lines:
    """Return silence by name at a neutral host too, without a helper and without preflight facts about that host."""
    lines = both()
    lines.innocuous(QUIC, GENUINE)
    lines.twice(QUIC, GENUINE, SILENT)
    if proven_first:
        lines.neutral_own(QUIC, own, ip=OVER_QUIC, check=check)
    lines.neutral(QUIC, SILENT, ip=OVER_QUIC)
    return lines


def test_silence_by_name_at_a_neutral_host_is_blocked_without_helper() -> None:
    record = judged(at_neutral())
    assert (record["state"], record["rule_id"]) == ("blocked", "failure_follows_name_to_neutral_host")


@pytest.mark.parametrize("how", [{"own": SILENT}, {"check": False}, {"proven_first": False}], ids=str)
def test_neutral_host_without_its_own_certificate_is_ignored(how: dict[str, Any]) -> None:
    assert conclusion(at_neutral(**how)) == ("impaired", [])


def test_innocuous_name_over_tcp_is_ignored_for_quic() -> None:
    lines = both()
    lines.twice(QUIC, GENUINE, SILENT)
    lines.control(QUIC, GENUINE)
    assert conclusion(lines) == ("likely_blocked", ["quic.timeout"])


def test_silence_over_quic_is_ignored_for_tls() -> None:
    """Distinguish the transports, because both use the same address and port."""
    lines = Lines({"web": [WEB], "web_quic": [QUIC]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.innocuous(WEB, GENUINE)
    lines.twice(WEB, GENUINE, f"tls:{f.RESET}")
    lines.control(WEB, GENUINE)
    lines.innocuous(QUIC, GENUINE, SILENT)
    assert judged(lines, "web")["mechanisms"] == ["tls.reset.sni"]


def test_silence_with_any_name_is_likely_blocked() -> None:
    lines = both()
    lines.innocuous(QUIC, GENUINE, SILENT)
    lines.twice(QUIC, GENUINE, SILENT)
    lines.control(QUIC, GENUINE)
    assert conclusion(lines) == ("likely_blocked", ["quic.timeout.other"])


def test_first_packet_of_the_innocuous_flow_is_no_success() -> None:
    """Require the whole handshake of the innocuous name, because some networks let the first packet pass."""
    lines = both()
    lines.innocuous(QUIC, GENUINE, SILENT, answered=True)
    lines.twice(QUIC, GENUINE, SILENT, answered=True)
    lines.control(QUIC, GENUINE)
    assert conclusion(lines) == ("likely_blocked", ["quic.timeout.other"])


def test_silence_at_the_control_too_is_down() -> None:
    lines = both()
    lines.innocuous(QUIC, GENUINE, SILENT)
    lines.twice(QUIC, GENUINE, SILENT)
    lines.control(QUIC, GENUINE, SILENT)
    assert conclusion(lines) == ("down", [])
    assert judged(lines)["rule_id"] == "fails_everywhere"


def test_silence_without_a_control_is_impaired() -> None:
    lines = both()
    lines.innocuous(QUIC, GENUINE)
    lines.twice(QUIC, GENUINE, SILENT)
    assert conclusion(lines) == ("impaired", [])


def test_helper_without_quic_is_no_control() -> None:
    lines = both()
    lines.innocuous(QUIC, GENUINE)
    lines.twice(QUIC, GENUINE, SILENT)
    lines.control(QUIC, GENUINE, f"top_level:{f.NO_QUIC}")
    record = judged(lines)
    assert (record["state"], record["controls"]) == ("impaired", 0)


def test_control_with_quic_success_counts_despite_its_preflight() -> None:
    lines = blocked()
    lines.control_families["udp"] = False
    assert conclusion(lines) == ("blocked", ["quic.timeout.sni"])


def test_answer_over_quic_proves_nothing_about_a_tcp_payload() -> None:
    """Distinguish the transports, because Noise over TCP and QUIC share the port number here."""
    noise = f"noise://{HOST}:443"
    lines = Lines({"chat": [noise], "web_quic": [QUIC]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(QUIC, GENUINE)
    lines.twice(noise, GENUINE, f"payload:{f.TIMEOUT}")
    lines.control(noise, GENUINE)
    assert judged(lines, "chat")["state"] == "likely_blocked"


def test_probe_without_quic_is_insufficient() -> None:
    lines = both()
    for attempt in (lines.innocuous, lines.first):
        attempt(QUIC, GENUINE, f"top_level:{f.NO_QUIC}")
    lines.control(QUIC, GENUINE)
    line = lines.line()
    for record in line["test_keys"]["x_transactions"]:  # nothing was sent: no entries
        if record["failure"] == f.NO_QUIC:
            line = without_entries(line, record["transaction_id"])
    record = judged(line)
    assert (record["state"], record["attempts"], record["rule_id"]) == ("insufficient", 0, "address_quic_not_installed")
    assert judged(line, "web")["state"] == "ok"


def without_entries(line: dict[str, Any], number: int) -> dict[str, Any]:
    bare = copy.deepcopy(line)
    held = bare["test_keys"]["x_endpoints"]
    for name in held:
        held[name] = [entry for entry in held[name] if entry["transaction_id"] != number]
    return bare


def test_one_failure_is_impaired_and_a_confirmation_ok() -> None:
    lines = both()
    lines.innocuous(QUIC, GENUINE)
    lines.first(QUIC, GENUINE, SILENT)
    lines.control(QUIC, GENUINE)
    assert conclusion(lines) == ("impaired", [])
    lines.confirm(QUIC, GENUINE)
    record = judged(lines)
    assert (record["state"], record["failures"]) == ("ok", 1)


def test_silence_on_a_lossy_access_line_is_likely_blocked() -> None:
    lines = blocked()
    neutral = lines.preflight["neutral"]
    neutral.append(neutral[0] | {"address": "9.9.9.11", "failure": f.TIMEOUT})
    assert conclusion(lines) == ("likely_blocked", ["quic.timeout"])


def test_network_without_udp_is_insufficient() -> None:
    lines = both()
    lines.preflight |= {"udp": False, "udp_public": False}
    lines.innocuous(QUIC, GENUINE, SILENT)
    lines.twice(QUIC, GENUINE, SILENT)
    lines.control(QUIC, GENUINE)
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("insufficient", [])
    assert record["rule_id"] == "service_datagrams_absent"


def test_innocuous_name_that_passed_shows_that_udp_works() -> None:
    lines = blocked()
    lines.preflight |= {"udp": False, "udp_public": False}
    assert conclusion(lines) == ("blocked", ["quic.timeout.sni"])


def test_close_by_name_is_blocked() -> None:
    lines = both()
    lines.innocuous(QUIC, GENUINE)
    lines.twice(QUIC, GENUINE, CLOSED_BY_PEER, answered=True)
    lines.control(QUIC, GENUINE)
    assert conclusion(lines) == ("blocked", ["quic"])
    again = both()
    again.innocuous(QUIC, GENUINE, f"quic:{f.REFUSED}")
    again.twice(QUIC, GENUINE, f"quic:{f.REFUSED}")
    again.control(QUIC, GENUINE)
    assert conclusion(again) == ("likely_blocked", ["quic"])


def test_foreign_certificate_is_blocked_with_control_and_impaired_without() -> None:
    lines = both()
    lines.twice(QUIC, GENUINE, f"quic:{f.SSL_UNKNOWN_AUTHORITY}", cert=certificate(HOST, issuer=""))
    assert conclusion(lines) == ("impaired", [])
    lines.control(QUIC, GENUINE)
    assert conclusion(lines) == ("blocked", ["tls.mitm.self_signed"])
    assert judged(lines)["rule_id"] == "mitm_self_signed"


def test_certificate_accepted_by_the_control_accuses_nothing() -> None:
    lines = both()
    lines.twice(QUIC, GENUINE, f"quic:{f.SSL_INVALID_CERTIFICATE}", cert=certificate(HOST))
    lines.control(QUIC, GENUINE)
    assert judged(lines)["rule_id"] == "same_certificate_at_control"


def test_certificate_over_quic_verifies_the_address() -> None:
    lines = Lines({"web_quic": [BARE]})
    lines.lookup(HOST, GENUINE)
    lines.first(BARE, GENUINE)
    assert judged(lines)["state"] == "ok"


@pytest.mark.parametrize("wire_too", [False, True])
def test_exchanged_labels_accuse_nothing(wire_too: bool) -> None:
    record = judged(labels_swapped(blocked().line(), wire_too=wire_too))
    assert record["state"] not in {"blocked", "likely_blocked", "degraded"}


def test_without_its_evidence_the_state_is_weaker() -> None:
    lines = blocked()
    record = judged(lines)
    named = record["endpoints"][0]["transactions"]
    assert judged(without_transactions(lines.line(), named))["state"] not in {"blocked", "likely_blocked"}
    without_control = lines.line()
    without_control["test_keys"]["x_control"] = None
    assert judged(without_control)["state"] == "impaired"

"""Verdicts about QUIC: silence that follows a name, and everything that looks like it and accuses nobody."""

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
REFUSED_IN_WORDS = f"quic:{f.UNKNOWN}: quic: remote error: alert 80"


def both(url: str = QUIC) -> Lines:
    """A web service that works over TCP, and its role over QUIC at the same address."""
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


def said(lines: Lines | dict[str, Any]) -> tuple[str, list[str]]:
    record = judged(lines)
    return record["state"], record["mechanisms"]


def blocked() -> Lines:
    lines = both()
    lines.innocuous(QUIC, GENUINE)
    lines.twice(QUIC, GENUINE, SILENT)
    lines.control(QUIC, GENUINE)
    return lines


@pytest.mark.parametrize(("url", "proof"), [(QUIC, "http"), (BARE, "quic")])
def test_a_confirmed_handshake_and_its_page(url: str, proof: str) -> None:
    lines = both(url)
    lines.innocuous(url, GENUINE)
    lines.first(url, GENUINE)
    record = judged(lines)
    assert (record["state"], record["proof"], record["attempts"]) == ("ok", proof, 1)


def test_the_handshake_alone_is_not_the_page() -> None:
    lines = both()
    lines.twice(QUIC, GENUINE, f"http:{f.TIMEOUT}")
    lines.control(QUIC, GENUINE)
    record = judged(lines)
    assert (record["state"], record["mechanisms"], record["proof"]) == ("likely_blocked", ["http.timeout"], "quic")


def test_silence_that_follows_the_name() -> None:
    lines = blocked()
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("blocked", ["quic.timeout.sni"])
    assert record["rule_id"] == "quic_timeout_follows_name"
    web = judged(lines, "web")
    assert (web["state"], web["mechanisms"], web["proof"]) == ("ok", [], "http")


def test_the_innocuous_name_may_come_after() -> None:
    lines = both()
    lines.twice(QUIC, GENUINE, SILENT)
    lines.other_name(QUIC, GENUINE)
    lines.control(QUIC, GENUINE)
    assert said(lines) == ("blocked", ["quic.timeout.sni"])


OVER_QUIC = "139.162.123.134"


def at_neutral(own: str = "ok", *, check: bool = True, proven_first: bool = True) -> Lines:
    """No helper; at a neutral host, which preflight knows nothing of, the name falls silent too."""
    lines = both()
    lines.innocuous(QUIC, GENUINE)
    lines.twice(QUIC, GENUINE, SILENT)
    if proven_first:
        lines.neutral_own(QUIC, own, ip=OVER_QUIC, check=check)
    lines.neutral(QUIC, SILENT, ip=OVER_QUIC)
    return lines


def test_silence_that_follows_the_name_to_a_neutral_host_needs_no_helper() -> None:
    record = judged(at_neutral())
    assert (record["state"], record["rule_id"]) == ("blocked", "quic_timeout_follows_name_to_neutral_host")


@pytest.mark.parametrize("how", [{"own": SILENT}, {"check": False}, {"proven_first": False}], ids=str)
def test_a_neutral_host_that_did_not_show_its_own_certificate_shows_nothing(how: dict[str, Any]) -> None:
    assert said(at_neutral(**how)) == ("impaired", [])


def test_an_innocuous_name_over_tcp_says_nothing_about_quic() -> None:
    lines = both()
    lines.twice(QUIC, GENUINE, SILENT)
    lines.control(QUIC, GENUINE)
    assert said(lines) == ("likely_blocked", ["quic.timeout"])


def test_silence_over_quic_says_nothing_about_tls() -> None:
    """Same address, same port: what fails over UDP must not be taken for a harmless hello that failed."""
    lines = Lines({"web": [WEB], "web_quic": [QUIC]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.innocuous(WEB, GENUINE)
    lines.twice(WEB, GENUINE, f"tls:{f.RESET}")
    lines.control(WEB, GENUINE)
    lines.innocuous(QUIC, GENUINE, SILENT)
    assert judged(lines, "web")["mechanisms"] == ["tls.reset.sni"]


def test_silence_for_every_name() -> None:
    lines = both()
    lines.innocuous(QUIC, GENUINE, SILENT)
    lines.twice(QUIC, GENUINE, SILENT)
    lines.control(QUIC, GENUINE)
    assert said(lines) == ("likely_blocked", ["quic.timeout.other"])


def test_one_packet_that_passes_is_not_the_flow() -> None:
    """The harmless name's first answer came, and then nothing: no proof that its flow passes."""
    lines = both()
    lines.innocuous(QUIC, GENUINE, SILENT, answered=True)
    lines.twice(QUIC, GENUINE, SILENT, answered=True)
    lines.control(QUIC, GENUINE)
    assert said(lines) == ("likely_blocked", ["quic.timeout.other"])


def test_nobody_is_accused_where_the_control_fails_too() -> None:
    lines = both()
    lines.innocuous(QUIC, GENUINE, SILENT)
    lines.twice(QUIC, GENUINE, SILENT)
    lines.control(QUIC, GENUINE, SILENT)
    assert said(lines) == ("down", [])
    assert judged(lines)["rule_id"] == "quic_fails_everywhere"


def test_nobody_is_accused_without_a_control() -> None:
    lines = both()
    lines.innocuous(QUIC, GENUINE)
    lines.twice(QUIC, GENUINE, SILENT)
    assert said(lines) == ("impaired", [])


def test_a_helper_without_quic_is_no_control() -> None:
    lines = both()
    lines.innocuous(QUIC, GENUINE)
    lines.twice(QUIC, GENUINE, SILENT)
    lines.control(QUIC, GENUINE, f"top_level:{f.NO_QUIC}")
    record = judged(lines)
    assert (record["state"], record["controls"]) == ("impaired", 0)


def test_a_control_that_speaks_quic_has_udp_whatever_its_preflight_said() -> None:
    lines = blocked()
    lines.control_families["udp"] = False
    assert said(lines) == ("blocked", ["quic.timeout.sni"])


def test_an_answer_over_udp_is_no_twin_of_a_connection() -> None:
    """Noise draws silence on the very port where QUIC answers: another transport, so no proof about the payload."""
    noise = f"noise://{HOST}:443"
    lines = Lines({"chat": [noise], "web_quic": [QUIC]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(QUIC, GENUINE)
    lines.twice(noise, GENUINE, f"payload:{f.TIMEOUT}")
    lines.control(noise, GENUINE)
    assert judged(lines, "chat")["state"] == "likely_blocked"


def test_a_probe_without_quic_has_tried_nothing() -> None:
    lines = both()
    for attempt in (lines.innocuous, lines.first):
        attempt(QUIC, GENUINE, f"top_level:{f.NO_QUIC}")
    lines.control(QUIC, GENUINE)
    line = lines.line()
    for record in line["test_keys"]["x_transactions"]:  # nothing was sent: no entries
        if record["failure"] == f.NO_QUIC:
            line = without_entries(line, record["transaction_id"])
    record = judged(line)
    assert (record["state"], record["attempts"], record["rule_id"]) == ("insufficient", 0, "address_local_fault")
    assert judged(line, "web")["state"] == "ok"


def without_entries(line: dict[str, Any], number: int) -> dict[str, Any]:
    bare = copy.deepcopy(line)
    held = bare["test_keys"]["x_endpoints"]
    for name in held:
        held[name] = [entry for entry in held[name] if entry["transaction_id"] != number]
    return bare


def test_one_failure_alone_and_a_good_confirmation() -> None:
    lines = both()
    lines.innocuous(QUIC, GENUINE)
    lines.first(QUIC, GENUINE, SILENT)
    lines.control(QUIC, GENUINE)
    assert said(lines) == ("impaired", [])
    lines.confirm(QUIC, GENUINE)
    record = judged(lines)
    assert (record["state"], record["failures"]) == ("ok", 1)


def test_a_lossy_line_proves_no_silence() -> None:
    lines = blocked()
    neutral = lines.preflight["neutral"]
    neutral.append(neutral[0] | {"address": "9.9.9.11", "failure": f.TIMEOUT})
    assert said(lines) == ("likely_blocked", ["quic.timeout"])


def test_a_line_without_udp_has_no_quic() -> None:
    lines = both()
    lines.preflight |= {"udp": False, "udp_public": False}
    lines.innocuous(QUIC, GENUINE, SILENT)
    lines.twice(QUIC, GENUINE, SILENT)
    lines.control(QUIC, GENUINE)
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("insufficient", [])
    assert record["rule_id"] == "service_datagrams_absent"


def test_a_harmless_name_that_passed_shows_that_udp_works() -> None:
    lines = blocked()
    lines.preflight |= {"udp": False, "udp_public": False}
    assert said(lines) == ("blocked", ["quic.timeout.sni"])


def test_a_closing_that_follows_the_name() -> None:
    lines = both()
    lines.innocuous(QUIC, GENUINE)
    lines.twice(QUIC, GENUINE, REFUSED_IN_WORDS, answered=True)
    lines.control(QUIC, GENUINE)
    assert said(lines) == ("blocked", ["quic"])
    again = both()
    again.innocuous(QUIC, GENUINE, f"quic:{f.REFUSED}")
    again.twice(QUIC, GENUINE, f"quic:{f.REFUSED}")
    again.control(QUIC, GENUINE)
    assert said(again) == ("likely_blocked", ["quic"])


def test_a_foreign_certificate_inside_quic() -> None:
    lines = both()
    lines.twice(QUIC, GENUINE, f"quic:{f.SSL_UNKNOWN_AUTHORITY}", cert=certificate(HOST, issuer=""))
    assert said(lines) == ("impaired", [])
    lines.control(QUIC, GENUINE)
    assert said(lines) == ("blocked", ["tls.mitm.self_signed"])
    assert judged(lines)["rule_id"] == "quic_mitm_self_signed"


def test_the_same_certificate_at_the_control_accuses_nobody() -> None:
    lines = both()
    lines.twice(QUIC, GENUINE, f"quic:{f.SSL_INVALID_CERTIFICATE}", cert=certificate(HOST))
    lines.control(QUIC, GENUINE)
    assert judged(lines)["rule_id"] == "quic_same_certificate_at_control"


def test_a_certificate_over_quic_proves_the_address() -> None:
    lines = Lines({"web_quic": [BARE]})
    lines.lookup(HOST, GENUINE)
    lines.first(BARE, GENUINE)
    assert judged(lines)["state"] == "ok"


@pytest.mark.parametrize("wire_too", [False, True])
def test_exchanged_labels_accuse_nobody(wire_too: bool) -> None:
    record = judged(labels_swapped(blocked().line(), wire_too=wire_too))
    assert record["state"] not in {"blocked", "likely_blocked", "degraded"}


def test_without_its_evidence_the_verdict_is_gone() -> None:
    lines = blocked()
    record = judged(lines)
    named = record["endpoints"][0]["transactions"]
    assert judged(without_transactions(lines.line(), named))["state"] not in {"blocked", "likely_blocked"}
    without_control = lines.line()
    without_control["test_keys"]["x_control"] = None
    assert judged(without_control)["state"] == "impaired"

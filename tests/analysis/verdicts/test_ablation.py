"""Test that every kind of evidence decides a rule somewhere, and that less evidence gives no accusation."""

import gzip
import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import pytest

from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.rules.tables import ACCUSING, RULES
from probe.analysis.verdicts.validity import INVALIDITIES
from probe.analysis.verdicts.verdicts import judge_each
from probe.formats.plain_json import places_of_entries
from tests.analysis.rules.test_every_rule_fires import RECORDED
from tests.support.measurements.cuts import (
    CERTIFICATES,
    CHECKS,
    CLOSED_PORT,
    CUTS,
    ENTRIES,
    FOLLOWUPS,
    OUTSIDE,
    PASSES,
    RACES,
)

HOP = "hop"  # in place of a rule id: the verdict loses its hop
Outcome = tuple[str | None, str | None, bool]  # state, rule id, hop found

TIMES_NEEDED = {
    name: {"first", "innocuous"} for name in ("limit-of-all-servers", "limit-of-network", "limit-of-network-connects")
}
"""Kinds of flows that a limit of connections is seen by. Without them a failure seems to come after a rest."""

DECIDES: dict[str, tuple[str, str]] = {
    "other_name_same_address": ("sni-allowlist", "tls_timeout_of_unlisted_names"),
    "same_name_neutral_host": ("sni-reset", "tls_reset_follows_name_to_neutral_host"),
    "nonexistent_name_same_address": ("sni-allowlist", "tls_timeout_of_unlisted_names"),
    "nonexistent_name_neutral_host": ("sni-allowlist-strict", "tls_reset_of_all_names_but_the_hosts_own"),
    "neutral_name_neutral_host": ("sni-allowlist-strict", "tls_reset_of_all_names_but_the_hosts_own"),
    "browser_hello": ("hello-kinds", "tls_reset_of_name_in_hello_of_this_make"),
    "harmless_browser_hello": ("browsers-hello", "tls_reset_of_name_in_browsers_hello"),
    "other_size_hello": ("hello-kinds", "tls_reset_of_name_in_hello_of_this_size"),
    "same_hello_again": ("hello-kinds", "tls_reset_of_name_in_hello_of_this_size"),
    "browser_hello_without_ech": ("ech-name", "tls_timeout_of_name_in_hello_with_ech"),
    "neutral_browser_hello": ("ech-drop", "tls_timeout_of_any_hello_with_ech"),
    "neutral_browser_hello_without_ech": ("ech-reset", "tls_reset_of_any_hello_with_ech"),
    "neutral_hello_with_ech": ("ech-drop", "tls_timeout_of_any_hello_with_ech"),
    "hello_with_ech_neutral_host": ("ech-name", "tls_reset_of_name_in_hello_with_ech"),
    "same_transfer_again": ("freeze-bytes", "http_freezes_for_name_after_bytes"),
    "small_segments_transfer": ("freeze-packets", "http_freezes_for_name_after_packets"),
    "pings_before_transfer": ("freeze-quic-packets", "http_freezes_for_name_after_packets"),
    "innocuous_name_transfer": ("freeze-unlisted", "http_freezes_for_name_after_packets"),
    "neutral_host_transfer": ("freeze-bytes-range", "http_freezes_after_bytes"),
    "random_bytes_neutral_host": ("protocol-allowlist", "payload_drop_of_unlisted_protocols"),
    "innocuous_name_system_resolver": ("dns-silence", "dns_timeout_here"),
    "resolver_udp": ("dns-resolver-lies", "dns_resolver_lies_other"),
    "resolver_dot": ("resolvers-filter", "dns_bogon_contradicted"),
    "resolver_doh": ("resolvers-filter", "dns_bogon_contradicted"),
    "dark_resolver": ("dns-injection-alone", "dns_bogon_from_nowhere"),
    "dark_innocuous": ("dns-other-box", "dns_answer_from_nowhere_other"),
    CLOSED_PORT: ("dns-other-box", "dns_answer_from_nowhere_other"),
    "firefox_dtls_hello": ("dtls-one-program", "dtls_silent_in_one_form"),
    "dtls13_hello": ("dtls-newer-passes", "dtls_silent_in_one_form"),
    "same_dtls_hello_again": ("dtls-one-program", "dtls_silent_in_one_form"),
    "same_payload_echo": ("stun-drop", "stun_silent_twin_echoed"),
    "other_payload_echo": ("udp-blocked", "stun_no_datagram_passes"),
    "path_sweep": ("sni-drop", HOP),
    "limited_payload": ("sni-reset", HOP),
    "alternative_address": ("resolvers-filter", "dns_resolver_lies_bogon"),
    "lookup": ("dns-conflict", "dns_race_forged_first_other"),
    "first": ("protocol-reset", "payload_reset_twin_passes"),
    "innocuous": ("quic-drop", "quic_timeout_follows_name_to_neutral_host"),
    "confirm": ("ip-blackhole", "tcp_timeout_here"),
    "queries": ("dns-refused", "dns_refused_here"),
    "tcp_connect": ("ip-prohibited", "tcp_unreachable_here"),
    "tls_handshakes": ("tls-mitm", "tls_mitm_by_other_authority"),
    "quic_handshakes": ("quic-drop", "quic_timeout_follows_name_to_neutral_host"),
    "requests": ("http-reset", "http_reset_follows_name_to_neutral_host"),
    "mtproto": ("protocol-reset", "payload_reset_twin_passes"),
    "noise": ("protocol-allowlist", "payload_drop_of_unlisted_protocols"),
    "stun": ("stun-drop", "stun_silent_twin_echoed"),
    "reflector": ("reflector-hello-dropped", "reflector_silent_twin_echoed"),
    "dtls": ("dtls-dropped", "dtls_silent_twin_echoed"),
    "sip": ("sip-reset", "sip_reset_twin_passes"),
    "media_shape": ("media-loss", "service_media_lost"),
    "media_opaque": ("media-loss", "service_media_lost"),
    "transfer_name": ("throttled-shaped", "service_name_throttled"),
    "transfer_innocuous": ("throttled-shaped", "service_name_throttled"),
    "upload_name": ("freeze-uploads-bytes", "service_uploads_stop_after_bytes"),
    "upload_innocuous": ("freeze-uploads-bytes", "service_uploads_stop_after_bytes"),
    "transfer_host": ("throttled-host-policed", "service_host_throttled"),
    "transfer_innocuous_host": ("throttled-host-policed", "service_host_throttled"),
    "quic_page_name": ("throttled-quic", "service_quic_name_throttled"),
    "quic_page_innocuous": ("throttled-quic", "service_quic_name_throttled"),
    "address_page_innocuous": ("slow-address", "service_address_slow"),
    "kept_connection": ("cutoff-name", "service_name_cut_off"),
    "kept_connection_innocuous": ("cutoff-name", "service_name_cut_off"),
    "kept_connection_neutral": ("cutoff-name", "service_name_cut_off"),
    "kept_connection_name_neutral": ("cutoff-name", "service_name_cut_off"),
    "upload_beside_media": ("udp-slow", "service_udp_slow"),
    "transfer_beside_media": ("udp-slow-back", "service_udp_slow"),
    "echoes": ("sip-drop", "sip_silent_twin_echoed"),
    "mail": ("starttls-stripped", "smtp_starttls_stripped"),
    "path_sweeps": ("sni-drop", HOP),
    "limited_payloads": ("sni-reset", HOP),
    "random_bytes": ("protocol-allowlist", "payload_drop_of_unlisted_protocols"),
    "x_control": ("service-down", "tcp_fails_everywhere"),
    "x_control.test_keys": ("skype-gone", "name_unknown_everywhere"),
    "x_control.preflight": ("no-starttls", "mail_starttls_offered_to_nobody"),
    "preflight.network": ("no-network", "invalid_no_network"),
    "preflight.neutral": ("sni-reset", "tls_reset_follows_name_to_neutral_host"),
    "preflight.portal": ("captive-portal", "invalid_captive_portal"),
    "preflight.clock_skew": ("clock", "invalid_clock"),
    "preflight.vpn": ("vpn", "invalid_vpn"),
    "preflight.tls_interception": ("antivirus", "invalid_tls_interception"),
    "preflight.udp_public": ("udp-less-line", "service_datagrams_absent"),
    "preflight.resolver": ("resolvers-filter", "dns_answer_of_another_box"),
    "preflight.dark_answers": ("dns-intercepted-and-lied", "dns_interceptor_lies_bogon"),
    CHECKS: ("network-lost-refused", "address_network_lost"),
    RACES: ("dns-injection", "dns_race_forged_first_bogon"),
    CERTIFICATES: ("tls-mitm", "tls_mitm_self_signed"),
}
"""A recording and a rule that decides there, by the kind of evidence that the rule needs."""


@pytest.fixture(scope="module")
def engine() -> Iterator[SQLiteEngine]:
    with SQLiteEngine() as made:
        yield made


@cache
def recorded(scenario: str) -> tuple[dict[str, Any], ...]:
    with gzip.open(RECORDED / f"{scenario}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return tuple(map(json.loads, lines))


def outcomes(lines: Iterable[dict[str, Any]], engine: SQLiteEngine) -> list[dict[tuple[str, str], Outcome]]:
    """Return the verdicts of each measurement by (service, endpoint). Endpoint "" stands for the service itself."""
    return [outcome(records) for _, records in judge_each((("x.jsonl", 1, line) for line in lines), engine)]


def outcome(records: list[dict[str, Any]]) -> dict[tuple[str, str], Outcome]:
    found: dict[tuple[str, str], Outcome] = {}
    for record in records:
        found[record["service"], ""] = (record["state"], record["rule_id"], record["hop"] is not None)
        for part in record["endpoints"]:
            found[record["service"], part["endpoint"]] = (part["state"], part["rule_id"], False)
    return found


def kinds_in(line: dict[str, Any]) -> list[str]:
    """Return the kinds of transactions, entries and helper data that the measurement contains."""
    records = line["test_keys"]["x_transactions"]
    flows = {record["kind"] for record in records} | {record["followup"] for record in records}
    lists = {name for place in places_of_entries(line["test_keys"]) for name in ENTRIES if place.get(name)}
    outside = set(OUTSIDE) if line["test_keys"]["x_control"] else set()
    return sorted((flows & {*FOLLOWUPS, *PASSES}) | lists | outside)


def holds(one: Outcome, rule: str) -> bool:
    """Return True if the rule decided, or for HOP if a hop was found."""
    return one[2] if rule == HOP else one[1] == rule


def test_every_kind_of_evidence_is_in_table() -> None:
    assert set(DECIDES) == set(CUTS)
    assert {rule for _, rule in DECIDES.values()} <= set(RULES) | {i.rule_id for i in INVALIDITIES} | {HOP}


@pytest.mark.parametrize("kind", DECIDES)
def test_rule_needs_its_evidence(kind: str, engine: SQLiteEngine) -> None:
    scenario, rule = DECIDES[kind]
    spoke, silenced = 0, 0
    cut = map(CUTS[kind], recorded(scenario))
    for before, after in zip(outcomes(recorded(scenario), engine), outcomes(cut, engine), strict=True):
        deciding = [part for part, one in before.items() if holds(one, rule)]
        spoke += len(deciding)
        silenced += sum(not holds(after[part], rule) for part in deciding)
    assert spoke, f"{rule} does not decide in the recording {scenario}"
    assert silenced, f"{rule} decides in {scenario} without {kind} as well"


@pytest.mark.parametrize("scenario", sorted(path.name.removesuffix(".jsonl.gz") for path in RECORDED.iterdir()))
def test_less_evidence_never_gives_accusation(scenario: str, engine: SQLiteEngine) -> None:
    lines = recorded(scenario)
    for line, before in zip(lines, outcomes(lines, engine), strict=True):
        unaccused = {part for part, one in before.items() if one[0] is not None and one[0] not in ACCUSING}
        kinds = [kind for kind in kinds_in(line) if kind not in TIMES_NEEDED.get(scenario, ())] if unaccused else []
        for kind, after in zip(kinds, outcomes((CUTS[kind](line) for kind in kinds), engine), strict=True):
            accused = {part: after[part] for part in unaccused if after[part][0] in ACCUSING}
            assert not accused, f"without {kind}: {accused}"

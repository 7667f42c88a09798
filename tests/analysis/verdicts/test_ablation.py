"""Test that every kind of evidence decides a rule somewhere, and that less evidence gives no accusation."""

import gzip
import json
import random
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import pytest

from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.ruleset.tables import ACCUSING, RULES, rule_of
from probe.analysis.verdicts.validity import INVALIDITIES
from probe.analysis.verdicts.verdicts import judge_each
from probe.formats.followups import FOLLOWUP_KINDS
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

HOP = "hop"  # in place of a rule's key: the verdict loses its hop
Outcome = tuple[str | None, str, bool]  # state, key of the rule, hop found

OTHERS_NEEDED = {
    **dict.fromkeys(
        ("limit-of-all-servers", "limit-of-network", "limit-of-network-connects"), frozenset({"first", "innocuous"})
    ),
    "relays-blocked-lossy": frozenset({"innocuous"}),
    **dict.fromkeys(("udp-size", "udp-size-short"), frozenset({"echoes", "same_payload_echo"})),
}
"""Kinds of flows that a limit of connections, the chance of a failure, or the sizes of datagrams are seen by. Without
them a failure seems to come after a rest, to be no chance, or to be of one protocol.
"""

CHECKS_WHEN_DUE = [kind.name for kind in FOLLOWUP_KINDS.values() if kind.excludes_other_cause]
"""Evidence that the user's own side, line or resolver fails. Runs list it that make these checks when they are due.

Earlier runs lack it, and their failures accuse.
"""

DECIDES: dict[str, tuple[str, str]] = {
    "other_name_same_address": ("sni-allowlist", "unlisted_names_fail:tls:timeout"),
    "same_name_neutral_host": ("sni-reset", "failure_follows_name_to_neutral_host:tls:reset"),
    "nonexistent_name_same_address": ("sni-allowlist", "unlisted_names_fail:tls:timeout"),
    "nonexistent_name_neutral_host": ("sni-allowlist-strict", "all_names_but_the_hosts_own_fail:tls:reset"),
    "neutral_name_neutral_host": ("sni-allowlist-strict", "all_names_but_the_hosts_own_fail:tls:reset"),
    "browser_hello": ("hello-kinds", "tls_name_in_hello_of_this_make_fails:tls:reset"),
    "harmless_browser_hello": ("browsers-hello", "tls_name_in_browsers_hello_fails:tls:reset"),
    "other_size_hello": ("hello-kinds", "tls_name_in_hello_of_this_size_fails:tls:reset"),
    "same_hello_again": ("hello-kinds", "tls_name_in_hello_of_this_size_fails:tls:reset"),
    "browser_hello_without_ech": ("ech-name", "tls_name_in_hello_with_ech_fails:tls:timeout"),
    "neutral_browser_hello": ("ech-drop", "tls_any_hello_with_ech_fails:tls:timeout"),
    "neutral_browser_hello_without_ech": ("ech-reset", "tls_any_hello_with_ech_fails:tls:reset"),
    "neutral_hello_with_ech": ("ech-drop", "tls_any_hello_with_ech_fails:tls:timeout"),
    "hello_with_ech_neutral_host": ("ech-name", "tls_name_in_hello_with_ech_fails:tls:reset"),
    "same_transfer_again": ("freeze-bytes", "http_freezes_for_name:http:bytes"),
    "small_segments_transfer": ("freeze-packets", "http_freezes_for_name:http:packets"),
    "pings_before_transfer": ("freeze-quic-packets", "http_freezes_for_name:http:packets"),
    "innocuous_name_transfer": ("freeze-unlisted", "http_freezes_for_name:http:packets"),
    "neutral_host_transfer": ("freeze-bytes-range", "http_freezes_at_address:http:bytes"),
    "random_bytes_neutral_host": ("protocol-allowlist", "payload_unlisted_protocols_fail"),
    "innocuous_name_system_resolver": ("dns-silence", "dns_lookup_fails_here:dns:timeout"),
    "same_name_system_resolver": ("resolver-refuses-for-a-time", "dns_resolver_limits_queries"),
    "resolver_udp": ("dns-resolver-lies", "dns_resolver_forges:dns:other"),
    "resolver_assigned": ("chosen-unlisted-filter", "name_false_at_chosen_resolver_alone"),
    "resolver_dot": ("resolvers-filter", "dns_bogon_contradicted"),
    "resolver_doh": ("resolvers-filter", "dns_bogon_contradicted"),
    "dark_resolver": ("dns-injection-alone", "dns_bogon_from_non_resolver"),
    "dark_innocuous": ("dns-other-box", "dns_answer_from_non_resolver:dns:other"),
    CLOSED_PORT: ("dns-other-box", "dns_answer_from_non_resolver:dns:other"),
    "firefox_dtls_hello": ("dtls-one-program", "dtls_silent_in_one_form"),
    "dtls13_hello": ("dtls-newer-passes", "dtls_silent_in_one_form"),
    "same_dtls_hello_again": ("dtls-one-program", "dtls_silent_in_one_form"),
    "same_payload_echo": ("stun-drop", "call_lost_at_echo_too:stun"),
    "other_payload_echo": ("udp-blocked", "no_datagram_passes:stun"),
    "datagram_sizes": ("udp-size-short", "datagrams_too_long_here:sip"),
    "near_reaction": ("local-firewall", "stopped_by_this_computer"),
    "path_sweep": ("sni-drop", HOP),
    "limited_payload": ("sni-reset", HOP),
    "alternative_address": ("resolvers-filter", "dns_resolver_forges:dns:bogon"),
    "lookup": ("dns-conflict", "dns_race_forged_first:dns:other"),
    "first": ("protocol-reset", "payload_fails_beside_other_protocol:payload:reset"),
    "innocuous": ("quic-drop", "failure_follows_name_to_neutral_host:quic:timeout"),
    "confirm": ("ip-blackhole", "tcp_fails_alike_here:tcp:timeout"),
    "queries": ("dns-refused", "dns_lookup_fails_here:dns:refused"),
    "tcp_connect": ("ip-prohibited", "tcp_fails_alike_here:tcp:unreachable"),
    "tls_handshakes": ("tls-mitm", "mitm_by_other_authority:tls"),
    "quic_handshakes": ("quic-drop", "failure_follows_name_to_neutral_host:quic:timeout"),
    "requests": ("http-reset", "failure_follows_name_to_neutral_host:http:reset"),
    "mtproto": ("protocol-reset", "payload_fails_beside_other_protocol:payload:reset"),
    "noise": ("protocol-allowlist", "payload_unlisted_protocols_fail"),
    "stun": ("stun-drop", "call_lost_at_echo_too:stun"),
    "reflector": ("reflector-hello-dropped", "call_lost_at_echo_too:reflector"),
    "dtls": ("dtls-dropped", "call_lost_at_echo_too:dtls"),
    "sip": ("sip-reset", "call_fails_when_readable:sip:reset"),
    "media_shape": ("media-loss", "service_media_lost"),
    "media_opaque": ("media-loss", "service_media_lost"),
    "transfer_name": ("throttled-shaped", "service_name_throttled:tls"),
    "transfer_innocuous": ("throttled-shaped", "service_name_throttled:tls"),
    "upload_name": ("freeze-uploads-bytes", "service_uploads_stop:bytes"),
    "upload_innocuous": ("freeze-uploads-bytes", "service_uploads_stop:bytes"),
    "transfer_host": ("throttled-host-policed", "service_name_throttled:http"),
    "transfer_innocuous_host": ("throttled-host-policed", "service_name_throttled:http"),
    "quic_page_name": ("throttled-quic", "service_name_throttled:quic"),
    "quic_page_innocuous": ("throttled-quic", "service_name_throttled:quic"),
    "address_page_innocuous": ("slow-address", "service_address_slow"),
    "kept_connection": ("cutoff-name", "service_name_cut_off"),
    "kept_connection_innocuous": ("cutoff-name", "service_name_cut_off"),
    "kept_connection_neutral": ("cutoff-name", "service_name_cut_off"),
    "kept_connection_name_neutral": ("cutoff-name", "service_name_cut_off"),
    "upload_beside_media": ("udp-slow", "service_udp_slow"),
    "transfer_beside_media": ("udp-slow-back", "service_udp_slow"),
    "echoes": ("sip-drop", "call_lost_at_echo_too:sip"),
    "mail": ("starttls-stripped", "starttls_stripped:smtp"),
    "near_reactions": ("local-firewall", "stopped_by_this_computer"),
    "path_sweeps": ("sni-drop", HOP),
    "limited_payloads": ("sni-reset", HOP),
    "random_bytes": ("protocol-allowlist", "payload_unlisted_protocols_fail"),
    "x_control": ("service-down", "fails_everywhere:tcp"),
    "x_control.test_keys": ("skype-gone", "name_unknown_everywhere"),
    "x_control.preflight": ("no-starttls", "mail_starttls_offered_to_nobody"),
    "preflight.network": ("no-network", "invalid_no_network"),
    "preflight.neutral": ("sni-reset", "failure_follows_name_to_neutral_host:tls:reset"),
    "preflight.portal": ("captive-portal", "invalid_captive_portal"),
    "preflight.clock_skew": ("clock", "invalid_clock"),
    "preflight.vpn": ("vpn", "invalid_vpn"),
    "preflight.tls_interception": ("antivirus", "invalid_tls_interception"),
    "preflight.udp_public": ("udp-less-line", "service_datagrams_absent"),
    "preflight.resolver": ("resolvers-filter", "dns_answer_of_another_device"),
    "preflight.dark_answers": ("dns-intercepted-and-lied", "dns_interceptor_forges:dns:bogon"),
    CHECKS: ("network-lost-refused", "network_lost"),
    RACES: ("dns-injection", "dns_race_forged_first:dns:bogon"),
    CERTIFICATES: ("tls-mitm", "mitm_self_signed:tls"),
}
"""A recording and a rule that decides there, by the kind of evidence that the rule needs."""


SCENARIOS = sorted(path.name.removesuffix(".jsonl.gz") for path in RECORDED.iterdir())


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
        found[record["service"], ""] = (record["state"], key_of(record), record["hop"] is not None)
        for part in record["endpoints"]:
            found[record["service"], part["endpoint"]] = (part["state"], key_of(part), False)
    return found


def key_of(part: dict[str, Any]) -> str:
    """Return the key of the rule that decides, or the id of the reason why the measurement is invalid."""
    rule = rule_of(part)
    return str(part["rule_id"]) if rule is None else rule.key


def kinds_in(line: dict[str, Any]) -> list[str]:
    """Return the kinds of transactions, entries and helper data that the measurement contains."""
    records = line["test_keys"]["x_transactions"]
    flows = {record["kind"] for record in records} | {record["followup"] for record in records}
    lists = {name for place in places_of_entries(line["test_keys"]) for name in ENTRIES if place.get(name)}
    outside = set(OUTSIDE) if line["test_keys"]["x_control"] else set()
    return sorted((flows & {*FOLLOWUPS, *PASSES}) | lists | outside)


def with_checks(line: dict[str, Any]) -> dict[str, Any]:
    """Return the measurement as a run of today writes it, which lists the checks that it makes when they are due.

    The assigned resolver is asked only in a run that knows one, beside the resolver in use.
    """
    facts = line["test_keys"]["x_run"]
    known = "resolver_assigned" in (facts.get("checks") or ())
    run = facts | {"checks": [check for check in CHECKS_WHEN_DUE if known or check != "resolver_assigned"]}
    return line | {"test_keys": line["test_keys"] | {"x_run": run}}


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


def check(scenario: str, engine: SQLiteEngine, most: int | None = None) -> None:
    """Remove each kind of evidence from each measurement, or `most` pairs of them that the scenario's name draws."""
    lines = [with_checks(line) for line in recorded(scenario)]
    before = outcomes(lines, engine)
    left = OTHERS_NEEDED.get(scenario, frozenset())
    pairs = [(at, kind) for at, line in enumerate(lines) for kind in kinds_in(line) if kind not in left]
    pairs = [(at, kind) for at, kind in pairs if unaccused(before[at])]
    if most is not None:
        pairs = random.Random(scenario).sample(pairs, min(most, len(pairs)))
    cut = outcomes((CUTS[kind](lines[at]) for at, kind in pairs), engine)
    for (at, kind), after in zip(pairs, cut, strict=True):
        accused = {part: after[part] for part in unaccused(before[at]) if after[part][0] in ACCUSING}
        assert not accused, f"measurement {at + 1} without {kind}: {accused}"


def unaccused(found: dict[tuple[str, str], Outcome]) -> list[tuple[str, str]]:
    return [part for part, one in found.items() if one[0] is not None and one[0] not in ACCUSING]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_less_evidence_never_gives_accusation(scenario: str, engine: SQLiteEngine) -> None:
    """Draw as many removals as take some seconds. `test_each_ablation.py` tries all."""
    check(scenario, engine, most=12)

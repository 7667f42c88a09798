"""Test verdicts about forged DNS answers: evidence from non-resolvers, public resolvers and fingerprints."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.entries import DNSQuery
from tests.support.measurements.ablation import without_transactions
from tests.support.measurements.lines import FORGED, GENUINE, Lines

HOST, INNOCUOUS = "web.telegram.org", "example.org"
URL = f"https://{HOST}:443/"
GENUINE6, FORGED6 = "2001:67c:4e8::1", "2001::a27d:200c"
NXDOMAIN, TIMEOUT = "dns_nxdomain_error", "generic_timeout_error"
BOGON = "10.10.34.34"
NORMAL = {"ip_ttl": 58, "flags": ["QR", "RD", "RA"]}


def judged(lines: Lines) -> dict[str, Any]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record


def last_query(lines: Lines) -> DNSQuery:
    query = lines.probe.entries[-1][1]
    assert isinstance(query, DNSQuery)
    return query


def conclusion(lines: Lines) -> tuple[str, list[str], str]:
    record = judged(lines)
    return record["state"], record["mechanisms"], record["rule_id"]


def wrong(answer: str, *, truth: str = "ok") -> Lines:
    """Return an answer of the system resolver that fails, and an encrypted answer with the result `truth`."""
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, answer)
    lines.first(URL, answer, f"tcp:{TIMEOUT}")
    lines.encrypted(HOST, GENUINE)
    if truth:
        lines.alternative(URL, GENUINE, truth)
    return lines


def alone(answer: str = BOGON) -> Lines:
    """Return an answer of the system resolver that fails, without any other answer."""
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, answer)
    lines.first(URL, answer, f"tcp:{TIMEOUT}")
    return lines


def test_false_answer_of_the_resolver_is_distinguished_from_forgery_on_path() -> None:
    lines = wrong(FORGED)
    assert conclusion(lines) == ("blocked", ["dns.injection.other"], "dns_forgery_proven")
    lines.public_udp(HOST, [GENUINE])
    lines.dark(HOST, "dns_no_answer")
    assert conclusion(lines) == ("blocked", ["dns.injection.other"], "dns_resolver_forges")
    lines = wrong(FORGED)
    lines.public_udp(HOST, [FORGED])
    assert conclusion(lines) == ("blocked", ["dns.injection.other"], "dns_forged_on_path")
    lines = wrong(FORGED)
    lines.public_udp(HOST, [GENUINE])
    lines.dark(HOST, [FORGED])
    assert conclusion(lines)[2] == "dns_forged_on_path"


def test_interceptor_with_false_answer_is_blocked() -> None:
    lines = wrong(FORGED)
    lines.dark(HOST, [FORGED])
    lines.preflight["dark_answers"] = True
    assert conclusion(lines) == ("blocked", ["dns.injection.other"], "dns_interceptor_forges")


def test_dns_proxy_before_a_name_in_several_networks_is_impaired() -> None:
    """Show that two addresses which are both down refute no answer."""
    lines = wrong(FORGED, truth=f"tcp:{TIMEOUT}")
    lines.dark(HOST, [FORGED])
    lines.preflight["dark_answers"] = True
    assert conclusion(lines)[:2] == ("impaired", [])
    lines.preflight["dark_answers"] = False
    assert conclusion(lines) == ("blocked", ["dns.injection.other"], "dns_answer_from_non_resolver")


def test_denial_by_the_resolver_is_distinguished_from_denial_on_path() -> None:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, failure=NXDOMAIN)
    lines.encrypted(HOST, GENUINE)
    lines.alternative(URL, GENUINE)
    assert conclusion(lines) == ("blocked", ["dns.nxdomain"], "dns_denial_proven_false")
    lines.public_udp(HOST, [GENUINE])
    assert conclusion(lines) == ("blocked", ["dns.nxdomain"], "dns_resolver_denies")
    lines.dark(HOST, NXDOMAIN)
    assert conclusion(lines) == ("blocked", ["dns.nxdomain"], "dns_denied_on_path")


def test_late_forged_denial_is_an_anomaly() -> None:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.own_udp(HOST, [GENUINE], NXDOMAIN)
    lines.first(URL, GENUINE)
    record = judged(lines)
    assert (record["state"], record["anomalies"], record["mechanisms"]) == ("ok", ["dns.nxdomain"], [])


def test_bogon_from_a_silent_non_resolver_is_blocked() -> None:
    lines = alone()
    lines.dark(HOST, [BOGON])
    assert conclusion(lines)[0] == "impaired"  # whether that address answers other queries is not known
    lines.preflight["dark_answers"] = False
    assert conclusion(lines) == ("blocked", ["dns.injection.bogon"], "dns_bogon_from_non_resolver")
    lines.preflight["dark_answers"] = True  # an interceptor answers all queries, so the owner may publish that address
    assert conclusion(lines)[0] == "impaired"


def test_bogon_from_the_helpers_closed_port_is_blocked() -> None:
    lines = alone()
    lines.at_helper(HOST, [BOGON])
    assert conclusion(lines)[0] == "impaired"
    innocuous = lines.at_helper(INNOCUOUS, innocuous=True)
    assert conclusion(lines) == ("blocked", ["dns.injection.bogon"], "dns_bogon_from_non_resolver")
    (record,) = judge_measurement(without_transactions(lines.line(), [innocuous]), file="a.jsonl", number=1)
    assert record["state"] == "impaired"


def test_helper_that_runs_a_resolver_proves_nothing() -> None:
    lines = alone()
    lines.at_helper(HOST, [BOGON])
    lines.at_helper(INNOCUOUS, ["198.51.100.7"], innocuous=True)
    assert conclusion(lines)[0] == "impaired"


def test_forged_answer_after_an_icmp_error_counts() -> None:
    lines = alone()
    lines.preflight["dark_answers"] = False
    lines.at_helper(INNOCUOUS, innocuous=True)
    lines.at_helper(HOST, [BOGON])
    query = last_query(lines)
    query.failure, query.answers = "connection_refused", []
    assert conclusion(lines)[2] == "dns_bogon_from_non_resolver"


def test_true_answer_from_a_non_resolver_is_an_anomaly() -> None:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.first(URL, GENUINE)
    lines.dark(HOST, [GENUINE])
    lines.preflight["dark_answers"] = False
    assert judged(lines)["anomalies"] == ["dns.injection"]
    lines.preflight["dark_answers"] = True
    assert judged(lines)["anomalies"] == ["dns.intercepted"]
    assert judged(lines)["state"] == "ok"


def test_dns_interception_with_true_answers_is_an_anomaly() -> None:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.first(URL, GENUINE)
    lines.preflight["dark_answers"] = True
    assert (judged(lines)["state"], judged(lines)["anomalies"]) == ("ok", ["dns.intercepted"])


@pytest.mark.parametrize(
    ("ttl", "flags", "state"),
    [
        (58, ["QR", "RD", "RA"], "impaired"),
        (57, ["QR", "RD", "RA"], "impaired"),
        (99, ["QR", "RD", "RA"], "likely_blocked"),
        (58, ["QR", "AA", "RD"], "likely_blocked"),
    ],
)
def test_answer_unlike_the_resolvers_usual_ones_is_likely_blocked(ttl: int, flags: list[str], state: str) -> None:
    """Show that the fingerprint alone decides if the true address is not verified."""
    lines = wrong(FORGED, truth="tls:connection_reset")
    lines.preflight["resolver"] = NORMAL
    lines.own_udp(HOST, [FORGED], ttls=(ttl,))
    query = last_query(lines)
    assert query.x_responses
    query.x_responses[0].flags = flags
    record = judged(lines)
    assert record["state"] == state
    assert record["mechanisms"] == (["dns.injection.other"] if state == "likely_blocked" else [])


def test_answer_faster_than_the_path_is_likely_blocked() -> None:
    lines = wrong(FORGED, truth="tls:connection_reset")
    lines.public_udp(HOST, [FORGED])
    query = last_query(lines)
    lines.first("tcp://8.8.8.8:853", "8.8.8.8")
    connect = lines.probe.entries[-1][1]
    connect.t0, connect.t = 1.0, 1.080
    for round_trip, state in ((0.070, "impaired"), (0.012, "likely_blocked")):
        query.x_round_trip = round_trip
        assert conclusion(lines)[0] == state
    lines.preflight["dark_answers"] = True  # a nearby interceptor answers all queries, perhaps truly
    assert conclusion(lines)[0] == "impaired"


def test_forged_family_beside_a_working_one_is_degraded() -> None:
    lines = Lines({"web": [URL]})
    lines.run["families"]["ipv6"] = True
    lines.lookup(HOST, GENUINE, FORGED6)
    lines.own_udp(HOST, [FORGED6], [GENUINE6], query_type="AAAA")
    lines.encrypted(HOST, GENUINE, GENUINE6)
    lines.first(URL, FORGED6, f"tcp:{TIMEOUT}")
    assert judged(lines)["state"] == "blocked"  # nothing shows that the true address works
    lines.first(URL, GENUINE)
    assert conclusion(lines) == ("degraded", ["dns.injection.bogon"], "dns_one_family_forged")
    lines.own_udp(HOST, [FORGED], [GENUINE])  # a forged answer came first here too
    assert judged(lines)["state"] == "blocked"


OTHER6 = "2606:4700::1"


def test_untried_family_is_not_accused_if_the_other_family_works() -> None:
    """Show that resolvers may give different addresses of one service."""
    lines = Lines({"web": [URL]})
    lines.run["families"]["ipv6"] = True
    lines.lookup(HOST, FORGED, OTHER6)
    lines.encrypted(HOST, GENUINE, GENUINE6)
    lines.first(URL, FORGED)
    assert (judged(lines)["state"], judged(lines)["anomalies"]) == ("ok", [])


def test_ipv6_address_that_is_down_is_not_accused_if_ipv4_works() -> None:
    lines = Lines({"web": [URL]})
    lines.run["families"]["ipv6"] = True
    lines.lookup(HOST, GENUINE, OTHER6)
    lines.encrypted(HOST, GENUINE, GENUINE6)
    lines.first(URL, GENUINE)
    lines.first(URL, OTHER6, f"tcp:{TIMEOUT}")
    assert judged(lines)["state"] == "ok"
    lines.alternative(URL, GENUINE6)  # another resolver's address that works changes nothing
    assert judged(lines)["state"] == "ok"


@pytest.mark.parametrize("resolver", [None, "x", {}, {"ip_ttl": "58", "flags": "RA"}, {"ip_ttl": 7, "flags": [1]}])
def test_junk_in_preflight_is_ignored(resolver: Any) -> None:
    lines = alone()
    lines.preflight |= {"resolver": resolver, "dark_answers": "yes"}
    lines.dark(HOST, [BOGON])
    assert conclusion(lines)[0] == "impaired"

"""Who answers in whose place: evidence from addresses that run no resolver, public ones, and other boxes' prints."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.entries import DNSQuery
from tests.support.measurements.ablation import without_transactions
from tests.support.measurements.lines import FORGED, GENUINE, Lines

HOST, HARMLESS = "web.telegram.org", "example.org"
URL = f"https://{HOST}:443/"
GENUINE6, FORGED6 = "2001:67c:4e8::1", "2001::a27d:200c"
NXDOMAIN, TIMEOUT = "dns_nxdomain_error", "generic_timeout_error"
BOGON = "10.10.34.34"
NORMAL = {"ip_ttl": 58, "flags": ["QR", "RD", "RA"]}


def judged(lines: Lines) -> dict[str, Any]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record


def last_question(lines: Lines) -> DNSQuery:
    question = lines.probe.entries[-1][1]
    assert isinstance(question, DNSQuery)
    return question


def said(lines: Lines) -> tuple[str, list[str], str]:
    record = judged(lines)
    return record["state"], record["mechanisms"], record["rule_id"]


def wrong(answer: str, *, truth: str = "ok") -> Lines:
    """The system's answer fails; an encrypted one leads to the true address, which works or fails as `truth` says."""
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, answer)
    lines.first(URL, answer, f"tcp:{TIMEOUT}")
    lines.encrypted(HOST, GENUINE)
    if truth:
        lines.alternative(URL, GENUINE, truth)
    return lines


def alone(answer: str = BOGON) -> Lines:
    """Nobody contradicts the system's answer."""
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, answer)
    lines.first(URL, answer, f"tcp:{TIMEOUT}")
    return lines


def test_a_resolver_that_lies_is_told_from_a_forgery_on_the_path() -> None:
    lines = wrong(FORGED)
    assert said(lines) == ("blocked", ["dns.injection.other"], "dns_lie_proven_other")
    lines.public_udp(HOST, [GENUINE])
    lines.dark(HOST, "dns_no_answer")
    assert said(lines) == ("blocked", ["dns.injection.other"], "dns_resolver_lies_other")
    lines = wrong(FORGED)
    lines.public_udp(HOST, [FORGED])
    assert said(lines) == ("blocked", ["dns.injection.other"], "dns_forged_on_path_other")
    lines = wrong(FORGED)
    lines.public_udp(HOST, [GENUINE])
    lines.dark(HOST, [FORGED])
    assert said(lines)[2] == "dns_forged_on_path_other"


def test_who_answers_everybody_and_lies_about_one() -> None:
    lines = wrong(FORGED)
    lines.dark(HOST, [FORGED])
    lines.preflight["dark_answers"] = True
    assert said(lines) == ("blocked", ["dns.injection.other"], "dns_interceptor_lies_other")


def test_an_honest_proxy_before_a_name_of_several_networks_is_nobodys_lie() -> None:
    """The proxy tells of one machine, which is down, and the encrypted resolver of another, which is down as well."""
    lines = wrong(FORGED, truth=f"tcp:{TIMEOUT}")
    lines.dark(HOST, [FORGED])
    lines.preflight["dark_answers"] = True
    assert said(lines)[:2] == ("impaired", [])
    lines.preflight["dark_answers"] = False
    assert said(lines) == ("blocked", ["dns.injection.other"], "dns_answer_from_nowhere_other")


def test_a_denial_by_the_resolver_and_one_on_the_path() -> None:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, failure=NXDOMAIN)
    lines.encrypted(HOST, GENUINE)
    lines.alternative(URL, GENUINE)
    assert said(lines) == ("blocked", ["dns.nxdomain"], "dns_nxdomain_proven_false")
    lines.public_udp(HOST, [GENUINE])
    assert said(lines) == ("blocked", ["dns.nxdomain"], "dns_resolver_denies")
    lines.dark(HOST, NXDOMAIN)
    assert said(lines) == ("blocked", ["dns.nxdomain"], "dns_denied_on_path")


def test_a_late_denial_does_no_harm() -> None:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.own_udp(HOST, [GENUINE], NXDOMAIN)
    lines.first(URL, GENUINE)
    record = judged(lines)
    assert (record["state"], record["anomalies"], record["mechanisms"]) == ("ok", ["dns.nxdomain"], [])


def test_a_bogon_from_where_nobody_resolves_needs_no_witness() -> None:
    lines = alone()
    lines.dark(HOST, [BOGON])
    assert said(lines)[0] == "impaired"  # whether that address answers everybody is not known
    lines.preflight["dark_answers"] = False
    assert said(lines) == ("blocked", ["dns.injection.bogon"], "dns_bogon_from_nowhere")
    lines.preflight["dark_answers"] = True  # a box answers all questions: the owner may publish that address
    assert said(lines)[0] == "impaired"


def test_the_helpers_closed_port_answers_this_name_only() -> None:
    lines = alone()
    lines.at_helper(HOST, [BOGON])
    assert said(lines)[0] == "impaired"
    harmless = lines.at_helper(HARMLESS, harmless=True)
    assert said(lines) == ("blocked", ["dns.injection.bogon"], "dns_bogon_from_nowhere")
    (record,) = judge_measurement(without_transactions(lines.line(), [harmless]), file="a.jsonl", number=1)
    assert record["state"] == "impaired"


def test_a_helper_whose_owner_runs_a_resolver_proves_nothing() -> None:
    lines = alone()
    lines.at_helper(HOST, [BOGON])
    lines.at_helper(HARMLESS, ["198.51.100.7"], harmless=True)
    assert said(lines)[0] == "impaired"


def test_a_forged_answer_counts_though_icmp_came_first() -> None:
    lines = alone()
    lines.preflight["dark_answers"] = False
    lines.at_helper(HARMLESS, harmless=True)
    lines.at_helper(HOST, [BOGON])
    question = last_question(lines)
    question.failure, question.answers = "connection_refused", []
    assert said(lines)[2] == "dns_bogon_from_nowhere"


def test_the_right_answer_from_where_only_this_name_is_answered_is_an_anomaly() -> None:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.first(URL, GENUINE)
    lines.dark(HOST, [GENUINE])
    lines.preflight["dark_answers"] = False
    assert judged(lines)["anomalies"] == ["dns.injection"]
    lines.preflight["dark_answers"] = True
    assert judged(lines)["anomalies"] == ["dns.intercepted"]
    assert judged(lines)["state"] == "ok"


def test_interception_is_seen_without_any_doubt_about_a_name() -> None:
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
def test_an_answer_unlike_the_resolvers_normal_ones_makes_a_contradiction_likely(
    ttl: int, flags: list[str], state: str
) -> None:
    """The true address is reset as well, and nobody outside proves it: all that is left is who wrote the answer."""
    lines = wrong(FORGED, truth="tls:connection_reset")
    lines.preflight["resolver"] = NORMAL
    lines.own_udp(HOST, [FORGED], ttls=(ttl,))
    question = last_question(lines)
    assert question.x_responses
    question.x_responses[0].flags = flags
    record = judged(lines)
    assert record["state"] == state
    assert record["mechanisms"] == (["dns.injection.other"] if state == "likely_blocked" else [])


def test_an_answer_faster_than_the_path_to_a_public_resolver_makes_a_contradiction_likely() -> None:
    lines = wrong(FORGED, truth="tls:connection_reset")
    lines.public_udp(HOST, [FORGED])
    question = last_question(lines)
    lines.first("tcp://8.8.8.8:853", "8.8.8.8")
    connect = lines.probe.entries[-1][1]
    connect.t0, connect.t = 1.0, 1.080
    for round_trip, state in ((0.070, "impaired"), (0.012, "likely_blocked")):
        question.x_round_trip = round_trip
        assert said(lines)[0] == state
    lines.preflight["dark_answers"] = True  # a box near by answers all questions, this one perhaps truly
    assert said(lines)[0] == "impaired"


def test_a_forged_family_beside_a_genuine_one_that_works() -> None:
    lines = Lines({"web": [URL]})
    lines.run["families"]["ipv6"] = True
    lines.lookup(HOST, GENUINE, FORGED6)
    lines.own_udp(HOST, [FORGED6], [GENUINE6], query_type="AAAA")
    lines.encrypted(HOST, GENUINE, GENUINE6)
    lines.first(URL, FORGED6, f"tcp:{TIMEOUT}")
    assert judged(lines)["state"] == "blocked"  # nothing shows that the genuine one works
    lines.first(URL, GENUINE)
    assert said(lines) == ("degraded", ["dns.injection.bogon"], "dns_one_family_forged_bogon")
    lines.own_udp(HOST, [FORGED], [GENUINE])  # raced for as well: what came was luck
    assert judged(lines)["state"] == "blocked"


OTHER6 = "2606:4700::1"


def test_addresses_of_a_family_that_nobody_tried_are_no_lie_because_the_other_family_works() -> None:
    """Every resolver tells of another machine; the helper and the probe went to one address each."""
    lines = Lines({"web": [URL]})
    lines.run["families"]["ipv6"] = True
    lines.lookup(HOST, FORGED, OTHER6)
    lines.encrypted(HOST, GENUINE, GENUINE6)
    lines.first(URL, FORGED)
    assert (judged(lines)["state"], judged(lines)["anomalies"]) == ("ok", [])


def test_an_ipv6_address_that_is_down_is_no_lie_because_an_ipv4_address_works() -> None:
    lines = Lines({"web": [URL]})
    lines.run["families"]["ipv6"] = True
    lines.lookup(HOST, GENUINE, OTHER6)
    lines.encrypted(HOST, GENUINE, GENUINE6)
    lines.first(URL, GENUINE)
    lines.first(URL, OTHER6, f"tcp:{TIMEOUT}")
    assert judged(lines)["state"] == "ok"
    lines.alternative(URL, GENUINE6)  # nor because another resolver's address works
    assert judged(lines)["state"] == "ok"


@pytest.mark.parametrize("resolver", [None, "x", {}, {"ip_ttl": "58", "flags": "RA"}, {"ip_ttl": 7, "flags": [1]}])
def test_junk_in_preflight_judges_nothing(resolver: Any) -> None:
    lines = alone()
    lines.preflight |= {"resolver": resolver, "dark_answers": "yes"}
    lines.dark(HOST, [BOGON])
    assert said(lines)[0] == "impaired"

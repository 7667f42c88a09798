"""Test verdicts about names: false answers, races, denials, and anomalies that do no harm."""

from collections.abc import Callable
from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.ablation import labels_swapped, without_transactions
from tests.support.measurements.lines import FORGED, GENUINE, NEUTRAL_NAME, SECOND, Lines

HOST = "web.telegram.org"
URL = f"https://{HOST}:443/"
NXDOMAIN, TIMEOUT = "dns_nxdomain_error", "generic_timeout_error"
BOGON = "10.10.34.34"
_CONTRADICTS = "dns_resolver_contradicts_itself"


def web() -> Lines:
    return Lines({"web": [URL]})


def judged(lines: Lines) -> dict[str, Any]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record


def false_answer(*answers: str, failure: str | None = None, alternative: str = "ok", source: str = "dot") -> Lines:
    """Return a false answer of the system resolver and a true one of an encrypted resolver."""
    lines = web()
    lines.lookup(HOST, *answers, failure=failure)
    lines.encrypted(HOST, GENUINE, engine=source)
    for ip in answers:
        lines.first(URL, ip, f"tcp:{TIMEOUT}")
    lines.alternative(URL, GENUINE, alternative)
    return lines


def race(*datagrams: Any, answer: str) -> Lines:
    lines = web()
    lines.lookup(HOST, answer)
    lines.own_udp(HOST, *datagrams)
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, answer, "ok" if answer == GENUINE else f"tcp:{TIMEOUT}")
    return lines


def test_denial_is_blocked_if_a_certificate_proves_another_answer() -> None:
    record = judged(false_answer(failure=NXDOMAIN))
    assert (record["state"], record["mechanisms"]) == ("blocked", ["dns.nxdomain"])
    assert (record["attempts"], record["failures"]) == (1, 1)  # the query was the attempt


@pytest.mark.parametrize(("answer", "kind"), [(BOGON, "bogon"), (FORGED, "other")])
@pytest.mark.parametrize("source", ["dot", "doh"])
def test_other_address_is_blocked_if_a_certificate_proves_the_true_one(answer: str, kind: str, source: str) -> None:
    record = judged(false_answer(answer, source=source))
    assert (record["state"], record["mechanisms"]) == ("blocked", [f"dns.injection.{kind}"])


def test_address_that_leads_to_a_blockpage_is_blocked() -> None:
    url = f"http://{HOST}:80/"
    lines = Lines({"web": [url, URL]})
    lines.lookup(HOST, FORGED)
    lines.first(url, FORGED, fingerprints=["ooni:known"])
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("blocked", ["dns.injection.blockpage"])


def test_answer_over_udp_counts_if_a_certificate_proves_it() -> None:
    lines = web()
    lines.lookup(HOST, failure=NXDOMAIN)
    lines.public_udp(HOST, [GENUINE])
    assert judged(lines)["state"] == "impaired"
    lines.alternative(URL, GENUINE, address_sources=["udp"], corroborated=False)
    assert judged(lines)["mechanisms"] == ["dns.nxdomain"]


def test_denial_with_unproven_encrypted_answer_is_likely_blocked() -> None:
    record = judged(false_answer(failure=NXDOMAIN, alternative=f"tcp:{TIMEOUT}"))
    assert (record["state"], record["mechanisms"]) == ("likely_blocked", ["dns.nxdomain"])


def test_denial_with_encrypted_answer_proven_at_control_is_blocked() -> None:
    lines = false_answer(failure=NXDOMAIN, alternative="tls:connection_reset")
    lines.control(URL, GENUINE)
    assert judged(lines)["state"] == "blocked"


def test_denial_with_answer_of_the_helper_only_is_likely_blocked() -> None:
    lines = web()
    lines.lookup(HOST, failure=NXDOMAIN)
    lines.control_lookup(HOST, GENUINE)
    lines.control(URL, GENUINE)
    assert judged(lines)["state"] == "likely_blocked"


def test_name_denied_at_the_control_too_is_down() -> None:
    lines = web()
    lines.lookup(HOST, failure=NXDOMAIN)
    lines.control_lookup(HOST, failure=NXDOMAIN)
    assert judged(lines)["state"] == "down"


def test_failing_name_without_another_source_is_impaired() -> None:
    lines = web()
    lines.lookup(HOST, failure=NXDOMAIN)
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("impaired", [])


@pytest.mark.parametrize(
    ("first", "mechanism"),
    [([FORGED], "dns.injection.other"), ([BOGON], "dns.injection.bogon"), (NXDOMAIN, "dns.nxdomain")],
)
def test_forged_first_answer_is_blocked(first: Any, mechanism: str) -> None:
    record = judged(race(first, [GENUINE], answer=FORGED))
    assert (record["state"], record["mechanisms"]) == ("blocked", [mechanism])


def test_race_without_control_and_encrypted_resolver_is_blocked() -> None:
    lines = web()
    lines.lookup(HOST, FORGED)
    lines.own_udp(HOST, [FORGED], [GENUINE])
    lines.first(URL, FORGED, f"tcp:{TIMEOUT}")
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("blocked", ["dns.injection.other"])


def test_late_forged_answer_is_an_anomaly() -> None:
    record = judged(race([GENUINE], [BOGON], answer=GENUINE))
    assert (record["state"], record["mechanisms"], record["anomalies"]) == ("ok", [], ["dns.injection.bogon"])


def test_injected_true_answer_is_an_anomaly() -> None:
    lines = web()
    lines.lookup(HOST, GENUINE)
    lines.own_udp(HOST, [GENUINE], [GENUINE], ttls=(61, 52))
    lines.first(URL, GENUINE)
    record = judged(lines)
    assert (record["state"], record["anomalies"]) == ("ok", ["dns.injection"])


def test_two_answers_of_one_network_are_no_race() -> None:
    lines = web()
    lines.lookup(HOST, GENUINE)
    lines.own_udp(HOST, [GENUINE], [SECOND])
    lines.first(URL, GENUINE, "tls:connection_reset")
    assert judged(lines)["state"] == "impaired"


def test_false_answer_of_a_non_resolver_is_blocked() -> None:
    lines = web()
    lines.lookup(HOST, FORGED)
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, FORGED, f"tcp:{TIMEOUT}")
    assert judged(lines)["state"] == "impaired"
    lines.dark(HOST, [FORGED])
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("blocked", ["dns.injection.other"])


def test_referral_is_no_forged_answer() -> None:
    lines = web()
    lines.lookup(HOST, GENUINE)
    lines.dark(HOST, "dns_no_answer")
    lines.first(URL, GENUINE)
    assert (judged(lines)["state"], judged(lines)["anomalies"]) == ("ok", [])
    lines = web()
    lines.lookup(HOST, FORGED)
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, FORGED, f"tcp:{TIMEOUT}")
    lines.dark(HOST, "dns_no_answer")
    assert judged(lines)["state"] == "impaired"


def test_dns_proxy_with_true_answers_is_an_anomaly() -> None:
    lines = web()
    lines.lookup(HOST, GENUINE)
    lines.dark(HOST, [GENUINE])
    lines.first(URL, GENUINE)
    record = judged(lines)
    assert (record["state"], record["anomalies"]) == ("ok", ["dns.intercepted"])


def test_other_address_with_a_valid_certificate_is_ok() -> None:
    lines = web()
    lines.lookup(HOST, FORGED)
    lines.encrypted(HOST, GENUINE)
    lines.control_lookup(HOST, SECOND)
    lines.first(URL, FORGED)
    record = judged(lines)
    assert (record["state"], record["anomalies"]) == ("ok", [])


def test_bogon_that_its_owner_publishes_is_down() -> None:
    lines = web()
    lines.lookup(HOST, BOGON)
    lines.encrypted(HOST, BOGON)
    lines.control_lookup(HOST, BOGON)
    lines.twice(URL, BOGON, f"tcp:{TIMEOUT}")
    lines.control(URL, BOGON, f"tcp:{TIMEOUT}")
    assert judged(lines)["state"] == "down"


def test_unverified_address_accuses_no_layer_above_dns() -> None:
    lines = web()
    lines.lookup(HOST, FORGED)
    lines.innocuous(URL, FORGED)
    lines.twice(URL, FORGED, "tls:connection_reset")
    lines.neutral(URL, "tls:connection_reset")
    record = judged(lines)
    assert (record["state"], record["mechanisms"], record["rule_id"]) == ("impaired", [], "address_unproven_fails")


def test_verified_address_decides_and_unverified_one_is_ignored() -> None:
    lines = web()
    lines.lookup(HOST, FORGED, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, FORGED, f"tcp:{TIMEOUT}")
    lines.twice(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control(URL, GENUINE, f"tcp:{TIMEOUT}")
    assert judged(lines)["state"] == "down"


def test_tcp_connect_to_an_unverified_address_is_insufficient() -> None:
    url = f"tcp://{HOST}:5222"
    lines = Lines({"chat": [url]})
    lines.lookup(HOST, FORGED)
    lines.first(url, FORGED)
    assert judged(lines)["state"] == "insufficient"


def test_service_blocked_twice_has_both_mechanisms() -> None:
    lines = web()
    lines.lookup(HOST, FORGED)
    lines.own_udp(HOST, [FORGED], [GENUINE])
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, FORGED, f"tcp:{TIMEOUT}")
    lines.innocuous(URL, GENUINE)
    failed = lines.alternative(URL, GENUINE, "tls:connection_reset")
    lines.confirm(URL, GENUINE, "tls:connection_reset", cause=failed)
    lines.neutral(URL, "tls:connection_reset")
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("blocked", ["dns.injection.other", "tls.reset.sni"])


def test_true_aaaa_answer_does_not_hide_a_false_a_answer() -> None:
    lines = web()
    lines.run["families"]["ipv6"] = True
    lines.lookup(HOST, BOGON, "2001:67c:4e8::1")
    lines.encrypted(HOST, GENUINE, "2001:67c:4e8::1")
    lines.first(URL, BOGON, f"tcp:{TIMEOUT}")
    lines.first(URL, "2001:67c:4e8::1")
    assert judged(lines)["mechanisms"] == ["dns.injection.bogon"]


def test_resolver_silent_for_one_name_is_likely_blocked() -> None:
    lines = silent_resolver()
    lines.resolver_answers()
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("likely_blocked", ["dns.timeout"])


def silent_resolver() -> Lines:
    """Return a name for which the system resolver is silent for ten seconds."""
    lines = false_answer(failure="dns_server_misbehaving")
    lines.own_udp(HOST)  # our own query timed out as well
    for record in lines.probe.records[:1]:
        record.t0, record.t = 0.0, 10.0
    return lines


@pytest.mark.parametrize(
    ("t0", "failure"),
    [
        (0.0, NXDOMAIN),
        (0.9, NXDOMAIN),
        (-5.0, NXDOMAIN),
        (5.1, NXDOMAIN),
        (10.1, NXDOMAIN),
        (1.5, TIMEOUT),
        (1.5, "dns_servfail_error"),
    ],
)
def test_resolver_that_may_have_been_out_of_order_accuses_nothing(t0: float, failure: str) -> None:
    """Show that only an answer for another name inside the silence tells that the resolver worked then."""
    lines = silent_resolver()
    lines.preflight["resolver"] = {"ip_ttl": 58, "flags": ["QR", "RD", "RA"]}  # it worked before
    lines.resolver_answers(failure, t0=t0, t=t0 + 0.1)
    record = judged(lines)
    assert (record["state"], record["mechanisms"], record["rule_id"]) == ("impaired", [], "dns_resolver_fails_here")


@pytest.mark.parametrize(("failure", "kind"), [("dns_refused_error", "refused"), ("dns_servfail_error", "servfail")])
def test_refused_name_accuses_if_the_resolver_answers_for_another_one(failure: str, kind: str) -> None:
    lines = false_answer(failure=failure)
    lines.compared = False
    assert judged(lines)["state"] == "impaired"
    lines.resolver_answers(failure, t0=0.1, t=0.2)  # it refuses every name, or its own servers are gone
    assert judged(lines)["state"] == "impaired"
    lines = false_answer(failure=failure)
    lines.compared = False
    lines.resolver_answers(t0=0.1, t=0.2)
    assert judged(lines)["mechanisms"] == [f"dns.{kind}"]


@pytest.mark.parametrize("failure", [NXDOMAIN, "dns_no_answer", "dns_refused_error", "dns_servfail_error"])
def test_resolver_that_contradicts_itself_accuses_nothing(failure: str) -> None:
    """Show a broken resolver that fails for a name and gives its address to another query at the same time."""
    lines = false_answer(failure=failure)
    lines.public_udp(HOST, [GENUINE])
    lines.resolver_answers(t0=0.1, t=0.2)
    lines.resolver_answers([SECOND], name=NEUTRAL_NAME, t0=0.1, t=0.2)
    assert judged(lines)["state"] in {"blocked", "likely_blocked"}
    lines.own_udp(HOST, failure)
    assert judged(lines)["state"] in {"blocked", "likely_blocked"}
    lines.own_udp(HOST, [GENUINE])
    assert judged(lines).items() >= {"state": "impaired", "mechanisms": [], "rule_id": _CONTRADICTS}.items()


def test_denial_before_the_true_answer_to_the_same_query_is_no_contradiction_of_the_resolver() -> None:
    """Show that the later datagram of an injector's race does not excuse the first one."""
    lines = false_answer(failure=NXDOMAIN)
    lines.own_udp(HOST, NXDOMAIN, [GENUINE])
    assert judged(lines)["mechanisms"] == ["dns.nxdomain"]


@pytest.mark.parametrize(("answer", "rule"), [(NXDOMAIN, "dns_resolver_denies"), ([BOGON], "dns_resolver_forges")])
def test_resolver_that_fails_for_every_name_for_a_time_accuses_nothing(answer: list[str] | str, rule: str) -> None:
    """Show a home router without uplink, which denies every name or gives its own address."""
    failure = {"failure": answer} if isinstance(answer, str) else {}
    lines = false_answer(*([] if failure else answer), **failure)
    lines.public_udp(HOST, [GENUINE])
    lines.probe.records[0].t0, lines.probe.records[0].t = 20.0, 20.1
    lines.compared = False
    impaired = {"state": "impaired", "mechanisms": [], "rule_id": "name_not_compared"}
    assert judged(lines).items() >= (impaired | {"rule_id": "name_comparison_unrecorded"}).items()
    for other in ("dns_servfail_error", [BOGON], NXDOMAIN):
        lines.resolver_answers(other, name=NEUTRAL_NAME, t0=20.2, t=20.3)
    lines.resolver_answers([SECOND], name=NEUTRAL_NAME, t0=26.0, t=26.1)  # later
    lines.resolver_answers([SECOND], name=NEUTRAL_NAME, t0=14.0, t=14.1)  # before
    assert judged(lines).items() >= impaired.items()
    lines.resolver_answers([SECOND], name=NEUTRAL_NAME, t0=20.2, t=20.3)
    assert judged(lines)["rule_id"] == rule


def test_silence_is_ignored_if_queries_for_other_names_are_lost() -> None:
    """Show that a slow access line, filled by our own traffic, loses queries for every name."""
    lines = false_answer(failure="dns_server_misbehaving")
    lines.own_udp(HOST)
    lines.lookup("my.telegram.org", GENUINE)
    for record in lines.probe.records:
        record.t0, record.t = 0.0, 5.0
    lines.probe.records[-1].t0 = 2.0
    assert judged(lines)["state"] == "impaired"  # the answer came so late that this query was repeated too
    lines.probe.records[-1].t = 2.2
    assert judged(lines)["mechanisms"] == ["dns.timeout"]
    lines.own_udp("my.telegram.org")  # lost, though the library's query was answered
    record = judged(lines)
    assert record["state"] not in {"blocked", "likely_blocked", "degraded"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: false_answer(failure=NXDOMAIN),
        lambda: false_answer(FORGED),
        lambda: false_answer(BOGON),
        lambda: race([FORGED], [GENUINE], answer=FORGED),
    ],
)
def test_without_its_evidence_no_name_is_accused(make: Callable[[], Lines]) -> None:
    line = make().line()
    (record,) = judge_measurement(line, file="a", number=1)
    assert record["state"] == "blocked"
    named = [number for endpoint in record["endpoints"] for number in endpoint["transactions"]]
    for spoiled in (without_transactions(line, named), labels_swapped(line), labels_swapped(line, wire_too=True)):
        (weaker,) = judge_measurement(spoiled, file="a", number=1)
        assert weaker["state"] != "blocked"


def test_lost_library_query_with_answered_own_query_is_ok() -> None:
    """Prefer our own answered query to the library's timeout."""
    lines = web()
    lines.lookup(HOST, failure=TIMEOUT)
    lines.own_udp(HOST, [GENUINE])
    lines.encrypted(HOST, GENUINE)
    lines.alternative(URL, GENUINE, "ok")
    assert judged(lines)["state"] == "ok"


def test_failing_address_in_the_services_network_is_impaired() -> None:
    """Treat it as out of date, also if the helper cannot reach it."""
    lines = web()
    lines.lookup(HOST, SECOND)
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, SECOND, f"tcp:{TIMEOUT}")
    lines.alternative(URL, GENUINE)
    lines.control(URL, SECOND, f"tcp:{TIMEOUT}")
    record = judged(lines)
    assert (record["state"], record["mechanisms"], record["rule_id"]) == ("impaired", [], "dns_stale_answer_here")


def test_name_with_addresses_of_an_absent_family_is_insufficient() -> None:
    lines = web()
    lines.lookup(HOST, "2001:67c:4e8:f004::9")
    record = judged(lines)
    assert (record["state"], record["rule_id"]) == ("insufficient", "service_family_absent")
    assert record["endpoints"][0]["rule_id"] == "name_family_absent"


@pytest.mark.parametrize(("first", "state"), [(f"tcp:{TIMEOUT}", "likely_blocked"), ("ok", "insufficient")])
def test_unencrypted_page_at_an_address_of_an_encrypted_resolver_only_is_not_ok(first: str, state: str) -> None:
    url = f"http://{HOST}:80/"
    lines = Lines({"web": [url]})
    lines.lookup(HOST, FORGED)
    lines.encrypted(HOST, GENUINE)
    lines.first(url, FORGED, first, corroborated=False)
    lines.alternative(url, GENUINE)
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == (
        state,
        ["dns.injection.other"] if state != "insufficient" else [],
    )


NO_FILES = "unknown_failure: too many open files"


def test_library_without_descriptors_is_ignored_if_our_own_query_was_answered() -> None:
    lines = web()
    lines.lookup(HOST, failure=NO_FILES)
    assert judged(lines)["rule_id"] == "local_fault"
    lines.own_udp(HOST, [GENUINE])
    lines.encrypted(HOST, GENUINE)
    record = judged(lines)
    assert (record["state"], record["rule_id"]) == ("insufficient", "endpoint_not_tried")  # the name is fine
    lines.first(URL, GENUINE)
    assert judged(lines)["state"] == "ok"


def test_library_without_descriptors_and_lost_own_query_is_a_local_fault() -> None:
    """Blame this computer and not the resolver."""
    lines = web()
    lines.lookup(HOST, failure=NO_FILES)
    lines.own_udp(HOST)
    lines.encrypted(HOST, GENUINE)
    assert judged(lines)["rule_id"] == "local_fault"


def test_unverified_failure_in_an_interrupted_run_is_insufficient() -> None:
    lines = web()
    lines.lookup(HOST, FORGED)
    lines.first(URL, FORGED, f"tcp:{TIMEOUT}")
    assert (judged(lines)["state"], judged(lines)["rule_id"]) == ("impaired", "address_unproven_fails")
    lines.run["interrupted"] = True
    assert (judged(lines)["state"], judged(lines)["rule_id"]) == ("insufficient", "name_interrupted")

"""From what happens to a name to what is said (design 7): lies, races, denials, and what does no harm."""

from collections.abc import Callable
from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.ablation import labels_swapped, without_transactions
from tests.support.measurements.lines import FORGED, GENUINE, SECOND, Lines

HOST = "web.telegram.org"
URL = f"https://{HOST}:443/"
NXDOMAIN, TIMEOUT = "dns_nxdomain_error", "generic_timeout_error"
BOGON = "10.10.34.34"


def web() -> Lines:
    return Lines({"web": [URL]})


def judged(lines: Lines) -> dict[str, Any]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record


def lie(*answers: str, failure: str | None = None, alternative: str = "ok", source: str = "dot") -> Lines:
    """The system's resolver lies; an encrypted one tells the truth."""
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


def test_a_denial_is_a_lie_when_a_certificate_proves_another_answer() -> None:
    record = judged(lie(failure=NXDOMAIN))
    assert (record["state"], record["mechanisms"]) == ("blocked", ["dns.nxdomain"])
    assert (record["attempts"], record["failures"]) == (1, 1)  # the question was the attempt


@pytest.mark.parametrize(("answer", "kind"), [(BOGON, "bogon"), (FORGED, "other")])
@pytest.mark.parametrize("source", ["dot", "doh"])
def test_another_address_is_a_lie_when_a_certificate_proves_the_true_one(answer: str, kind: str, source: str) -> None:
    record = judged(lie(answer, source=source))
    assert (record["state"], record["mechanisms"]) == ("blocked", [f"dns.injection.{kind}"])


def test_a_lie_that_leads_to_a_blockpage() -> None:
    url = f"http://{HOST}:80/"
    lines = Lines({"web": [url, URL]})
    lines.lookup(HOST, FORGED)
    lines.first(url, FORGED, fingerprints=["ooni:known"])
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("blocked", ["dns.injection.blockpage"])


def test_a_true_answer_from_a_public_resolver_over_udp_counts_once_a_certificate_proves_it() -> None:
    lines = web()
    lines.lookup(HOST, failure=NXDOMAIN)
    lines.public_udp(HOST, [GENUINE])
    assert judged(lines)["state"] == "impaired"
    lines.alternative(URL, GENUINE, address_sources=["udp"], corroborated=False)
    assert judged(lines)["mechanisms"] == ["dns.nxdomain"]


def test_an_encrypted_answer_that_nobody_proved_is_likely_only() -> None:
    record = judged(lie(failure=NXDOMAIN, alternative=f"tcp:{TIMEOUT}"))
    assert (record["state"], record["mechanisms"]) == ("likely_blocked", ["dns.nxdomain"])


def test_an_encrypted_answer_that_the_control_proved_is_proof() -> None:
    lines = lie(failure=NXDOMAIN, alternative="tls:connection_reset")
    lines.control(URL, GENUINE)
    assert judged(lines)["state"] == "blocked"


def test_a_helper_alone_makes_likely_and_not_more() -> None:
    lines = web()
    lines.lookup(HOST, failure=NXDOMAIN)
    lines.control_lookup(HOST, GENUINE)
    lines.control(URL, GENUINE)
    assert judged(lines)["state"] == "likely_blocked"


def test_a_name_that_nobody_knows_is_down() -> None:
    lines = web()
    lines.lookup(HOST, failure=NXDOMAIN)
    lines.control_lookup(HOST, failure=NXDOMAIN)
    assert judged(lines)["state"] == "down"


def test_a_failing_name_without_any_other_source_is_impaired() -> None:
    lines = web()
    lines.lookup(HOST, failure=NXDOMAIN)
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("impaired", [])


@pytest.mark.parametrize(
    ("first", "mechanism"),
    [([FORGED], "dns.injection.other"), ([BOGON], "dns.injection.bogon"), (NXDOMAIN, "dns.nxdomain")],
)
def test_a_forged_answer_that_comes_first_blocks(first: Any, mechanism: str) -> None:
    record = judged(race(first, [GENUINE], answer=FORGED))
    assert (record["state"], record["mechanisms"]) == ("blocked", [mechanism])


def test_a_race_needs_neither_control_nor_encrypted_resolver() -> None:
    lines = web()
    lines.lookup(HOST, FORGED)
    lines.own_udp(HOST, [FORGED], [GENUINE])
    lines.first(URL, FORGED, f"tcp:{TIMEOUT}")
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("blocked", ["dns.injection.other"])


def test_a_late_forged_answer_does_no_harm() -> None:
    record = judged(race([GENUINE], [BOGON], answer=GENUINE))
    assert (record["state"], record["mechanisms"], record["anomalies"]) == ("ok", [], ["dns.injection.bogon"])


def test_a_right_answer_that_is_injected_does_no_harm() -> None:
    lines = web()
    lines.lookup(HOST, GENUINE)
    lines.own_udp(HOST, [GENUINE], [GENUINE], ttls=(61, 52))
    lines.first(URL, GENUINE)
    record = judged(lines)
    assert (record["state"], record["anomalies"]) == ("ok", ["dns.injection"])


def test_two_honest_answers_of_one_network_are_no_race() -> None:
    lines = web()
    lines.lookup(HOST, GENUINE)
    lines.own_udp(HOST, [GENUINE], [SECOND])
    lines.first(URL, GENUINE, "tls:connection_reset")
    assert judged(lines)["state"] == "impaired"


def test_a_resolver_that_is_none_answers() -> None:
    lines = web()
    lines.lookup(HOST, FORGED)
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, FORGED, f"tcp:{TIMEOUT}")
    assert judged(lines)["state"] == "impaired"
    lines.dark(HOST, [FORGED])
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("blocked", ["dns.injection.other"])


def test_a_root_server_that_refers_elsewhere_has_forged_nothing() -> None:
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


def test_a_dns_proxy_that_tells_the_truth_is_an_anomaly() -> None:
    lines = web()
    lines.lookup(HOST, GENUINE)
    lines.dark(HOST, [GENUINE])
    lines.first(URL, GENUINE)
    record = judged(lines)
    assert (record["state"], record["anomalies"]) == ("ok", ["dns.intercepted"])


def test_other_addresses_with_a_valid_certificate_are_geography() -> None:
    lines = web()
    lines.lookup(HOST, FORGED)
    lines.encrypted(HOST, GENUINE)
    lines.control_lookup(HOST, SECOND)
    lines.first(URL, FORGED)
    record = judged(lines)
    assert (record["state"], record["anomalies"]) == ("ok", [])


def test_a_bogon_that_its_owner_publishes_is_no_lie() -> None:
    lines = web()
    lines.lookup(HOST, BOGON)
    lines.encrypted(HOST, BOGON)
    lines.control_lookup(HOST, BOGON)
    lines.twice(URL, BOGON, f"tcp:{TIMEOUT}")
    lines.control(URL, BOGON, f"tcp:{TIMEOUT}")
    assert judged(lines)["state"] == "down"


def test_nothing_below_dns_is_said_of_an_address_that_nothing_proves() -> None:
    lines = web()
    lines.lookup(HOST, FORGED)
    lines.innocuous(URL, FORGED)
    lines.twice(URL, FORGED, "tls:connection_reset")
    lines.neutral(URL, "tls:connection_reset")
    record = judged(lines)
    assert (record["state"], record["mechanisms"], record["rule_id"]) == ("impaired", [], "address_unproven_fails")


def test_a_proven_address_speaks_and_an_unproven_one_is_masked() -> None:
    lines = web()
    lines.lookup(HOST, FORGED, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, FORGED, f"tcp:{TIMEOUT}")
    lines.twice(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control(URL, GENUINE, f"tcp:{TIMEOUT}")
    assert judged(lines)["state"] == "down"


def test_a_tcp_success_at_an_unproven_address_is_not_ok() -> None:
    url = f"tcp://{HOST}:5222"
    lines = Lines({"chat": [url]})
    lines.lookup(HOST, FORGED)
    lines.first(url, FORGED)
    assert judged(lines)["state"] == "insufficient"


def test_a_service_blocked_twice_shows_both_mechanisms() -> None:
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


def test_an_honest_aaaa_answer_does_not_hide_a_lie_about_a() -> None:
    lines = web()
    lines.run["families"]["ipv6"] = True
    lines.lookup(HOST, BOGON, "2001:67c:4e8::1")
    lines.encrypted(HOST, GENUINE, "2001:67c:4e8::1")
    lines.first(URL, BOGON, f"tcp:{TIMEOUT}")
    lines.first(URL, "2001:67c:4e8::1")
    assert judged(lines)["mechanisms"] == ["dns.injection.bogon"]


def test_a_resolver_silent_for_this_name_only_is_likely() -> None:
    lines = lie(failure="dns_server_misbehaving")
    lines.own_udp(HOST)  # our own question timed out as well
    assert judged(lines)["state"] == "impaired"  # it may be silent about every name
    lines.preflight["resolver"] = {"ip_ttl": 58, "flags": ["QR", "RD", "RA"]}  # a harmless one was answered
    assert judged(lines)["mechanisms"] == ["dns.timeout"]
    del lines.preflight["resolver"]
    lines.lookup("my.telegram.org", GENUINE)
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("likely_blocked", ["dns.timeout"])


def test_silence_says_nothing_where_the_line_loses_questions_for_names_that_exist() -> None:
    """A thin line that our own haste fills: what is lost there is lost for every name."""
    lines = lie(failure="dns_server_misbehaving")
    lines.own_udp(HOST)
    lines.lookup("my.telegram.org", GENUINE)
    lines.own_udp("my.telegram.org")  # lost, though the library's question was answered
    record = judged(lines)
    assert record["state"] not in {"blocked", "likely_blocked", "degraded"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: lie(failure=NXDOMAIN),
        lambda: lie(FORGED),
        lambda: lie(BOGON),
        lambda: race([FORGED], [GENUINE], answer=FORGED),
    ],
)
def test_ablation_weakens_what_is_said_of_names(make: Callable[[], Lines]) -> None:
    line = make().line()
    (record,) = judge_measurement(line, file="a", number=1)
    assert record["state"] == "blocked"
    named = [number for endpoint in record["endpoints"] for number in endpoint["transactions"]]
    for spoiled in (without_transactions(line, named), labels_swapped(line), labels_swapped(line, wire_too=True)):
        (weaker,) = judge_measurement(spoiled, file="a", number=1)
        assert weaker["state"] != "blocked"


def test_a_library_that_lost_its_packets_is_not_a_resolver_that_is_silent() -> None:
    """The library gave up; our own question to the same resolver was answered, and the service works there."""
    lines = web()
    lines.lookup(HOST, failure=TIMEOUT)
    lines.own_udp(HOST, [GENUINE])
    lines.encrypted(HOST, GENUINE)
    lines.alternative(URL, GENUINE, "ok")
    assert judged(lines)["state"] == "ok"


def test_an_address_of_the_services_own_network_that_does_not_work_may_be_an_old_one() -> None:
    """Neither a lie nor fine; that the helper cannot go there either does not make it a lie."""
    lines = web()
    lines.lookup(HOST, SECOND)
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, SECOND, f"tcp:{TIMEOUT}")
    lines.alternative(URL, GENUINE)
    lines.control(URL, SECOND, f"tcp:{TIMEOUT}")
    record = judged(lines)
    assert (record["state"], record["mechanisms"], record["rule_id"]) == ("impaired", [], "dns_stale_answer_here")


def test_a_name_with_addresses_of_an_absent_family_alone_leaves_its_service_out() -> None:
    lines = web()
    lines.lookup(HOST, "2001:67c:4e8:f004::9")
    record = judged(lines)
    assert (record["state"], record["rule_id"]) == ("insufficient", "service_family_absent")
    assert record["endpoints"][0]["rule_id"] == "name_family_absent"


@pytest.mark.parametrize(("first", "state"), [(f"tcp:{TIMEOUT}", "likely_blocked"), ("ok", "insufficient")])
def test_a_way_in_the_clear_that_only_an_encrypted_resolver_knows_is_no_way_of_the_volunteers(
    first: str, state: str
) -> None:
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


def test_a_library_without_descriptors_says_nothing_where_our_own_question_was_answered() -> None:
    lines = web()
    lines.lookup(HOST, failure=NO_FILES)
    assert judged(lines)["rule_id"] == "name_local_fault"
    lines.own_udp(HOST, [GENUINE])
    lines.encrypted(HOST, GENUINE)
    record = judged(lines)
    assert (record["state"], record["rule_id"]) == ("insufficient", "endpoint_not_tried")  # the name is fine
    lines.first(URL, GENUINE)
    assert judged(lines)["state"] == "ok"


def test_an_unrepeated_question_of_ours_accuses_nobody_for_the_library() -> None:
    """The library had no descriptor, and our own datagram was lost: that is our fault and not the resolver's."""
    lines = web()
    lines.lookup(HOST, failure=NO_FILES)
    lines.own_udp(HOST)
    lines.encrypted(HOST, GENUINE)
    assert judged(lines)["rule_id"] == "name_local_fault"


def test_a_forged_address_is_no_failure_of_a_service_that_was_not_tried_to_its_end() -> None:
    lines = web()
    lines.lookup(HOST, FORGED)
    lines.first(URL, FORGED, f"tcp:{TIMEOUT}")
    assert (judged(lines)["state"], judged(lines)["rule_id"]) == ("impaired", "address_unproven_fails")
    lines.run["interrupted"] = True
    assert (judged(lines)["state"], judged(lines)["rule_id"]) == ("insufficient", "name_interrupted")

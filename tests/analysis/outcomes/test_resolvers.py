"""What is said of resolvers that are themselves the target: silence, refusals, lies, and honest differences."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats import failures as f
from tests.analysis.outcomes.test_connections import RESET, TIMEOUT, judged, said
from tests.support.measurements.ablation import labels_swapped
from tests.support.measurements.entries import ASKED
from tests.support.measurements.lines import FORGED, GENUINE, SECOND, Lines

HOST, RESOLVER = "dns.example", "8.8.8.8"
UDP, TCP = f"dns+udp://{RESOLVER}:53", f"dns+tcp://{RESOLVER}:53"
DOT, DOH = f"dot://{HOST}:853", f"doh://{HOST}:443/dns-query"
ALL = (UDP, TCP, DOT, DOH)
ENCRYPTED = (DOT, DOH)


def resolver(
    url: str, outcome: str = "ok", *, control: str | None = "ok", there: Any = (GENUINE,), **seen: Any
) -> Lines:
    """A resolver asked here, twice where that failed, and by the helper, which is told `there`."""
    lines = Lines({"google": [url]}, target="resolvers")
    if HOST in url:
        lines.lookup(HOST, RESOLVER)
        lines.encrypted(HOST, RESOLVER)
        lines.innocuous(url, RESOLVER)
    lines.first(url, RESOLVER, outcome, **seen)
    if outcome != "ok":
        lines.confirm(url, RESOLVER, outcome, **seen)
    if control is not None:
        lines.control(url, RESOLVER, control, answers=list(there))
    return lines


@pytest.mark.parametrize("url", ALL)
def test_an_answer_that_the_helper_gets_too(url: str) -> None:
    record = judged(resolver(url))
    assert (record["state"], record["proof"], record["mechanisms"]) == ("ok", "answer", [])
    assert judged(resolver(url, control=None))["state"] == "ok"


@pytest.mark.parametrize(("url", "anomalies"), [(UDP, ["dns.intercepted"]), (TCP, [])])
def test_an_answer_over_udp_that_somebody_else_gave_in_its_place(url: str, anomalies: list[str]) -> None:
    lines = resolver(url)
    lines.preflight["dark_answers"] = True
    record = judged(lines)
    assert (record["state"], record["mechanisms"], record["anomalies"]) == ("ok", [], anomalies)


@pytest.mark.parametrize("url", ALL)
@pytest.mark.parametrize(
    ("failure", "mechanism"),
    [
        (TIMEOUT, "dns.timeout"),
        (f.DNS_REFUSED, "dns.refused"),
        (f.DNS_SERVFAIL, "dns.servfail"),
        (RESET, "dns"),
        (f.DNS_NO_ANSWER, "dns"),
    ],
)
def test_a_question_that_fails_here_twice(url: str, failure: str, mechanism: str) -> None:
    assert said(resolver(url, f"payload:{failure}")) == ("likely_blocked", [mechanism])
    assert said(resolver(url, f"payload:{failure}", control=None)) == ("impaired", [])
    assert said(resolver(url, f"payload:{failure}", control=f"payload:{failure}")) == ("down", [])


def test_a_question_that_fails_once_accuses_nobody() -> None:
    lines = Lines({"google": [UDP]}, target="resolvers")
    lines.first(UDP, RESOLVER, f"payload:{TIMEOUT}")
    lines.control(UDP, RESOLVER)
    assert said(lines) == ("impaired", [])
    lines.confirm(UDP, RESOLVER)
    assert said(lines) == ("ok", [])


def test_an_icmp_error_for_a_datagram() -> None:
    assert said(resolver(UDP, f"payload:{f.REFUSED}")) == ("likely_blocked", ["ip.unreachable"])


def test_a_name_that_exists_is_denied() -> None:
    lines = resolver(UDP, f"payload:{f.DNS_NXDOMAIN}")
    assert said(lines) == ("blocked", ["dns.nxdomain"])
    assert said(resolver(UDP, f"payload:{f.DNS_NXDOMAIN}", control=None)) == ("impaired", [])


def test_an_answer_that_no_public_service_can_have() -> None:
    assert said(resolver(UDP, answers=["10.10.34.35"])) == ("blocked", ["dns.injection.bogon"])
    assert said(resolver(UDP, answers=["10.10.34.35"], control=None))[0] != "blocked"
    assert said(resolver(UDP, answers=["10.10.34.35"], control=f"payload:{TIMEOUT}"))[0] != "blocked"


def test_two_answers_the_forged_one_first() -> None:
    assert said(resolver(UDP, datagrams=[[FORGED], [GENUINE]])) == ("blocked", ["dns.injection.other"])
    assert said(resolver(UDP, datagrams=[[GENUINE], [FORGED]])) == ("ok", [])


def test_another_address_of_the_same_network_is_no_contradiction() -> None:
    assert said(resolver(UDP, answers=[SECOND])) == ("ok", [])


def test_an_address_in_another_network_is_doubted_and_nobody_accused() -> None:
    """A name may be served from several networks, and resolvers choose by where one asks from."""
    record = judged(resolver(UDP, answers=[FORGED]))
    assert (record["state"], record["rule_id"]) == ("impaired", "resolver_answers_otherwise")


def test_an_address_of_an_unknown_network_contradicts_nobody() -> None:
    assert said(resolver(UDP, answers=["93.184.216.34"])) == ("ok", [])


def test_a_neutral_host_that_proved_itself_is_a_witness() -> None:
    lines = resolver(UDP, answers=[FORGED])
    lines.preflight["neutral"].append({"endpoint": f"https://{ASKED}:443/", "address": FORGED, "failure": None})
    assert said(lines) == ("ok", [])
    lines.preflight["neutral"][-1]["failure"] = "ssl_unknown_authority"
    assert judged(lines)["state"] == "impaired"


@pytest.mark.parametrize("url", ENCRYPTED)
def test_what_is_answered_inside_tls_is_believed(url: str) -> None:
    assert said(resolver(url, answers=[FORGED])) == ("ok", [])


@pytest.mark.parametrize("url", ENCRYPTED)
@pytest.mark.parametrize(("failure", "mechanism"), [(RESET, "tls.reset.sni"), (TIMEOUT, "tls.timeout.sni")])
def test_the_resolvers_name_draws_interference(url: str, failure: str, mechanism: str) -> None:
    assert said(resolver(url, f"tls:{failure}")) == ("blocked", [mechanism])


def test_a_port_that_is_silent() -> None:
    assert said(resolver(DOT, f"tcp:{TIMEOUT}")) == ("likely_blocked", ["tcp.timeout"])


def test_a_line_without_datagrams_says_nothing_about_dns_over_udp() -> None:
    lines = resolver(UDP, f"payload:{TIMEOUT}")
    lines.preflight["udp"] = False
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("insufficient", [])


def test_nothing_was_asked() -> None:
    lines = Lines({"google": [UDP]}, target="resolvers")
    lines.control(UDP, RESOLVER)
    assert said(lines) == ("insufficient", [])


@pytest.mark.parametrize("url", ALL)
def test_an_answer_through_the_systems_library_proves_no_resolver(url: str) -> None:
    lines = resolver(url)
    for _, entry in lines.probe.entries:
        if entry.OPERATION == "resolve" and entry.hostname == ASKED:  # type: ignore[attr-defined]
            entry.engine = "system"  # type: ignore[attr-defined]
    assert judged(lines)["state"] != "ok"


@pytest.mark.parametrize("wire_too", [False, True])
def test_without_its_labels_a_lie_is_none(wire_too: bool) -> None:
    lines = resolver(UDP, answers=["10.10.34.35"])
    for record in lines.probe.records:
        record.followup = "resolver_udp"
        record.kind = "followup"
    (verdict,) = judge_measurement(labels_swapped(lines.line(), wire_too=wire_too), file="a.jsonl", number=1)
    assert verdict["state"] == "insufficient"

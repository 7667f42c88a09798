"""Test verdicts about resolvers as targets: silence, refusals, false answers and allowed differences."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats import failures as f
from tests.analysis.outcomes.test_connections import RESET, TIMEOUT, conclusion, judged
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
    """Return the queries to a resolver here, twice if they fail, and the helper's query with the answer `there`."""
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
def test_answer_that_the_helper_gets_too_is_ok(url: str) -> None:
    record = judged(resolver(url))
    assert (record["state"], record["proof"], record["mechanisms"]) == ("ok", "answer", [])
    assert judged(resolver(url, control=None))["state"] == "ok"


@pytest.mark.parametrize(("url", "anomalies"), [(UDP, ["dns.intercepted"]), (TCP, [])])
def test_intercepted_answer_over_udp_is_an_anomaly(url: str, anomalies: list[str]) -> None:
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
def test_query_that_fails_twice_is_likely_blocked_with_control(url: str, failure: str, mechanism: str) -> None:
    assert conclusion(resolver(url, f"payload:{failure}")) == ("likely_blocked", [mechanism])
    assert conclusion(resolver(url, f"payload:{failure}", control=None)) == ("impaired", [])
    assert conclusion(resolver(url, f"payload:{failure}", control=f"payload:{failure}")) == ("down", [])


def test_query_that_fails_once_is_impaired() -> None:
    lines = Lines({"google": [UDP]}, target="resolvers")
    lines.first(UDP, RESOLVER, f"payload:{TIMEOUT}")
    lines.control(UDP, RESOLVER)
    assert conclusion(lines) == ("impaired", [])
    lines.confirm(UDP, RESOLVER)
    assert conclusion(lines) == ("ok", [])


def test_icmp_error_is_ip_unreachable() -> None:
    assert conclusion(resolver(UDP, f"payload:{f.REFUSED}")) == ("likely_blocked", ["ip.unreachable"])


def test_denied_existing_name_is_blocked() -> None:
    lines = resolver(UDP, f"payload:{f.DNS_NXDOMAIN}")
    assert conclusion(lines) == ("blocked", ["dns.nxdomain"])
    assert conclusion(resolver(UDP, f"payload:{f.DNS_NXDOMAIN}", control=None)) == ("impaired", [])


def test_bogon_is_blocked_with_control() -> None:
    assert conclusion(resolver(UDP, answers=["10.10.34.35"])) == ("blocked", ["dns.injection.bogon"])
    assert conclusion(resolver(UDP, answers=["10.10.34.35"], control=None))[0] != "blocked"
    assert conclusion(resolver(UDP, answers=["10.10.34.35"], control=f"payload:{TIMEOUT}"))[0] != "blocked"


def test_forged_first_answer_is_blocked() -> None:
    assert conclusion(resolver(UDP, datagrams=[[FORGED], [GENUINE]])) == ("blocked", ["dns.injection.other"])
    assert conclusion(resolver(UDP, datagrams=[[GENUINE], [FORGED]])) == ("ok", [])


def test_other_address_of_the_same_network_is_ok() -> None:
    assert conclusion(resolver(UDP, answers=[SECOND])) == ("ok", [])


def test_address_in_another_network_is_impaired() -> None:
    """Accuse nothing, because resolvers choose among several networks by the client's location."""
    record = judged(resolver(UDP, answers=[FORGED]))
    assert (record["state"], record["rule_id"]) == ("impaired", "resolver_answers_otherwise")


def test_address_in_an_unknown_network_is_ok() -> None:
    assert conclusion(resolver(UDP, answers=["93.184.216.34"])) == ("ok", [])


def test_address_of_a_certified_neutral_host_is_trusted() -> None:
    lines = resolver(UDP, answers=[FORGED])
    lines.preflight["neutral"].append({"endpoint": f"https://{ASKED}:443/", "address": FORGED, "failure": None})
    assert conclusion(lines) == ("ok", [])
    lines.preflight["neutral"][-1]["failure"] = "ssl_unknown_authority"
    assert judged(lines)["state"] == "impaired"


@pytest.mark.parametrize("url", ENCRYPTED)
def test_answer_inside_tls_is_ok(url: str) -> None:
    assert conclusion(resolver(url, answers=[FORGED])) == ("ok", [])


@pytest.mark.parametrize("url", ENCRYPTED)
@pytest.mark.parametrize(("failure", "mechanism"), [(RESET, "tls.reset.sni"), (TIMEOUT, "tls.timeout.sni")])
def test_failure_by_name_of_the_resolver_is_blocked(url: str, failure: str, mechanism: str) -> None:
    assert conclusion(resolver(url, f"tls:{failure}")) == ("blocked", [mechanism])


def test_silent_port_is_tcp_timeout() -> None:
    assert conclusion(resolver(DOT, f"tcp:{TIMEOUT}")) == ("likely_blocked", ["tcp.timeout"])


def test_network_without_udp_is_insufficient() -> None:
    lines = resolver(UDP, f"payload:{TIMEOUT}")
    lines.preflight["udp"] = False
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("insufficient", [])


def test_resolver_without_queries_is_insufficient() -> None:
    lines = Lines({"google": [UDP]}, target="resolvers")
    lines.control(UDP, RESOLVER)
    assert conclusion(lines) == ("insufficient", [])


@pytest.mark.parametrize("url", ALL)
def test_answer_of_the_system_library_proves_no_resolver(url: str) -> None:
    lines = resolver(url)
    for _, entry in lines.probe.entries:
        if entry.OPERATION == "resolve" and entry.hostname == ASKED:  # type: ignore[attr-defined]
            entry.engine = "system"  # type: ignore[attr-defined]
    assert judged(lines)["state"] != "ok"


@pytest.mark.parametrize("wire_too", [False, True])
def test_without_its_labels_a_false_answer_is_insufficient(wire_too: bool) -> None:
    lines = resolver(UDP, answers=["10.10.34.35"])
    for record in lines.probe.records:
        record.followup = "resolver_udp"
        record.kind = "followup"
    (verdict,) = judge_measurement(labels_swapped(lines.line(), wire_too=wire_too), file="a.jsonl", number=1)
    assert verdict["state"] == "insufficient"

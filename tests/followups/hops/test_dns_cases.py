"""Test which DNS queries a hop search is made for."""

from collections.abc import Sequence

import pytest

from probe.followups.hops.attempt_cases import name_cases, resolver_case
from probe.followups.hops.hop_cases import HopCases
from probe.followups.hops.limited_payloads import datagram_payload
from probe.formats import failures as f
from probe.formats.entries import DNSAnswer, DNSQuery, DNSResponse
from probe.formats.followups import FollowUp
from probe.formats.transactions import TransactionRecord
from probe.session.session import HELPER
from probe.session.trace import StepFailed, Trace, TransactionFacts
from probe.targets.target import parse_endpoint

NAME, RESOLVER = "service.example", "9.9.9.9"
UDP = parse_endpoint(f"dns+udp://{RESOLVER}:53")
TRUE, OTHER, PRIVATE = "149.154.167.99", "31.13.94.37", "10.10.34.35"


def response(*addresses: str, rcode: int = 0) -> DNSResponse:
    return DNSResponse(t=0.1, rcode=rcode, answers=[DNSAnswer(answer_type="A", ipv4=one) for one in addresses])


async def query(
    trace: Trace,
    failure: str | None,
    *responses: DNSResponse,
    followup: FollowUp = "",
    address: str = RESOLVER,
    name: str = NAME,
    query_type: str = "A",
) -> TransactionRecord:
    """Record one query. It is a follow-up about the name, or else the attempt of a resolver's service."""
    facts = TransactionFacts(
        "followup" if followup else "first",
        followup=followup,
        service="" if followup else "quad9",
        endpoint="" if followup else UDP.url,
        hostname=name if followup else "",
        address=address,
        port=53,
        family=4,
    )
    entry = DNSQuery(engine="udp", hostname=name, query_type=query_type, x_responses=list(responses))
    entry.answers = list(responses[0].answers) if responses else []
    async with trace.transaction(facts) as tx:
        async with tx.step(entry, 5.0):
            pass
        if failure:
            raise StepFailed("resolve", failure)
    return tx.record


async def test_forged_answers_come_before_races_and_silence() -> None:
    trace = Trace()
    await query(trace, f.TIMEOUT, followup="resolver_udp", address="1.1.1.1")
    await query(trace, None, response(OTHER), response(TRUE), followup="resolver_udp", address="8.8.8.8")
    await query(trace, None, response(OTHER), followup="dark_resolver", address="170.247.170.2")
    found = [(case.ip, case.by_silence) for case in name_cases(trace, {NAME})]
    assert found == [("170.247.170.2", False), ("8.8.8.8", False), ("1.1.1.1", True)]
    (case,) = HopCases(trace).of({NAME})
    assert (case.kind, case.service, case.host, case.ip) == ("dns", "", NAME, "170.247.170.2") and case.is_pathwide


@pytest.mark.parametrize(
    ("failure", "responses", "how"),
    [
        (None, [response(TRUE)], {}),
        (None, [response(TRUE), response(TRUE)], {}),  # the query was repeated
        (f.DNS_NXDOMAIN, [response(rcode=3)], {}),  # the resolver itself may deny the name
        (f.TIMEOUT, [], {"name": "other.example"}),
        (f.TIMEOUT, [], {"address": HELPER}),
        (f.TIMEOUT, [], {"followup": "resolver_dot"}),
        (f.TIMEOUT, [], {"followup": "dark_resolver"}),
        (f.DNS_NO_ANSWER, [response()], {"followup": "dark_resolver"}),
    ],
)
async def test_honest_answers_are_not_searched(
    failure: str | None, responses: Sequence[DNSResponse], how: dict[str, str]
) -> None:
    trace = Trace()
    await query(trace, failure, *responses, **({"followup": "resolver_udp"} | how))
    assert list(name_cases(trace, {NAME})) == []


@pytest.mark.parametrize(
    ("failure", "responses", "by_silence"),
    [
        (f.TIMEOUT, [], True),
        (f.DNS_NXDOMAIN, [response(rcode=3)], False),
        (f.DNS_REFUSED, [response(rcode=5)], False),
        (f.DNS_NO_ANSWER, [response()], False),
        (None, [response(OTHER), response(TRUE)], False),
        (None, [response(PRIVATE)], False),
    ],
)
async def test_resolver_with_a_false_answer_or_none_is_searched_for_its_service(
    failure: str | None, responses: Sequence[DNSResponse], by_silence: bool
) -> None:
    trace = Trace()
    record = await query(trace, failure, *responses, query_type="AAAA")
    case = resolver_case(trace, record, UDP, record if failure else None)
    assert case is not None and not case.is_pathwide and case.endpoint is UDP
    assert (case.service, case.host, case.by_silence, case.query_type) == ("quad9", NAME, by_silence, "AAAA")
    assert b"\x07example\x00" + bytes([0, 28, 0, 1]) in datagram_payload(case)  # AAAA, IN


async def test_other_resolvers_are_not_searched() -> None:
    trace = Trace()
    honest = await query(trace, None, response(TRUE))
    failed, denied = await query(trace, f.TIMEOUT), await query(trace, f.DNS_NXDOMAIN, response(rcode=3))
    assert resolver_case(trace, honest, UDP) is None
    assert resolver_case(trace, failed, UDP, denied) is None  # two different failures
    assert resolver_case(trace, failed, parse_endpoint("dot://dns.quad9.net:853"), failed) is None
    unreachable = await query(trace, f.HOST_UNREACHABLE)
    assert resolver_case(trace, unreachable, UDP, unreachable) is None


async def test_failed_resolvers_are_searched_with_datagrams_too() -> None:
    trace = Trace()
    for failure, kinds in (
        (f.TIMEOUT, ["dns", "datagram"]),
        (f.HOST_UNREACHABLE, ["datagram"]),
        (f.DNS_REFUSED, ["dns"]),
    ):
        cases, record = HopCases(trace), await query(trace, failure)
        cases.note(record, record, UDP)
        assert [case.kind for case in cases.of(set())] == kinds
    cases, record = HopCases(trace), await query(trace, None, response(PRIVATE))
    cases.note_attempt(record, UDP)
    assert [case.kind for case in cases.of(set())] == ["dns"]

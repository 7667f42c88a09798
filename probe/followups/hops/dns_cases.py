"""Choose the DNS queries that a hop search is made for: those that the path answers, or drops.

The provider's own resolver is no case. A computer asks it through the home router, and it may answer falsely itself.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from probe.followups.hops.limited_payloads import LONGEST_REACTION, Case
from probe.formats import failures as f
from probe.formats.entries import DNSQuery
from probe.formats.transactions import TransactionRecord
from probe.session.session import HELPER
from probe.session.trace import Trace
from probe.signatures.bogons import is_bogon
from probe.targets.target import Endpoint

DNS_PORT = 53
RESOLVER_SCHEME = "dns+udp"


def name_cases(trace: Trace, hosts: Collection[str]) -> Iterable[Case]:
    """Yield cases for names of the target: answered by a non-resolver, or raced or dropped before a public resolver.

    One search holds for all services, so they have no service.
    """
    asked = [record for record in trace.transactions if record.hostname in hosts and record.address != HELPER]
    forged = [one for one in asked if one.followup == "dark_resolver" and _is_answered(one.failure)]
    public = [one for one in asked if one.followup == "resolver_udp"]
    raced = [one for one in public if _is_raced(_query_of(trace, one))]
    for record in (*forged, *raced, *(one for one in public if one.failure in f.SILENT)):
        yield _case(record, record.hostname, _query_of(trace, record))


def resolver_case(
    trace: Trace, attempt: TransactionRecord, endpoint: Endpoint, confirmation: TransactionRecord | None = None
) -> Case | None:
    """Return the case of a public resolver that gave false answers or none. None if it may have answered itself."""
    query = _query_of(trace, attempt)
    if endpoint.scheme != RESOLVER_SCHEME or query is None:
        return None
    failures = {attempt.failure, confirmation.failure if confirmation else attempt.failure}
    failed_equally = failures <= f.SILENT or (len(failures) == 1 and (attempt.failure or "").startswith("dns_"))
    if failed_equally or (failures == {None} and (_is_raced(query) or _has_bogon(query))):
        return replace(_case(attempt, query.hostname, query), service=attempt.service, endpoint=endpoint)
    return None


def _case(record: TransactionRecord, name: str, query: DNSQuery | None) -> Case:
    place, by_silence = (record.address, record.port or DNS_PORT), record.failure in f.SILENT
    query_type = query.query_type if query else "A"
    reaction = 0.0 if by_silence or query is None else min(query.x_round_trip or 0.0, LONGEST_REACTION)
    return Case("dns", "", name, *place, by_silence, record.transaction_id, query_type=query_type, reaction=reaction)


def _is_answered(failure: str | None) -> bool:
    """Return whether a non-resolver gave an answer.

    A referral is excluded, because an authoritative server at that address may send it (RFC 1034, 4.3.1).
    """
    return failure is None or (failure.startswith("dns_") and failure != f.DNS_NO_ANSWER)


def _query_of(trace: Trace, record: TransactionRecord) -> DNSQuery | None:
    return next((entry for entry in trace.entries_of(record) if isinstance(entry, DNSQuery)), None)


def _is_raced(query: DNSQuery | None) -> bool:
    """Return whether two answers to one query contradict each other."""
    answers = (query.x_responses or []) if query else []
    return len({(one.rcode, frozenset(filter(None, (a.address for a in one.answers)))) for one in answers}) > 1


def _has_bogon(query: DNSQuery) -> bool:
    return any(is_bogon(answer.address) for answer in query.answers if answer.address)

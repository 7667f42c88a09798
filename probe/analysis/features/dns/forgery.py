"""Compute the columns about forged DNS answers: races, non-resolvers, public resolvers and fingerprints."""

from collections.abc import Iterator

from probe.analysis.features.dns.races import Race, is_forged, race_of
from probe.analysis.features.network.checks import resolver_facts
from probe.analysis.features.rows import NameRow
from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.failure_kinds import dns_kind_of
from probe.analysis.observations.lenient_json import flag
from probe.analysis.observations.rows import Answer, FlatMeasurement, Observation, Query
from probe.signatures.bogons import is_bogon
from probe.signatures.evidence_age import Span
from probe.signatures.resolver_fingerprint import print_of

FAMILIES = {"A": 4, "AAAA": 6}
DARK, INNOCUOUS_AT_DARK = "dark_resolver", "dark_innocuous"
HELPER = "helper"  # stands for the helper's address in measurements
_TOO_FAST = 0.5  # of the time of a TCP connect to the same address


def count_forgeries(row: NameRow, name: str, measurement: FlatMeasurement, proofs: Verified) -> None:
    """Fill the columns about answers that did not come from the queried resolver."""
    preflight = resolver_facts(measurement, system_spans(name, proofs))
    row.dns_intercepted = flag(preflight.get("dark_answers"))
    row.dns_dark_silent = not row.dns_intercepted and (preflight.get("dark_answers") is False or _closed(proofs))
    races = _races(name, proofs)
    _count_races(row, races)
    forged = [datagram for _, race in races for datagram in race.forged]
    forged += _count_dark(row, name, proofs)
    addresses = [ip for answer in forged for ip in answer.addresses]
    row.dns_forged_bogon = bool(addresses) and all(map(is_bogon, addresses))
    row.dns_forged_denial = bool(forged) and not addresses
    _count_public(row, name, proofs)
    normal = print_of(preflight.get("resolver"))
    firsts = [query.datagrams[0] for query in _at_system(name, proofs) if query.datagrams]
    row.dns_unlike = sum(normal is not None and normal.unlike(first.ip_ttl, first.flags) for first in firsts)


def system_spans(name: str, proofs: Verified) -> list[Span]:
    """Return when the system resolver was asked for the name."""
    return [(row.t0, row.t) for row, query in proofs.probe.asked(name) if query.resolver == "system"]


def raced_families(name: str, proofs: Verified) -> set[int]:
    """Return the address families for which a forged answer came first."""
    return {FAMILIES.get(query.query_type, 0) for query, race in _races(name, proofs) if race.forged_first}


def _races(name: str, proofs: Verified) -> list[tuple[Query, Race]]:
    asked = [*_at_system(name, proofs), *(query for _, query in _at_public(name, proofs))]
    return [(query, race_of(query, proofs.verified(name), proofs.asn)) for query in asked]


def _at_system(name: str, proofs: Verified) -> list[Query]:
    return [query for query in proofs.asked(name, frozenset({"udp"})) if query.resolver == "system"]


def _at_public(name: str, proofs: Verified) -> list[tuple[Observation, Query]]:
    return [
        (row, query)
        for row, query in proofs.probe.asked(name)
        if query.engine == "udp" and query.resolver != "system" and row.followup != DARK
    ]


def _count_races(row: NameRow, races: list[tuple[Query, Race]]) -> None:
    for query, race in races:
        row.dns_forged_first += race.forged_first and query.resolver == "system"
        row.dns_forged_public += race.forged_first and query.resolver != "system"
        row.dns_forged_late += race.forged_late
        row.dns_doubled += race.doubled


def _count_dark(row: NameRow, name: str, proofs: Verified) -> list[Answer]:
    """Count the answers from non-resolvers and return the forged ones.

    If the non-resolver answers innocuous names too, its answers show only that DNS is intercepted.
    """
    verified, found = proofs.verified(name), list[Answer]()
    for address, query in _dark_queries(name, proofs):
        answers = list(dict.fromkeys([query.answer, *query.datagrams]))
        forged = [answer for answer in answers if is_forged(answer, verified) and not _is_referral(answer)]
        if any(answer.addresses and not is_forged(answer, verified) for answer in answers):
            row.dns_dark_genuine += address != HELPER
        elif forged and not row.dns_intercepted:
            row.dns_dark_forged += 1
            found += forged
    return found


def _is_referral(answer: Answer) -> bool:
    """Return whether the answer is a referral, as a server without recursion sends it (RFC 1034, section 4.3.1)."""
    return dns_kind_of(answer.failure) == "no_answer"


def _dark_queries(name: str, proofs: Verified) -> Iterator[tuple[str, Query]]:
    """Yield the address and the query of each query for the name to a non-resolver.

    The helper counts as a non-resolver only if an innocuous name got no answer there, because its owner may run one.
    """
    closed = _closed(proofs)
    for row, query in proofs.probe.asked(name):
        if row.followup == DARK and (row.address != HELPER or closed):
            yield row.address, query


def _closed(proofs: Verified) -> bool:
    """Return whether a query for an innocuous name to the helper's port 53 got no DNS message."""
    queries = [query for row in proofs.probe.followups(INNOCUOUS_AT_DARK) for query in row.queries]
    return bool(queries) and not any(query.datagrams or query.answer.addresses for query in queries)


def _count_public(row: NameRow, name: str, proofs: Verified) -> None:
    verified = proofs.verified(name)
    connects: dict[str, float] = {}
    for other in proofs.probe.all:
        if other.tcp_attempts and other.tcp_failure is None and other.tcp_seconds > 0:
            connects[other.address] = min(other.tcp_seconds, connects.get(other.address, other.tcp_seconds))
    for row_of_query, query in _at_public(name, proofs):
        row.dns_public_genuine += bool(verified.intersection(query.answer.addresses))
        row.dns_public_forged += is_forged(query.answer, verified)
        limit = _TOO_FAST * connects.get(row_of_query.address, 0.0)
        row.dns_too_fast += 0 < query.round_trip < limit

"""Who else answers a name's questions: races, addresses that run no resolver, public resolvers, other boxes' prints."""

from collections.abc import Iterator

from probe.analysis.features.dns.races import Race, is_forged, race_of
from probe.analysis.features.rows import NameRow
from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.failure_kinds import dns_kind_of
from probe.analysis.observations.lenient_json import flag, table
from probe.analysis.observations.rows import Answer, FlatMeasurement, Observation, Query
from probe.signatures.bogons import is_bogon
from probe.signatures.resolver_fingerprint import print_of

FAMILIES = {"A": 4, "AAAA": 6}
DARK, HARMLESS_AT_DARK = "dark_resolver", "dark_innocuous"
HELPER = "helper"  # how a line writes the helper's address
_SOONER_THAN_THE_PATH = 0.5  # of the time of a TCP connect to the same address


def count_forgeries(row: NameRow, name: str, line: FlatMeasurement, proofs: Verified) -> None:
    """Fill the columns about answers that nobody who was asked has given."""
    preflight = table(line.run.get("preflight"))
    row.dns_intercepted = flag(preflight.get("dark_answers"))
    row.dns_dark_silent = not row.dns_intercepted and (preflight.get("dark_answers") is False or _closed(proofs))
    races = _races(name, proofs)
    _count_races(row, races)
    forged = [datagram for _, race in races for datagram in race.forged]
    forged += _count_dark(row, name, proofs)
    addresses = [ip for answer in forged for ip in answer.addresses]
    row.dns_forged_bogon = bool(addresses) and all(map(is_bogon, addresses))  # one that is somebody's says more
    row.dns_forged_denial = bool(forged) and not addresses
    _count_public(row, name, proofs)
    normal = print_of(preflight.get("resolver"))
    firsts = [query.datagrams[0] for query in _at_system(name, proofs) if query.datagrams]
    row.dns_unlike = sum(normal is not None and normal.unlike(first.ip_ttl, first.flags) for first in firsts)


def raced_families(name: str, proofs: Verified) -> set[int]:
    """The families for whose addresses a forged answer came first."""
    return {FAMILIES.get(query.query_type, 0) for query, race in _races(name, proofs) if race.forged_first}


def _races(name: str, proofs: Verified) -> list[tuple[Query, Race]]:
    asked = [*_at_system(name, proofs), *(query for _, query in _at_public(name, proofs))]
    return [(query, race_of(query, proofs.genuine(name), proofs.asn)) for query in asked]


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
    """What came from addresses that run no resolver; the forged answers are returned.

    From one that answers everybody it says only that somebody answers in the resolvers' place.
    """
    genuine, found = proofs.genuine(name), list[Answer]()
    for place, query in _dark_questions(name, proofs):
        said = list(dict.fromkeys([query.answer, *query.datagrams]))
        forged = [answer for answer in said if is_forged(answer, genuine) and not _is_referral(answer)]
        if any(answer.addresses and not is_forged(answer, genuine) for answer in said):
            row.dns_dark_genuine += place != HELPER
        elif forged and not row.dns_intercepted:
            row.dns_dark_forged += 1
            found += forged
    return found


def _is_referral(answer: Answer) -> bool:
    """Whether it says where else to ask, as an honest server without recursion does (RFC 1034, 4.3.1)."""
    return dns_kind_of(answer.failure) == "no_answer"


def _dark_questions(name: str, proofs: Verified) -> Iterator[tuple[str, Query]]:
    """Where the name was asked for at an address that runs no resolver.

    The helper's counts only if a harmless name was asked for there too, and drew nothing: its owner may run one.
    """
    closed = _closed(proofs)
    for row, query in proofs.probe.asked(name):
        if row.followup == DARK and (row.address != HELPER or closed):
            yield row.address, query


def _closed(proofs: Verified) -> bool:
    """Whether a harmless name was asked for at the helper's port 53 and drew no DNS message at all."""
    asked = [query for row in proofs.probe.followups(HARMLESS_AT_DARK) for query in row.queries]
    return bool(asked) and not any(query.datagrams or query.answer.addresses for query in asked)


def _count_public(row: NameRow, name: str, proofs: Verified) -> None:
    genuine = proofs.genuine(name)
    connects: dict[str, float] = {}
    for other in proofs.probe.all:
        if other.tcp_attempts and other.tcp_failure is None and other.tcp_seconds > 0:
            connects[other.address] = min(other.tcp_seconds, connects.get(other.address, other.tcp_seconds))
    for asked, query in _at_public(name, proofs):
        row.dns_public_genuine += bool(genuine.intersection(query.answer.addresses))
        row.dns_public_forged += is_forged(query.answer, genuine)
        limit = _SOONER_THAN_THE_PATH * connects.get(asked.address, 0.0)
        row.dns_too_fast += 0 < query.round_trip < limit

"""Compare the datagrams that answer one DNS query, and find the forged ones."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from probe.analysis.observations.rows import Answer, Query
from probe.formats import failures as f

_DENIALS = frozenset({f.DNS_NXDOMAIN, f.DNS_NO_ANSWER})


@dataclass(frozen=True)
class Race:
    """Hold what the datagrams of one query show."""

    forged_first: bool = False  # the answer that would have been used
    forged_late: bool = False
    doubled: bool = False  # the same answer again, over another path
    forged: tuple[Answer, ...] = ()  # the forged datagrams


def race_of(query: Query, verified: Collection[str], asn: Callable[[str], int]) -> Race:
    """Compare a query's datagrams. One without a verified address that another contradicts is forged."""
    datagrams = [datagram for datagram in query.datagrams if datagram.addresses or _denies(datagram)]
    if len(datagrams) < 2:
        return Race()
    first, later = datagrams[0], datagrams[1:]
    forged_first = is_forged(first, verified) and any(contradicts(first, other, asn) for other in later)
    contradicting = [other for other in later if contradicts(first, other, asn)]
    forged_late = [other for other in contradicting if not forged_first and is_forged(other, verified)]
    forged = [first] if forged_first else forged_late
    return Race(
        forged_first,
        bool(forged_late),
        any(_copies(first, other) for other in later),
        tuple(forged),
    )


def is_forged(answer: Answer, verified: Collection[str]) -> bool:
    """Return whether an answer has no verified address. A denial is forged if a verified address is known."""
    if _denies(answer):
        return bool(verified)
    return bool(answer.addresses) and not any(ip in verified for ip in answer.addresses)


def contradicts(one: Answer, other: Answer, asn: Callable[[str], int]) -> bool:
    """Return whether two answers exclude each other: a denial and addresses, or addresses of different networks.

    A resolver may name another server of the same network in its second answer. Different received TTLs show that two
    devices answered.
    """
    if _denies(one) or _denies(other):
        return _denies(one) != _denies(other)
    if set(one.addresses) & set(other.addresses):
        return False
    networks, others = {asn(ip) for ip in one.addresses} - {0}, {asn(ip) for ip in other.addresses} - {0}
    return not networks & others or _from_two_devices(one, other)


def _from_two_devices(one: Answer, other: Answer) -> bool:
    return bool(one.ip_ttl and other.ip_ttl) and one.ip_ttl != other.ip_ttl


def _denies(answer: Answer) -> bool:
    return not answer.addresses and answer.failure in _DENIALS


def _copies(one: Answer, other: Answer) -> bool:
    same = set(one.addresses) == set(other.addresses) and one.failure == other.failure
    return same and _from_two_devices(one, other)

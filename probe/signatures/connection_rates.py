"""Decide whether a server's limit of connections in some seconds explains that connections were cut off.

The probe asks it before it repeats one. The analysis has the same in SQL.

Some servers reset a client that opens too many connections in some seconds. iptables has the matches `hashlimit` and
`recent` for this (https://man7.org/linux/man-pages/man8/iptables-extensions.8.html, opened 2026-11-28).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from probe.signatures.parallel_hellos import network_of

REST = 8.0
"""Seconds without a connection to an address, after which such a limit does not hold any more."""

BESIDE = 1.0
"""Seconds after the end of a connection that was cut off, in which answered ones show that there is no such limit."""

OTHERS_ANSWERED = 2
"""Connections to an address that were answered directly after one was cut off, so that no limit held then."""

LONG_AGO = 1e9
"""Seconds since a connection that was never made."""


@dataclass(frozen=True)
class TimedConnection:
    """Hold one TCP connection to an endpoint's address. `cut_off`: it is an attempt that was cut off."""

    address: str
    begun: float
    ended: float
    answered: bool
    cut_off: bool = False
    own: bool = False
    """It is of the endpoint and the address that the question is about."""


@dataclass(frozen=True)
class _Spaced:
    """Hold a connection with the seconds since the one before in a scope, and since the last answered one."""

    connection: TimedConnection
    since_any: float
    since_answered: float


def may_be_limited(address: str, connections: Sequence[TimedConnection]) -> bool:
    """Return whether such a limit explains that all own attempts at the address were cut off.

    The connections are in the order of their begin. The limit may be that of an address, of its network, or of all
    servers for a client of this family.
    """
    at_address = [one for one in connections if one.address == address]
    in_network = [one for one in connections if network_of(one.address) == network_of(address)]
    of_family = [one for one in connections if (":" in one.address) == (":" in address)]
    if _fails_after_rest(connections) or _answers_others(at_address):
        return False
    return _explains(at_address) or _explains(in_network) or _explains(of_family, before=BESIDE)


def _fails_after_rest(connections: Sequence[TimedConnection]) -> bool:
    """Return whether any attempt of the measurement was cut off after a rest, so that no limit is at fault."""
    families = ([one for one in connections if (":" in one.address) == v6] for v6 in (False, True))
    spaced = (one for of_family in families for one in _spaced(of_family))
    return any(one.connection.cut_off and REST <= one.since_any < inf for one in spaced)


def _answers_others(at_address: Sequence[TimedConnection]) -> bool:
    """Return whether the address answered other connections directly after the last own one was cut off."""
    last = max((number for number, one in enumerate(at_address) if _counts(one)), default=len(at_address))
    after = [one for one in at_address[last + 1 :] if one.answered]
    return sum(one.begun <= at_address[last].ended + BESIDE for one in after) >= OTHERS_ANSWERED


def _explains(connections: Sequence[TimedConnection], before: float = 0.0) -> bool:
    """Return whether a limit of all these servers explains it. `before`: seconds before it in which answers count.

    A limit may allow several connections first, and more much later. Servers in several networks hardly share one.
    """
    spaced = list(_spaced(connections))
    numbers = [number for number, one in enumerate(connections) if _counts(one)]
    failed = [spaced[number] for number in numbers]
    if not failed or any(one.since_any >= REST or one.since_answered == inf for one in failed):
        return False
    longest = max(one.since_any for one in failed), max(one.since_answered for one in failed)
    since, until = failed[0].connection.begun - before, failed[-1].connection.ended + BESIDE
    later = spaced if before else spaced[numbers[0] :]
    near = [one for one in later if one.connection.answered and since <= one.connection.begun <= until]
    return not any(one.since_any <= longest[0] and one.since_answered <= longest[1] for one in near)


def _counts(connection: TimedConnection) -> bool:
    return connection.cut_off and connection.own


def _spaced(connections: Iterable[TimedConnection]) -> Iterator[_Spaced]:
    begun = answered = -inf
    for one in connections:
        yield _Spaced(one, one.begun - begun, one.begun - answered)
        begun = one.begun
        answered = one.begun if one.answered else answered

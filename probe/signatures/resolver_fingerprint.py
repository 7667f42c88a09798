"""Compare the TTL and flags of an answer with those of the resolver's other answers.

An injector is at another distance and runs other software (Hold-On, Duan et al., SATIN 2012). A difference makes an
answer doubtful, but is no proof, because a resolver may consist of several machines.
"""

from collections.abc import Collection
from dataclasses import dataclass

USUAL_TTL = 64  # stands in records for the TTL with which the resolver's usual answers arrive
HOPS_APART = 3  # received TTLs of one resolver's machines differ by less
_OF_THE_SERVER = frozenset({"AA", "RA"})  # flags that depend on the server and not on the query


def relative_ttl(ip_ttl: int, usual: int) -> int:
    """Return a received TTL as it would be if the usual one were USUAL_TTL, from 1 to 255. Both are from 1 to 255.

    The resolver is often the user's router, and its TTL shows its system. Comparisons need only differences. The values
    are a circle, so that different TTLs stay different.
    """
    return (ip_ttl - usual + USUAL_TTL - 1) % 255 + 1


@dataclass(frozen=True)
class ResolverPrint:
    """Hold the received TTL (0 if unknown) and the flags of an answer."""

    ip_ttl: int
    flags: frozenset[str]

    def unlike(self, ip_ttl: int, flags: Collection[str]) -> bool:
        """Return whether an answer with this TTL and these flags seems to come from another machine."""
        apart = bool(self.ip_ttl and ip_ttl) and abs(self.ip_ttl - ip_ttl) >= HOPS_APART
        return apart or (self.flags ^ set(flags)) & _OF_THE_SERVER != frozenset()


def print_of(fact: object) -> ResolverPrint | None:
    """Return the fingerprint that preflight recorded for the system resolver, None if it is missing or malformed."""
    if not isinstance(fact, dict):
        return None
    ip_ttl, flags = fact.get("ip_ttl"), fact.get("flags")
    if not isinstance(flags, list) or not flags:
        return None
    known = ip_ttl if isinstance(ip_ttl, int) and not isinstance(ip_ttl, bool) and 0 < ip_ttl < 256 else 0
    return ResolverPrint(known, frozenset(flag for flag in flags if isinstance(flag, str)))

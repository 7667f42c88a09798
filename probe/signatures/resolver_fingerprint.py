"""How a resolver's answers look on the wire, and whether one looks as if another box had written it.

Whoever answers in a resolver's name stands elsewhere and runs other software (reference: peers.md 2.1, Hold-On 2012).
That makes an answer doubtful and proves nothing by itself: a resolver may be several machines.
"""

from collections.abc import Collection
from dataclasses import dataclass

HOPS_APART = 3  # received TTLs of the machines of one resolver lie closer together than this
_OF_THE_SERVER = frozenset({"AA", "RA"})  # the flags that depend on who answers, and on nothing in the question


@dataclass(frozen=True)
class ResolverPrint:
    """The received TTL (0: unknown) and the flags of an answer."""

    ip_ttl: int
    flags: frozenset[str]

    def unlike(self, ip_ttl: int, flags: Collection[str]) -> bool:
        """Say whether an answer with this TTL and these flags seems to come from another box."""
        apart = bool(self.ip_ttl and ip_ttl) and abs(self.ip_ttl - ip_ttl) >= HOPS_APART
        return apart or (self.flags ^ set(flags)) & _OF_THE_SERVER != frozenset()


def print_of(fact: object) -> ResolverPrint | None:
    """Read what preflight wrote down of the system's resolver; None where it wrote nothing that can be used."""
    if not isinstance(fact, dict):
        return None
    ip_ttl, flags = fact.get("ip_ttl"), fact.get("flags")
    if not isinstance(flags, list) or not flags:
        return None
    known = ip_ttl if isinstance(ip_ttl, int) and not isinstance(ip_ttl, bool) and 0 < ip_ttl < 256 else 0
    return ResolverPrint(known, frozenset(flag for flag in flags if isinstance(flag, str)))

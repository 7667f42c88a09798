"""Name the form of an answer about a name: an address, or what filters of names give in its place."""

import ipaddress
from collections.abc import Collection
from typing import Literal

from probe.formats import failures as f

AnswerForm = Literal["address", "null", "loopback", "private", "nxdomain", "no_answer", "refused", "other"]
"""What an answer has: public addresses, 0.0.0.0 or ::, a loopback or private address, or one of these failures."""

FILTERED = frozenset({"null", "loopback", "private", "nxdomain", "no_answer", "refused"})
"""Forms that a name with public addresses has only where its answers are false."""

ENOUGH = 3  # names of advertising. They belong to different operators, and a censor may block one of them

MADE_UP = frozenset({"null", "loopback"})
"""Forms of addresses that no server can have."""

SHORT_TTL = 10  # seconds
"""Filters let made-up addresses be kept so long at most: Pi-hole 2 s, AdGuard Home 10 s.

https://docs.pi-hole.net/ftldns/blockingmode and https://gist.github.com/scott0228/66fb196fd3c523d9a02fe2fc797d03b8,
opened 2026-12-01.
"""

_FAILURES: dict[str, AnswerForm] = {
    f.DNS_NXDOMAIN: "nxdomain",
    f.DNS_NO_ANSWER: "no_answer",
    f.DNS_REFUSED: "refused",
}
FIRST_TTLS = (64, 128, 255)  # with which Linux (RFC 1700), Windows and many routers send packets


def form_of(failure: str | None, addresses: Collection[str]) -> AnswerForm:
    """Return the form of an answer. Addresses of different forms are "other"."""
    if failure is not None:
        return _FAILURES.get(failure, "other")
    forms = {_form_of_address(address) for address in addresses}
    return forms.pop() if len(forms) == 1 else "other" if forms else "no_answer"


def _form_of_address(address: str) -> AnswerForm:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "other"
    if ip.is_unspecified:
        return "null"
    if ip.is_loopback:
        return "loopback"
    return "address" if ip.is_global else "private"


def hops_travelled(ttl: int) -> int:
    """Return how many routers lowered a TTL, if the sender began with one of FIRST_TTLS."""
    return min(first for first in FIRST_TTLS if first >= ttl) - ttl

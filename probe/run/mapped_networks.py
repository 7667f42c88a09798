"""Compare the address that a STUN server saw us at with the one that a test helper saw (RFC 8489, 14.2).

A gateway that writes another address into the answers leads calls astray. Providers give a client several addresses of
their own network, so that only the networks (AS) are compared. The addresses themselves are never written.
"""

import ipaddress
from collections.abc import Iterable
from typing import Literal

from probe.formats.exchanges.calls import STUNExchange
from probe.session.session import Session
from probe.session.trace import Trace
from probe.targets.target import family_of


def note_mapped_networks(trace: Trace, session: Session) -> None:
    """Write into each STUN entry whose network the mapped address is of. A helper knows only what is private."""
    for entry in trace.entries:
        if isinstance(entry, STUNExchange) and entry.mapped is not None:
            entry.mapped_network = _compared(entry.mapped, session.helpers_saw(), session)


def _compared(mapped: str, seen: Iterable[str], session: Session) -> Literal["same", "other", "private"] | None:
    """Return the comparison, None if no helper saw an address of this family, or if a network is unknown."""
    if not ipaddress.ip_address(mapped).is_global:
        return "private"
    others = [address for address in seen if family_of(address) == family_of(mapped)]
    if mapped in others:
        return "same"
    networks, own = {session.asn_of(address) for address in others}, session.asn_of(mapped)
    if not own or not networks or 0 in networks:
        return None
    return "same" if own in networks else "other"

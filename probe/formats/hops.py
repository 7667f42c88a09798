"""Where on the path: which routers answer, and from which TTL on a payload is interfered with."""

from typing import ClassVar, Literal

from pydantic import Field

from probe.formats.entries import Entry, Part
from probe.formats.field_notes import ASN, Count, Hops, Seconds

PayloadKind = Literal["tls", "http", "quic", "stun", "sip", "dns"]
"""What the limited packet carried: the layer, and so the mechanisms, that its distance is of."""

PATHWIDE: frozenset[PayloadKind] = frozenset({"dns", "stun", "sip"})
"""Payloads on which a middlebox acts at any server's address: one search holds for all services of a measurement."""

Outcome = Literal["expired", "silent", "reset", "closed", "answered"]
"""expired: a router said that the packet came no further, and nothing else came · silent: nothing came, though it was
sent twice · reset, closed, answered: somebody acted on a packet that could not reach the server."""


class Hop(Part):
    """One distance on the path. An address near the volunteer is never here: see probe/nearby.py."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"round_trip"})

    ttl: Hops  # how far the packet was let go
    answered: bool  # ICMP time exceeded came
    late: bool = False  # not to the first packet: the router tells few errors in a second, or one was lost
    address: str | None = None  # the router's; null where it is silent, private, or near the volunteer
    asn: ASN | None = None  # the network of the address
    round_trip: Seconds | None = None  # until its word came


class PathSweep(Entry):
    """One sweep of harmless packets with rising TTL, all of one flow: SYNs, or datagrams of no protocol."""

    LIST: ClassVar[str] = "path_sweeps"
    OPERATION: ClassVar[str] = "path_sweep"

    address: str  # "192.0.2.1:443"
    transport: Literal["tcp", "udp"]  # SYNs or datagrams
    hops: list[Hop] = Field(default_factory=list)  # from TTL 1 on, as far as a router answered
    end: Literal["", "connected", "refused", "unreachable", "answered"] = ""  # what the end said; "": it was never met
    end_ttl: Hops | None = None  # the smallest TTL at which the end answered
    flow_stable: bool = True  # all packets left from one port, so that load balancers kept them on one path


class Distance(Part):
    """What became of the payload at one TTL."""

    ttl: Hops  # how far it was let go
    sent: Count = 0  # packets that left with this TTL
    outcome: Outcome = "silent"  # what came of it


class LimitedPayload(Entry):
    """One flow whose payload was sent with limited TTL, the smallest first. A failure: it could not be sent at all."""

    LIST: ClassVar[str] = "limited_payloads"
    OPERATION: ClassVar[str] = "limited_payload"

    address: str  # "192.0.2.1:443"
    transport: Literal["tcp", "udp"]  # what carries it
    payload: PayloadKind  # what it is
    distances: list[Distance] = Field(default_factory=list)  # one per TTL, in the order of sending

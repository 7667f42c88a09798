"""Where on the path: which routers answer, and from which TTL on a payload is interfered with."""

from typing import ClassVar, Literal

from pydantic import Field

from probe.formats.entries import Entry, Part

PayloadKind = Literal["tls", "http", "quic", "stun", "sip", "dns"]
"""What the limited packet carried: the layer, and so the mechanisms, that its distance is of."""

Outcome = Literal["expired", "silent", "reset", "closed", "answered"]
"""expired: a router said that the packet came no further, and nothing else came · silent: nothing came, though it was
sent twice · reset, closed, answered: somebody acted on a packet that could not reach the server."""


class Hop(Part):
    """One distance on the path. An address near the volunteer is never here: see probe/nearby.py."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"round_trip"})

    ttl: int
    answered: bool  # ICMP time exceeded came
    late: bool = False  # not to the first packet: the router tells few errors in a second, or one was lost
    address: str | None = None
    asn: int | None = None
    round_trip: float | None = None  # seconds


class PathSweep(Entry):
    """One sweep of harmless packets with rising TTL, all of one flow: SYNs, or datagrams of no protocol."""

    LIST: ClassVar[str] = "path_sweeps"
    OPERATION: ClassVar[str] = "path_sweep"

    address: str  # "192.0.2.1:443"
    transport: Literal["tcp", "udp"]
    hops: list[Hop] = Field(default_factory=list)  # from TTL 1 on
    end: Literal["", "connected", "refused", "unreachable", "answered"] = ""  # "": it was never met
    end_ttl: int | None = None  # the smallest TTL at which the end answered
    flow_stable: bool = True  # all packets left from one port, so that load balancers kept them on one path


class Distance(Part):
    """What became of the payload at one TTL."""

    ttl: int
    sent: int = 0  # packets that left with this TTL
    outcome: Outcome = "silent"


class LimitedPayload(Entry):
    """One flow whose payload was sent with limited TTL, the smallest first. A failure: it could not be sent at all."""

    LIST: ClassVar[str] = "limited_payloads"
    OPERATION: ClassVar[str] = "limited_payload"

    address: str
    transport: Literal["tcp", "udp"]
    payload: PayloadKind
    distances: list[Distance] = Field(default_factory=list)

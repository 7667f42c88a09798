"""Define the entries of a hop search: routers on the path, and the TTL at which a payload is interfered with."""

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field

from probe.formats.entries import Entry, Part, payload_kinds
from probe.formats.field_notes import ASN, Count, Hops, Seconds

LedKind = Literal["smtp", "imap", "inside_tls"]
ComparingKind = Literal["frozen", "kept", "media"]


def _list_payload_kinds(schema: dict[str, Any]) -> None:
    kinds = (*get_args(LedKind), *get_args(ComparingKind), "tls", "http", "quic")
    schema["enum"] = [*kinds, *payload_kinds(), "dns", "random", "syn", "datagram"]


PayloadKind = Annotated[str, Field(json_schema_extra=_list_payload_kinds)]
"""Payload of the packet with limited TTL. It decides which mechanisms the distance belongs to.

`smtp` and `imap` are the command that failed, after the dialogue before it took place with the usual TTL.
`inside_tls` is the end of a handshake and the first encrypted data of mail, STUN, TURN or SIP.
`random` bytes on a connection are of no protocol, like a `datagram`. A `syn` has none. `frozen` is an empty line on a
connection whose answer stopped, and `kept` on one that ended at some age. `media` are packets of a call to the test
helper, whose address is not recorded.
"""

Outcome = Literal["expired", "silent", "reset", "closed", "answered", "unreachable", "server_error"]
"""Result at one TTL.

- expired: only a router's ICMP time exceeded was received.
- silent: nothing was received after any of the packets with this TTL.
- reset, closed, answered: a middlebox acted on a packet that could not reach the server.
- unreachable: a router reported by ICMP that the packet may not or cannot go on.
- server_error: the same, with the server's own address as the sender, or an unknown one. It shows no distance.
"""

Quote = Literal["same", "swapped", "changed", "short", "none"]
"""Comparison of the payload that a router quotes in its ICMP error with the payload as it was sent.

- same: the quote is equal. What it leaves out is unknown.
- swapped: only the first two and the last two bytes are exchanged.
- changed: it differs otherwise.
- short: it has too few bytes, as only the header of UDP must be in it (RFC 792).
- none: no router reported the expired TTL.
"""


class Hop(Part):
    """Record one distance on the path. Addresses near the user are left out (probe/privacy/near_routers.py)."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"round_trip", "back"})

    ttl: Hops  # TTL of the packet
    answered: bool  # ICMP time exceeded was received
    late: bool = False  # only a repeated packet was answered, because of a rate limit or a loss
    address: str | None = None  # the router's, null if it is silent, private or near the user
    asn: ASN | None = None  # the network of the address
    round_trip: Seconds | None = None  # until its ICMP error was received
    back: Hops | None = Field(default=None, examples=[4])  # distance on the way back, by the TTL of its ICMP error


class PathSweep(Entry):
    """Hold innocuous packets of one flow with rising TTL: SYNs, or datagrams of no protocol."""

    LIST: ClassVar[str] = "path_sweeps"
    OPERATION: ClassVar[str] = "path_sweep"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"asymmetric"})

    address: str  # "192.0.2.1:443"
    transport: Literal["tcp", "udp"]  # SYNs or datagrams
    hops: list[Hop] = Field(default_factory=list)  # from TTL 1 to the last router that answered
    end: Literal["", "connected", "refused", "unreachable", "answered"] = ""  # the server's answer ("": none)
    end_ttl: Hops | None = None  # the smallest TTL at which the server answered
    flow_stable: bool = True  # all packets left from one port, so that load balancers kept them on one path
    asymmetric: bool | None = Field(default=None, examples=[True])
    """The ways back of two routers or more differ from the way to them by two hops or more. Null if no TTL is known."""


class Distance(Part):
    """Hold the result for the payload at one TTL."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"quote"})  # where quotes are not compared

    ttl: Hops  # TTL of the packet
    sent: Count = 0  # packets with this TTL after which a reaction was waited for
    outcome: Outcome = "silent"  # result
    quote: Quote | None = Field(default=None, examples=["same"])  # what the router received, null if not compared


class LimitedPayload(Entry):
    """Record one flow whose payload was sent with limited TTL, the smallest first. A failure: it was not sent."""

    LIST: ClassVar[str] = "limited_payloads"
    OPERATION: ClassVar[str] = "limited_payload"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"compared"})  # without packets that silence is compared with

    address: str  # "192.0.2.1:443"
    transport: Literal["tcp", "udp"]  # what carries it
    payload: PayloadKind  # its kind
    distances: list[Distance] = Field(default_factory=list)  # one per TTL, in the order of sending
    compared: list[Hops] | None = Field(default=None, examples=[[5]])
    """TTLs at which one router answered packets to several neutral hosts, behind the last one of this path too.

    For `frozen` and `kept`: TTLs whose router answered packets of the same connection before it stopped, and a SYN
    afterwards. For other payloads that are dropped: the TTL whose router answered four of five packets without a name
    beside this flow. It is empty in flows without such packets. For `media`: the TTL whose router answered random
    packets beside.
    """

"""Define the entry of packets with TTL 1: they show what reacts on this computer or at the first hop."""

from typing import ClassVar, Literal

from pydantic import Field

from probe.formats.entries import Entry, Part
from probe.formats.field_notes import Count, Seconds

NearOutcome = Literal["expired", "silent", "connected", "reset", "unreachable", "not_sent"]
"""Result of one packet with TTL 1.

- expired: a router reported that the TTL ended (ICMP time exceeded).
- silent: nothing was received.
- connected, reset, unreachable: an answer, a reset or another ICMP error was received.
- not_sent: the system's own call failed, so that no packet was sent.
"""

NearSender = Literal["", "own", "router", "provider", "other"]
"""Sender of an ICMP error. Its address is near the user and is not recorded.

- own: an address of this computer.
- router: the gateway, with a private address (192.168.0.0/16) in a network that is neither a tunnel nor a modem.
- provider: a public IPv4 address, or one of a provider's shared space (RFC 6598).
- other: any other address, whose owner is not known. Empty without an ICMP error.
"""


class NearPacket(Part):
    """Record one SYN or datagram with TTL 1."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"seconds", "failure"})

    to: Literal["target", "neutral"] = Field(examples=["target"])  # the address that failed, or a neutral host's
    outcome: NearOutcome = Field(examples=["expired"])  # result
    at_once: bool = Field(default=False, examples=[True])
    """The system knew the result when its call returned, and the probe ran without a pause until then. No packet can
    come back so soon.
    """
    sender: NearSender = Field(default="", examples=["router"])  # sender of the ICMP error
    seconds: Seconds | None = Field(default=None, examples=[0.0031])  # until the result
    failure: str | None = Field(default=None, examples=["permission_denied"])  # of the system's own call


class NearReaction(Entry):
    """Record packets with TTL 1 to an address that failed and to a neutral host, in turn. No packet has a name.

    The first and the last packet go to the neutral host. Routers behind the first one cannot receive any of them. A
    silent packet was sent twice.
    """

    LIST: ClassVar[str] = "near_reactions"
    OPERATION: ClassVar[str] = "near_reaction"
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {"datagram_refused", "burst", "burst_answered", "burst_not_sent", "beside_not_sent"}
    )

    address: str = Field(examples=["192.0.2.1:443"])  # "192.0.2.1:443"
    transport: Literal["tcp", "udp"] = Field(examples=["tcp"])  # SYNs or datagrams
    packets: list[NearPacket] = Field(default_factory=list)  # in the order of sending
    datagram_refused: bool | None = Field(default=None, examples=[True])
    """After silent SYNs: the system refused a datagram to the same address and port, and sent one to the neutral host.
    """
    burst: Count | None = Field(default=None, examples=[16])
    """SYNs that were open to the address side by side, while the system repeated each once."""
    burst_answered: Count | None = Field(default=None, examples=[1])  # those of them with any result
    burst_not_sent: Count | None = Field(default=None, examples=[16])
    """Repeated segments of all programs that the system could not send in this time (Linux: TCPRetransFail)."""
    beside_not_sent: Count | None = Field(default=None, examples=[1])  # the same in an equal time before

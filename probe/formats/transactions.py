"""Define the transaction: a chain of steps on one connection. Entries refer to it by `transaction_id`."""

from typing import ClassVar, Literal

from pydantic import Field

from probe.formats.entries import Part
from probe.formats.field_notes import Bytes, Count, Ordinal, Port, Public, Seconds
from probe.formats.followups import FollowUp
from probe.formats.network_facts import LoadBefore

Kind = Literal["lookup", "first", "innocuous", "confirm", "followup"]
"""Purpose of a transaction.

- lookup: a DNS query of the first pass.
- first: the target's own name or payload, in the first pass.
- innocuous: an innocuous name to the same address, in the first pass before the own name.
- confirm: the one longer repeat after a failure or a doubtful answer, and one beside the helper's second measurement.
- followup: caused by a failure, see probe/formats/followups/.
"""

Family = Literal[0, 4, 6]
"""Address family, 0 where there is no address."""


class StreamEnd(Part):
    """Record how far a TCP or QUIC connection got until its transaction ended.

    Bytes are those of the payload of TCP or UDP, TLS included. What this system's kernel does not tell is null. If an
    answer stopped, the path was tested: over TCP by an empty line, over QUIC by PING frames (RFC 9000, 19.2). Over QUIC
    all counts end at the last packet that came before that test, and a segment is a datagram.
    """

    OMITTED: ClassVar[frozenset[str]] = frozenset({"ping_acknowledged"})

    bytes_received: Bytes = Field(default=0, examples=[16947])  # read from the connection
    bytes_sent: Bytes = Field(default=0, examples=[1985])  # written to the connection
    bytes_after_sent: Bytes = Field(default=0, examples=[15022])
    """Received after the last write, so those of the last answer."""
    reads: Count = Field(default=0, examples=[5])  # reads that returned bytes
    last_byte: Seconds = Field(default=0.0, examples=[0.059431])
    """From the connect, over QUIC from the first datagram, to the last received byte, 0 without one."""
    silence: Seconds = Field(default=0.0, examples=[10.831168])  # without a byte at the end
    segment_size: Bytes | None = Field(default=None, examples=[1448])  # longest payload of a segment
    bytes_acked: Bytes | None = Field(default=None, examples=[1962])
    """Sent bytes that the peer acknowledged, the SYN counted as one."""
    segments_in: Count | None = Field(default=None, examples=[17])
    """Received before the path was tested, those without payload included."""
    segments_out: Count | None = Field(default=None, examples=[11])
    """Sent before the path was tested, those without payload and repetitions included."""
    retransmissions: Count | None = Field(default=None, examples=[2])  # segments that were sent again, SYNs included
    ping_acknowledged: bool | None = Field(default=None, examples=[True])
    """Over QUIC: whether the peer acknowledged a PING frame after an answer stopped. Absent if none was sent."""


class TransactionRecord(Part):
    """Record one transaction in `x_transactions`."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"stream", "load"})

    transaction_id: Ordinal  # from 1, in the order of their start, flows of the whole run last
    service: Public[str] = ""  # the role: "web", "" for a lookup of several services
    endpoint: Public[str] = ""  # the endpoint's URL in the target file, "" for lookups
    kind: Kind  # its purpose
    followup: FollowUp = ""  # the follow-up, "" for other kinds
    cause: Ordinal | None = None  # the transaction that caused this follow-up or confirmation
    hostname: str = ""  # the queried name of lookups and DNS follow-ups
    address: str = ""  # contacted IP address without port, "system" for the system resolver
    port: Port = 0  # 0 where no port was involved
    family: Family = 0  # of the address (0: none)
    address_sources: list[str] = Field(default_factory=list)
    """Sources of the address: "literal" (target file), "system", "udp", "dot", "doh" (public resolvers), "control"."""
    corroborated: bool = False  # literal, or a trusted source (DoT, DoH, control) gave it or one of its AS
    sent_name: str = ""  # the name in the SNI, Host header or query
    in_residual: bool = False
    """An innocuous flow in the residual window of an earlier trigger to its address and port.

    Also a failed flow without a name in the residual window of a trigger to another port of the address.
    """
    trigger: bool = False  # a target's name or payload passed the first hop
    steps: list[str] = Field(default_factory=list)  # successful operations, in order
    failed_operation: str | None = None  # the failed step, null for success
    failure: str | None = None  # failure of that step
    t0: Seconds = 0.0  # when the first step began, since the measurement began
    t: Seconds = 0.0  # when it ended
    stream: StreamEnd | None = None  # how far its TCP or QUIC connection got, absent without one
    load: list[LoadBefore] | None = None
    """Scopes in which flows passed before this one failed, and none since. Absent without any."""

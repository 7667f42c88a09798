"""A packet of one of our own flows, as the wire showed it (`x_packets`): what the kernel keeps from a socket."""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from probe.formats.entries import BinaryData, Part
from probe.formats.field_notes import Bytes, Code, Hops, Ordinal, Port, Seconds


class PacketRecord(Part):
    """One SYN/ACK, RST, ICMP error or DNS packet. Our own address is never in it; `quoted` has it zeroed."""

    t: Seconds  # seconds since the measurement began, as the entries'
    transaction_id: Ordinal  # whose flow it is of, in x_transactions
    direction: Literal["in", "out"]  # as seen from here
    kind: Literal["synack", "rst", "icmp", "dns"]  # no other packet is kept
    address: str  # the flow's other end
    port: Port  # the other end's
    sender: str = ""  # of an ICMP error that somebody else than the other end sent; "" also for private addresses
    ttl: Hops  # left on arrival; hop limit in IPv6
    ipid: Code | None = None  # IPv4 only
    window: Bytes | None = None  # TCP only, unscaled
    flags: str = ""  # TCP's, as letters: "SA", "R", "RA"
    sequence: Code | None = None  # TCP's
    acknowledgment: Code | None = None  # TCP's
    length: Bytes = 0  # bytes of payload behind the TCP or UDP header
    icmp_type: Code | None = Field(default=None, examples=[3])  # RFC 792, RFC 4443
    icmp_code: Code | None = Field(default=None, examples=[13])  # RFC 792, RFC 4443
    quoted: BinaryData | None = None  # what the ICMP error quotes of our packet

    OMITTED = frozenset({"ipid", "window", "sequence", "acknowledgment", "icmp_type", "icmp_code", "quoted"})
    model_config = Part.model_config | {"frozen": True}


@dataclass(frozen=True, slots=True)
class Flow:
    """A socket of ours, by which raw packets are found; it goes into no file.

    `since` is on the machine's monotonic clock: ports are used again.
    """

    protocol: Literal["tcp", "udp"]
    local_port: int
    address: str
    port: int
    transaction_id: int
    since: float = 0.0

"""A packet of one of our own flows, as the wire showed it (`x_packets`): what the kernel keeps from a socket."""

from dataclasses import dataclass
from typing import Literal

from probe.formats.entries import BinaryData, Part


class PacketRecord(Part):
    """One SYN/ACK, RST, ICMP error or DNS packet. Our own address is never in it; `quoted` has it zeroed."""

    t: float  # seconds since the measurement began, as the entries'
    transaction_id: int
    direction: Literal["in", "out"]
    kind: Literal["synack", "rst", "icmp", "dns"]
    address: str  # the flow's other end
    port: int
    sender: str = ""  # of an ICMP error that somebody else than the other end sent; "" also for private addresses
    ttl: int  # hop limit in IPv6
    ipid: int | None = None  # IPv4 only
    window: int | None = None  # TCP only
    flags: str = ""  # TCP's, as letters: "SA", "R", "RA"
    sequence: int | None = None
    acknowledgment: int | None = None
    length: int = 0  # bytes of payload behind the TCP or UDP header
    icmp_type: int | None = None
    icmp_code: int | None = None
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

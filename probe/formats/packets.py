"""A packet of one of our own flows, as the wire showed it (`x_packets`): what the kernel keeps from a socket."""

from typing import Literal

from pydantic import Field

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


class Flow(Part):
    """A socket of ours: (protocol, our port, their address, their port), and the transaction that opened it."""

    protocol: Literal["tcp", "udp"]
    local_port: int = Field(ge=0, le=65535)
    address: str
    port: int
    transaction_id: int
    since: float = 0.0  # on the machine's monotonic clock: ports are used again

"""Define the record of a raw packet of our own flows (`x_packets`), with fields that a socket does not show."""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from probe.formats.entries import BinaryData, Part
from probe.formats.field_notes import Bytes, Code, Hops, Ordinal, Port, Seconds


class PacketRecord(Part):
    """Record one SYN/ACK, RST, ICMP error or DNS packet, never with our own address (zero in `quoted`)."""

    t: Seconds  # since the measurement began
    transaction_id: Ordinal  # transaction of its flow, in x_transactions
    direction: Literal["in", "out"]  # as seen from the probe
    kind: Literal["synack", "rst", "icmp", "dns"]  # other packets are not kept
    address: str  # address of the flow's other end
    port: Port  # port of the flow's other end
    sender: str = ""  # sender of an ICMP error if it is not the other end, "" for private addresses
    ttl: Hops  # TTL or hop limit on arrival
    ipid: Code | None = None  # IPv4 only, and of no received reset, where some censors code our address in it
    dont_fragment: bool | None = Field(
        default=None, examples=[True]
    )  # flag DF of a received reset over IPv4 (RFC 791, section 3.1)
    device_print: str | None = Field(default=None, examples=["print.tsg"])
    """Family of devices whose resets have such fields (`probe/signatures/device_prints.py`). It proves nothing."""
    window: Bytes | None = None  # TCP only, unscaled
    flags: str = ""  # TCP's, as letters: "SA", "R", "RA"
    sequence: Code | None = None  # TCP's
    acknowledgment: Code | None = None  # TCP's
    length: Bytes = 0  # payload after the TCP or UDP header
    icmp_type: Code | None = Field(default=None, examples=[3])  # RFC 792, RFC 4443
    icmp_code: Code | None = Field(default=None, examples=[13])  # RFC 792, RFC 4443
    quoted: BinaryData | None = None  # the part of our packet that the ICMP error quotes

    OMITTED = frozenset(
        {"ipid", "dont_fragment", "device_print", "window", "sequence", "acknowledgment", "icmp_type", "icmp_code"}
        | {"quoted"}
    )
    model_config = Part.model_config | {"frozen": True}


@dataclass(frozen=True, slots=True)
class Flow:
    """Identify one of our sockets, so that its raw packets are found. It is not recorded.

    `since` is on the machine's monotonic clock, because ports are used again. Packets of a flow with `hidden` are in no
    record, because they show the TTLs of the user's router.
    """

    protocol: Literal["tcp", "udp"]
    local_port: int
    address: str
    port: int
    transaction_id: int
    since: float = 0.0
    hidden: bool = False

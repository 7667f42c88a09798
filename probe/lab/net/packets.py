"""A read-only view of one IP packet, and (from `crafting`) the builders that go with it.

    packet = Packet(raw)
    packet.src, packet.dst          textual addresses; packet.source, packet.destination: their bytes
    packet.ttl, packet.protocol     the hop limit; 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6 (IPv6 extension headers skipped)
    packet.sport, packet.dport      0 where there are none (ICMP, later fragments)
    packet.tcp_flags, .seq, .ack    0 unless TCP;  packet.payload: what TCP, UDP or ICMP carries
    packet.raw                      the bytes; `with_ttl(raw, n)` gives the same packet with another TTL

Parsing is lazy: a censor that looks at addresses only pays for addresses only.
"""

from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop

from probe.lab.net.checksums import adjusted
from probe.lab.net.crafting import (
    ACK,
    FIN,
    ICMP,
    ICMPV6,
    PSH,
    RST,
    SYN,
    TCP,
    UDP,
    host_unreachable,
    icmp_error,
    icmp_packet,
    ip_packet,
    network_unreachable,
    packed,
    port_unreachable,
    prohibited,
    tcp_packet,
    time_exceeded,
    udp_packet,
)

__all__ = [
    "ACK",
    "FIN",
    "ICMP",
    "ICMPV6",
    "PSH",
    "RST",
    "SYN",
    "TCP",
    "UDP",
    "Malformed",
    "Packet",
    "host_unreachable",
    "icmp_error",
    "icmp_packet",
    "ip_packet",
    "network_unreachable",
    "packed",
    "port_unreachable",
    "prohibited",
    "tcp_packet",
    "text",
    "time_exceeded",
    "udp_packet",
    "with_ttl",
]

EXTENSION_HEADERS = frozenset({0, 43, 60})  # hop-by-hop, routing, destination options (RFC 8200 4)
FRAGMENT = 44


class Malformed(ValueError):
    """These bytes are no IP packet that a router would forward."""


@lru_cache(maxsize=4096)
def text(address: bytes) -> str:
    """The textual form of 4 or 16 address bytes."""
    return inet_ntop(AF_INET if len(address) == 4 else AF_INET6, address)


def with_ttl(raw: bytes, ttl: int) -> bytes:
    """The same packet with another TTL (hop limit), its header checksum kept right."""
    if raw[0] >> 4 == 6:
        return raw[:7] + bytes((ttl,)) + raw[8:]
    change = ((ttl - raw[8]) << 8) % 0xFFFF
    value = adjusted(raw[10] << 8 | raw[11], change)
    return raw[:8] + bytes((ttl, raw[9], value >> 8, value & 0xFF)) + raw[12:]


def _sixth_transport(raw: bytes) -> tuple[int, int, bool]:
    """Protocol, offset of the transport header, and whether this is a later fragment, of an IPv6 packet."""
    protocol, offset, later = raw[6], 40, False
    while (protocol in EXTENSION_HEADERS or protocol == FRAGMENT) and len(raw) >= offset + 8:
        if protocol == FRAGMENT:
            later = bool((raw[offset + 2] << 8 | raw[offset + 3]) & 0xFFF8)
            length = 8
        else:
            length = 8 * (raw[offset + 1] + 1)
        protocol, offset = raw[offset], offset + length
        if later:
            break
    return protocol, offset, later


class Packet:
    """One IP packet; `raw` never changes. Raises `Malformed` when the header is not whole."""

    __slots__ = ("later_fragment", "offset", "protocol", "raw", "version")

    raw: bytes
    version: int
    protocol: int
    offset: int  # where the transport header begins
    later_fragment: bool  # carries no transport header

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.version = raw[0] >> 4 if raw else 0
        if self.version == 4 and len(raw) >= 20:
            self.protocol = raw[9]
            self.offset = (raw[0] & 0x0F) * 4
            self.later_fragment = bool((raw[6] << 8 | raw[7]) & 0x1FFF)
        elif self.version == 6 and len(raw) >= 40:
            self.protocol, self.offset, self.later_fragment = _sixth_transport(raw)
        else:
            raise Malformed(f"no IP header in {len(raw)} bytes")

    def __repr__(self) -> str:
        return f"<{self.src}:{self.sport} > {self.dst}:{self.dport} protocol {self.protocol} ttl {self.ttl}>"

    @property
    def source(self) -> bytes:
        """The sender's address, 4 or 16 bytes."""
        return self.raw[12:16] if self.version == 4 else self.raw[8:24]

    @property
    def destination(self) -> bytes:
        """The receiver's address, 4 or 16 bytes."""
        return self.raw[16:20] if self.version == 4 else self.raw[24:40]

    @property
    def src(self) -> str:
        """The sender's address as text."""
        return text(self.source)

    @property
    def dst(self) -> str:
        """The receiver's address as text."""
        return text(self.destination)

    @property
    def ttl(self) -> int:
        """TTL (IPv4) or hop limit (IPv6)."""
        return self.raw[8] if self.version == 4 else self.raw[7]

    def _number(self, offset: int, size: int) -> int:
        start = self.offset + offset
        return 0 if self.later_fragment else int.from_bytes(self.raw[start : start + size], "big")

    @property
    def is_tcp(self) -> bool:
        """Whether a TCP header can be read here."""
        return self.protocol == TCP and not self.later_fragment and len(self.raw) >= self.offset + 20

    @property
    def is_udp(self) -> bool:
        """Whether a UDP header can be read here."""
        return self.protocol == UDP and not self.later_fragment and len(self.raw) >= self.offset + 8

    @property
    def sport(self) -> int:
        """The sender's port of TCP or UDP, else 0."""
        return self._number(0, 2) if self.protocol in (TCP, UDP) else 0

    @property
    def dport(self) -> int:
        """The receiver's port of TCP or UDP, else 0."""
        return self._number(2, 2) if self.protocol in (TCP, UDP) else 0

    @property
    def seq(self) -> int:
        """TCP's sequence number, else 0."""
        return self._number(4, 4) if self.protocol == TCP else 0

    @property
    def ack(self) -> int:
        """TCP's acknowledgement number, else 0."""
        return self._number(8, 4) if self.protocol == TCP else 0

    @property
    def tcp_flags(self) -> int:
        """TCP's flags as on the wire (FIN 1, SYN 2, RST 4, PSH 8, ACK 16), else 0."""
        return self._number(13, 1) if self.protocol == TCP else 0

    @property
    def window(self) -> int:
        """TCP's window as on the wire, unscaled, else 0."""
        return self._number(14, 2) if self.protocol == TCP else 0

    @property
    def icmp_type(self) -> int | None:
        """The type of an ICMP or ICMPv6 message, else None."""
        return self._number(0, 1) if self.protocol in (ICMP, ICMPV6) and not self.later_fragment else None

    @property
    def is_icmp_error(self) -> bool:
        """Whether this reports an error about another packet; such a packet causes no error itself (RFC 1122 3.2.2)."""
        kind = self.icmp_type
        return kind is not None and (kind < 128 if self.version == 6 else kind in (3, 4, 5, 11, 12))

    @property
    def tcp_options(self) -> bool:
        """Whether the TCP header is longer than its 20 bytes (RFC 9293 3.1)."""
        return self.is_tcp and self.raw[self.offset + 12] >> 4 > 5

    @property
    def payload(self) -> bytes:
        """What TCP or UDP carries; the body after the first 8 bytes of ICMP; all of it for anything else."""
        return self.raw[self.offset + self._header_length() : self._end()]

    def _header_length(self) -> int:
        if self.later_fragment:
            return 0
        if self.protocol == TCP:
            return max(20, (self._number(12, 1) >> 4) * 4)
        return 8 if self.protocol in (UDP, ICMP, ICMPV6) else 0

    def _end(self) -> int:
        """Where the packet ends by its own header: an Ethernet frame pads short ones."""
        length = self.raw[2] << 8 | self.raw[3] if self.version == 4 else 40 + (self.raw[4] << 8 | self.raw[5])
        return min(length, len(self.raw))

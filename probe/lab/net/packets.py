"""Read the fields of one IP packet. The functions of `crafting`, which build packets, are exported here too.

    packet = Packet(raw)
    packet.src, packet.dst          addresses as text, and as bytes in packet.source and packet.destination
    packet.ttl, packet.protocol     the hop limit. 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6 (IPv6 extension headers skipped)
    packet.sport, packet.dport      0 where there are none (ICMP, later fragments)
    packet.tcp_flags, .seq, .ack    0 unless TCP
    packet.payload, packet.raw      the payload of TCP, UDP or ICMP, and the whole packet

Fields are parsed on access, since each forwarded packet gets such a view.
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
    """Report bytes that are no IP packet."""


@lru_cache(maxsize=4096)
def text(address: bytes) -> str:
    """Return the textual form of 4 or 16 address bytes."""
    return inet_ntop(AF_INET if len(address) == 4 else AF_INET6, address)


def with_ttl(raw: bytes, ttl: int) -> bytes:
    """Return the packet with another TTL (hop limit) and an updated header checksum."""
    if raw[0] >> 4 == 6:
        return raw[:7] + bytes((ttl,)) + raw[8:]
    change = ((ttl - raw[8]) << 8) % 0xFFFF
    value = adjusted(raw[10] << 8 | raw[11], change)
    return raw[:8] + bytes((ttl, raw[9], value >> 8, value & 0xFF)) + raw[12:]


def _ipv6_transport(raw: bytes) -> tuple[int, int, bool]:
    """Return protocol and offset of the transport header of an IPv6 packet, and if this is a later fragment."""
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
    """Hold one IP packet, whose `raw` never changes. Raises Malformed when the header is incomplete."""

    __slots__ = ("later_fragment", "offset", "protocol", "raw", "version")

    raw: bytes
    version: int
    protocol: int
    offset: int  # of the transport header
    later_fragment: bool  # carries no transport header

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.version = raw[0] >> 4 if raw else 0
        if self.version == 4 and len(raw) >= 20:
            self.protocol = raw[9]
            self.offset = (raw[0] & 0x0F) * 4
            self.later_fragment = bool((raw[6] << 8 | raw[7]) & 0x1FFF)
        elif self.version == 6 and len(raw) >= 40:
            self.protocol, self.offset, self.later_fragment = _ipv6_transport(raw)
        else:
            raise Malformed(f"no IP header in {len(raw)} bytes")

    def __repr__(self) -> str:
        return f"<{self.src}:{self.sport} > {self.dst}:{self.dport} protocol {self.protocol} ttl {self.ttl}>"

    @property
    def source(self) -> bytes:
        """Return the source address, 4 or 16 bytes."""
        return self.raw[12:16] if self.version == 4 else self.raw[8:24]

    @property
    def destination(self) -> bytes:
        """Return the destination address, 4 or 16 bytes."""
        return self.raw[16:20] if self.version == 4 else self.raw[24:40]

    @property
    def src(self) -> str:
        return text(self.source)

    @property
    def dst(self) -> str:
        return text(self.destination)

    @property
    def ttl(self) -> int:
        """Return the TTL (IPv4) or hop limit (IPv6)."""
        return self.raw[8] if self.version == 4 else self.raw[7]

    def _number(self, offset: int, size: int) -> int:
        start = self.offset + offset
        return 0 if self.later_fragment else int.from_bytes(self.raw[start : start + size], "big")

    @property
    def is_tcp(self) -> bool:
        """Return True if the packet has a whole TCP header."""
        return self.protocol == TCP and not self.later_fragment and len(self.raw) >= self.offset + 20

    @property
    def is_udp(self) -> bool:
        """Return True if the packet has a whole UDP header."""
        return self.protocol == UDP and not self.later_fragment and len(self.raw) >= self.offset + 8

    @property
    def sport(self) -> int:
        """Return the source port of TCP or UDP, else 0."""
        return self._number(0, 2) if self.protocol in (TCP, UDP) else 0

    @property
    def dport(self) -> int:
        """Return the destination port of TCP or UDP, else 0."""
        return self._number(2, 2) if self.protocol in (TCP, UDP) else 0

    @property
    def seq(self) -> int:
        """Return the TCP sequence number, else 0."""
        return self._number(4, 4) if self.protocol == TCP else 0

    @property
    def ack(self) -> int:
        """Return the TCP acknowledgement number, else 0."""
        return self._number(8, 4) if self.protocol == TCP else 0

    @property
    def tcp_flags(self) -> int:
        """Return the TCP flags (FIN 1, SYN 2, RST 4, PSH 8, ACK 16), else 0."""
        return self._number(13, 1) if self.protocol == TCP else 0

    @property
    def window(self) -> int:
        """Return the unscaled TCP window, else 0."""
        return self._number(14, 2) if self.protocol == TCP else 0

    @property
    def icmp_type(self) -> int | None:
        """Return the type of an ICMP or ICMPv6 message, else None."""
        return self._number(0, 1) if self.protocol in (ICMP, ICMPV6) and not self.later_fragment else None

    @property
    def is_icmp_error(self) -> bool:
        """Return True for an ICMP error. An error must not cause another one (RFC 1122 3.2.2)."""
        kind = self.icmp_type
        return kind is not None and (kind < 128 if self.version == 6 else kind in (3, 4, 5, 11, 12))

    @property
    def tcp_options(self) -> bool:
        """Return True if the TCP header has options (RFC 9293 3.1)."""
        return self.is_tcp and self.raw[self.offset + 12] >> 4 > 5

    @property
    def payload(self) -> bytes:
        """Return the payload of TCP or UDP, the body after 8 bytes of ICMP, or the IP payload of other protocols."""
        return self.raw[self.offset + self._header_length() : self._end()]

    def _header_length(self) -> int:
        if self.later_fragment:
            return 0
        if self.protocol == TCP:
            return max(20, (self._number(12, 1) >> 4) * 4)
        return 8 if self.protocol in (UDP, ICMP, ICMPV6) else 0

    def _end(self) -> int:
        """Return the end of the packet by its own header. An Ethernet frame pads short packets."""
        length = self.raw[2] << 8 | self.raw[3] if self.version == 4 else 40 + (self.raw[4] << 8 | self.raw[5])
        return min(length, len(self.raw))

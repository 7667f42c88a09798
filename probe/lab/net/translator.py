"""Translate packets between IPv6 and IPv4, as NAT64 does (RFC 7915), with the user's one address on either side.

Not emulated: fragments and extension headers, which are dropped. The TTL stays, since the router decrements it.
"""

from probe.lab.net.checksums import adjusted, checksum, difference, pseudo_header
from probe.lab.net.crafting import ICMP, ICMPV6, TCP, UDP, ip_packet, packed
from probe.lab.net.packets import Packet, text
from probe.lab.net.router import CHECKSUM_AT, written
from probe.targets.translator_prefix import TranslatorPrefix

ECHO = {128: 8, 129: 0}  # ICMPv6 to ICMP: echo request and reply
ERRORS = {  # ICMP to ICMPv6 (RFC 7915, 4.2): type and code
    (3, 0): (1, 0),
    (3, 1): (1, 0),
    (3, 3): (1, 4),
    (3, 9): (1, 1),
    (3, 10): (1, 1),
    (3, 13): (1, 1),
    (11, 0): (3, 0),
}


class Translator:
    """Translate for one computer: `inside` is its IPv6 address, `outside` the IPv4 address that stands for it."""

    def __init__(self, prefix: TranslatorPrefix, inside: str, outside: str) -> None:
        self._prefix, self._inside, self._outside = prefix, packed(inside), packed(outside)

    def takes(self, packet: Packet) -> bool:
        """Return whether an IPv6 packet is for the translator."""
        return packet.version == 6 and self._prefix.extract(packet.dst) is not None

    def to_ipv4(self, packet: Packet) -> bytes | None:
        """Return the IPv4 packet for an IPv6 packet that is for the translator, None if it has none."""
        inner = self._prefix.extract(packet.dst)
        if inner is None or packet.offset != 40 or packet.protocol not in (TCP, UDP, ICMPV6):
            return None
        destination, body = packed(inner), packet.raw[40:]
        if packet.protocol != ICMPV6:
            body = _with_checksum(packet, body, self._outside + destination)
            return ip_packet(self._outside, destination, packet.protocol, body, packet.ttl)
        kind = ECHO.get(packet.icmp_type if packet.icmp_type is not None else -1)
        if kind is None:
            return None
        body = bytes((kind, 0, 0, 0)) + body[4:]
        body = body[:2] + checksum(body).to_bytes(2, "big") + body[4:]
        return ip_packet(self._outside, destination, ICMP, body, packet.ttl)

    def to_ipv6(self, packet: Packet) -> bytes | None:
        """Return the IPv6 packet for an IPv4 packet to the computer, None if it has none."""
        if packet.later_fragment or packet.raw[6] & 0x20:
            return None
        source, body = self._embedded(packet.source), packet.raw[packet.offset :]
        if packet.protocol in (TCP, UDP):
            body = _with_checksum(packet, body, source + self._inside)
            return ip_packet(source, self._inside, packet.protocol, body, packet.ttl)
        if packet.protocol != ICMP:
            return None
        body = self._icmpv6(packet, body) or b""
        if not body:
            return None
        value = checksum(pseudo_header(source, self._inside, ICMPV6, len(body)) + body)
        body = body[:2] + value.to_bytes(2, "big") + body[4:]
        return ip_packet(source, self._inside, ICMPV6, body, packet.ttl)

    def _icmpv6(self, packet: Packet, body: bytes) -> bytes | None:
        """Return an ICMPv6 message without its checksum."""
        if not packet.is_icmp_error:
            kind = next((sixth for sixth, fourth in ECHO.items() if fourth == packet.icmp_type), None)
            return None if kind is None else bytes((kind, 0, 0, 0)) + body[4:]
        found = ERRORS.get((body[0], body[1]))
        if found is None or len(packet.payload) < 28:
            return None
        return bytes(found) + bytes(6) + self._quoted(Packet(packet.payload))

    def _quoted(self, sent: Packet) -> bytes:
        """Return the packet that an error quotes, as the computer sent it."""
        destination, body = self._embedded(sent.destination), sent.raw[sent.offset :]
        protocol = ICMPV6 if sent.protocol == ICMP else sent.protocol
        head = ip_packet(self._inside, destination, protocol, b"", sent.ttl)
        length = int.from_bytes(sent.raw[2:4], "big") - sent.offset
        if sent.protocol in (TCP, UDP):
            body = _with_checksum(sent, body, self._inside + destination)
        return head[:4] + length.to_bytes(2, "big") + head[6:40] + body

    def _embedded(self, address: bytes) -> bytes:
        return packed(self._prefix.embed(text(address)))


def _with_checksum(packet: Packet, body: bytes, addresses: bytes) -> bytes:
    """Return the transport part with the checksum for other addresses. A quoted packet may end before it."""
    at = CHECKSUM_AT[packet.protocol]
    if len(body) < at + 2:
        return body
    value = adjusted(body[at] << 8 | body[at + 1], difference(packet.source + packet.destination, addresses))
    return body[:at] + written(value, packet.protocol) + body[at + 2 :]

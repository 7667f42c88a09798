"""Answer packets to a host without an open port, such as a router or a refusing server. It answers pings."""

from probe.lab.net.crafting import ACK, ICMP, ICMPV6, RST, SYN, icmp_packet, port_unreachable, tcp_packet
from probe.lab.net.packets import Packet

ECHO = {ICMP: (8, 0), ICMPV6: (128, 129)}  # request, reply


def answer_of_closed_host(packet: Packet) -> bytes | None:
    """Return the answer to a packet for the host, None if there is none."""
    request, reply = ECHO.get(packet.protocol, (None, 0))
    if request is not None and packet.icmp_type == request:
        body = packet.raw[packet.offset + 4 :]
        return icmp_packet(packet.destination, packet.source, reply, 0, body)
    if packet.is_udp:
        return port_unreachable(packet.dst, packet.raw)
    if packet.is_tcp and not packet.tcp_flags & RST:
        return _reset(packet)
    return None


def _reset(packet: Packet) -> bytes:
    """Return the reset of a closed port (RFC 9293 3.5.2)."""
    if packet.tcp_flags & ACK:
        return tcp_packet(packet.dst, packet.src, packet.dport, packet.sport, flags=RST, seq=packet.ack, window=0)
    acknowledged = packet.seq + len(packet.payload) + bool(packet.tcp_flags & SYN)
    return tcp_packet(packet.dst, packet.src, packet.dport, packet.sport, flags=RST | ACK, ack=acknowledged, window=0)

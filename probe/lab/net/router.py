"""The home router: masquerades IPv4, forwards DNS to the provider's resolver, and lets in only what was asked for.

It translates as Linux does: a flow keeps its source port where that is free, an answer passes only from the address and
port that the flow went to, and the packet quoted in an ICMP error is translated back too. DNS sent to the router is
passed on packet by packet (addresses are translated, as many routers do), so that no second answer is hidden.
Left out: a volunteer's own ICMP errors about strangers' packets go no further than here.
"""

from dataclasses import dataclass

from probe.lab.net.checksums import adjusted, checksum, difference
from probe.lab.net.crafting import ICMP, TCP, UDP, packed
from probe.lab.net.layout import FabricConfig
from probe.lab.net.packets import Packet

LIFETIME_S = {UDP: 180.0, TCP: 3600.0, ICMP: 30.0}
CHECKSUM_AT = {TCP: 16, UDP: 6, ICMP: 2}
ECHO_REQUEST, ECHO_REPLY = 8, 0
DNS_PORT = 53
PURGE_EVERY = 4096

Key = tuple[int, int, bytes, int]  # protocol, our port (or echo id), their address, their port


@dataclass
class Flow:
    """One conversation: as the volunteer addressed it, and as the world sees it."""

    inside: Key  # with the volunteer's port and the address that the volunteer wrote
    outside: Key  # with the public port and the address that it really goes to
    last_seen: float


def rewritten(raw: bytes, at: int, new: bytes, checksum_at: int | None) -> bytes:
    """`raw` with the even number of bytes at `at` replaced and the checksum at `checksum_at` following the change."""
    old = raw[at : at + len(new)]
    if old == new:
        return raw
    raw = raw[:at] + new + raw[at + len(new) :]
    if checksum_at is None or len(raw) < checksum_at + 2:
        return raw
    value = adjusted(raw[checksum_at] << 8 | raw[checksum_at + 1], difference(old, new))
    return raw[:checksum_at] + value.to_bytes(2, "big") + raw[checksum_at + 2 :]


def transport_checksum_at(packet: Packet) -> int | None:
    """Where the checksum of the transport header stands; None where there is none to keep right."""
    if packet.later_fragment or packet.protocol not in (TCP, UDP):
        return None
    at = packet.offset + CHECKSUM_AT[packet.protocol]
    if len(packet.raw) < at + 2 or (packet.protocol == UDP and packet.raw[at : at + 2] == b"\0\0"):
        return None
    return at


def readdressed(packet: Packet, *, source: bytes | None = None, destination: bytes | None = None) -> bytes:
    """An IPv4 packet with other addresses; both checksums that cover them are kept right."""
    raw, transport = packet.raw, transport_checksum_at(packet)
    for at, new in ((12, source), (16, destination)):
        if new is not None:
            old = raw[at : at + 4]
            raw = rewritten(raw, at, new, 10)
            if transport is not None:
                value = adjusted(raw[transport] << 8 | raw[transport + 1], difference(old, new))
                raw = raw[:transport] + value.to_bytes(2, "big") + raw[transport + 2 :]
    return raw


def reported(raw: bytes, offset: int, at: int, port: int) -> bytes:
    """`raw` with the 16-bit port (or echo id) at `offset + at` replaced, transport checksum kept right."""
    new = port.to_bytes(2, "big")
    if raw[offset + at : offset + at + 2] == new:
        return raw
    packet = Packet(raw)
    place = transport_checksum_at(packet) if packet.protocol != ICMP else offset + 2
    return rewritten(raw, offset + at, new, place)


class HomeRouter:
    """Between the volunteer's private network and the provider. IPv4 only: IPv6 is routed as it is."""

    def __init__(self, config: FabricConfig) -> None:
        self._home, self._public = packed(config.home_address), packed(config.home_public_v4)
        self._router = packed(config.router_v4)
        self._resolver = packed(config.home_router_dns) if config.home_router_dns else None
        self._keeps_ports = config.nat_keeps_ports
        self._flows: dict[Key, Flow] = {}
        self._by_outside: dict[Key, Flow] = {}
        self._next_port = 40000 + config.seed % 20000

    def forwards_dns(self, packet: Packet) -> bool:
        """Whether a packet to the router's own address is a DNS query that it passes on."""
        return bool(self._resolver) and packet.protocol == UDP and packet.dport == DNS_PORT

    def outbound(self, packet: Packet, now: float) -> bytes | None:
        """What leaves on the provider's side; None for what the router does not translate."""
        if packet.later_fragment:
            return readdressed(packet, source=self._public)
        key = self._inside_key(packet)
        if key is None:
            return None
        flow = self._flows.get(key) or self._open(key, now)
        flow.last_seen = now
        raw = readdressed(packet, source=self._public, destination=flow.outside[2])
        return reported(raw, packet.offset, 4 if packet.protocol == ICMP else 0, flow.outside[1])

    def _inside_key(self, packet: Packet) -> Key | None:
        if packet.is_tcp or packet.is_udp:
            return packet.protocol, packet.sport, packet.destination, packet.dport
        if packet.icmp_type == ECHO_REQUEST and len(packet.raw) >= packet.offset + 8:
            return ICMP, int.from_bytes(packet.raw[packet.offset + 4 : packet.offset + 6], "big"), packet.destination, 0
        return None

    def _open(self, key: Key, now: float) -> Flow:
        protocol, port, address, their_port = key
        if address == self._router and self._resolver:
            address = self._resolver
        outside = (protocol, port if self._keeps_ports else self._draw(), address, their_port)
        while outside in self._by_outside:
            outside = (protocol, self._draw(), address, their_port)
        flow = Flow(key, outside, now)
        self._flows[key] = self._by_outside[outside] = flow
        if len(self._flows) % PURGE_EVERY == 0:
            self._purge(now)
        return flow

    def _draw(self) -> int:
        self._next_port = self._next_port + 1 if self._next_port < 65000 else 40000
        return self._next_port

    def _purge(self, now: float) -> None:
        for flow in [flow for flow in self._flows.values() if self._is_over(flow, now)]:
            del self._flows[flow.inside], self._by_outside[flow.outside]

    @staticmethod
    def _is_over(flow: Flow, now: float) -> bool:
        return now - flow.last_seen > LIFETIME_S[flow.inside[0]]

    def inbound(self, packet: Packet, now: float) -> bytes | None:
        """What reaches the volunteer of a packet from the provider's side; None for what nobody asked for."""
        if packet.later_fragment:
            return readdressed(packet, destination=self._home)
        if packet.is_icmp_error:
            return self._inbound_error(packet, now)
        key = self._outside_key(packet)
        flow = self._by_outside.get(key) if key else None
        if flow is None or self._is_over(flow, now):
            return None
        flow.last_seen = now
        raw = readdressed(packet, source=flow.inside[2], destination=self._home)
        return reported(raw, packet.offset, 4 if packet.protocol == ICMP else 2, flow.inside[1])

    def _outside_key(self, packet: Packet) -> Key | None:
        if packet.is_tcp or packet.is_udp:
            return packet.protocol, packet.dport, packet.source, packet.sport
        if packet.icmp_type == ECHO_REPLY and len(packet.raw) >= packet.offset + 8:
            return ICMP, int.from_bytes(packet.raw[packet.offset + 4 : packet.offset + 6], "big"), packet.source, 0
        return None

    def _inbound_error(self, packet: Packet, now: float) -> bytes | None:
        """An ICMP error, with the quoted packet turned back into what the volunteer sent."""
        quoted = packet.payload
        if len(quoted) < 28 or quoted[0] >> 4 != 4:
            return None
        inner = Packet(quoted)
        port_at = inner.offset + (4 if inner.protocol == ICMP else 0)
        port = int.from_bytes(quoted[port_at : port_at + 2], "big")
        their_port = 0 if inner.protocol == ICMP else inner.dport
        flow = self._by_outside.get((inner.protocol, port, inner.destination, their_port))
        if flow is None or self._is_over(flow, now):
            return None
        turned = readdressed(inner, source=self._home, destination=flow.inside[2])
        turned = reported(turned, inner.offset, 4 if inner.protocol == ICMP else 0, flow.inside[1])
        body = (
            packet.raw[packet.offset : packet.offset + 2]
            + b"\0\0"
            + packet.raw[packet.offset + 4 : packet.offset + 8]
            + turned
        )
        body = body[:2] + checksum(body).to_bytes(2, "big") + body[4:]
        source = flow.inside[2] if packet.source == flow.outside[2] else None
        return readdressed(Packet(packet.raw[: packet.offset] + body), source=source, destination=self._home)

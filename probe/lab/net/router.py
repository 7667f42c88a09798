"""Emulate the home router: NAT of IPv4, DNS forwarding to the ISP's resolver, and no unrequested inbound packets.

It translates as Linux does. A flow keeps its source port if that port is free. An answer passes only from the address
and port that the flow went to. The packet quoted in an ICMP error is translated back too. DNS sent to the router is
forwarded packet by packet with other addresses, as many routers do. No second answer is hidden this way.
Not emulated: ICMP errors that the user's computer sends about inbound packets.
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

Key = tuple[int, int, bytes, int]  # protocol, local port (or echo id), peer address, peer port


@dataclass
class Flow:
    """Hold the two forms of one flow, before and after translation."""

    private: Key  # with the user's port and the address that the user's computer wrote
    public: Key  # with the public port and the address that the flow really goes to
    opened: float
    last_seen: float


def written(value: int, protocol: int) -> bytes:
    """Return a transport checksum as it is sent. UDP sends 0 as 0xFFFF, since 0 means that there is none (RFC 768)."""
    return (value or (0xFFFF if protocol == UDP else 0)).to_bytes(2, "big")


def with_bytes(raw: bytes, at: int, new: bytes, checksum_at: int | None, protocol: int = 0) -> bytes:
    """Return `raw` with other bytes at `at` (an even number) and an updated checksum at `checksum_at`.

    `protocol`: that of the checksum, 0 for the IP header.
    """
    old = raw[at : at + len(new)]
    if old == new:
        return raw
    raw = raw[:at] + new + raw[at + len(new) :]
    if checksum_at is None or len(raw) < checksum_at + 2:
        return raw
    value = adjusted(raw[checksum_at] << 8 | raw[checksum_at + 1], difference(old, new))
    return raw[:checksum_at] + written(value, protocol) + raw[checksum_at + 2 :]


def transport_checksum_at(packet: Packet) -> int | None:
    """Return the position of the transport checksum, None if there is none to update."""
    if packet.later_fragment or packet.protocol not in (TCP, UDP):
        return None
    at = packet.offset + CHECKSUM_AT[packet.protocol]
    if len(packet.raw) < at + 2 or (packet.protocol == UDP and packet.raw[at : at + 2] == b"\0\0"):
        return None
    return at


def with_addresses(packet: Packet, *, source: bytes | None = None, destination: bytes | None = None) -> bytes:
    """Return an IPv4 packet with other addresses and with both checksums updated."""
    raw, transport = packet.raw, transport_checksum_at(packet)
    for at, new in ((12, source), (16, destination)):
        if new is not None:
            old = raw[at : at + 4]
            raw = with_bytes(raw, at, new, 10)
            if transport is not None:
                value = adjusted(raw[transport] << 8 | raw[transport + 1], difference(old, new))
                raw = raw[:transport] + written(value, packet.protocol) + raw[transport + 2 :]
    return raw


def with_port(raw: bytes, offset: int, at: int, port: int) -> bytes:
    """Return `raw` with another 16-bit port (or echo id) at `offset + at` and an updated transport checksum."""
    new = port.to_bytes(2, "big")
    if raw[offset + at : offset + at + 2] == new:
        return raw
    packet = Packet(raw)
    checksum_at = transport_checksum_at(packet) if packet.protocol != ICMP else offset + 2
    return with_bytes(raw, offset + at, new, checksum_at, packet.protocol)


class HomeRouter:
    """Translate between the user's private network and the ISP. IPv6 is routed without translation."""

    def __init__(self, config: FabricConfig) -> None:
        self._home, self._public = packed(config.home_address), packed(config.home_public_v4)
        self._router = packed(config.router_v4)
        self._resolver = packed(config.home_router_dns) if config.home_router_dns else None
        self._keeps_ports, self._rebinds_after = config.nat_keeps_ports, config.nat_rebinds_after
        self._flows: dict[Key, Flow] = {}
        self._by_public: dict[Key, Flow] = {}
        self._next_port = 40000 + config.seed % 20000

    def forwards_dns(self, packet: Packet) -> bool:
        """Return True for a packet to the router's own address that is a DNS query to forward."""
        return bool(self._resolver) and packet.protocol == UDP and packet.dport == DNS_PORT

    def outbound(self, packet: Packet, now: float) -> bytes | None:
        """Return the packet as it leaves towards the ISP, None if the router does not translate it."""
        if packet.later_fragment:
            return with_addresses(packet, source=self._public)
        key = self._private_key(packet)
        if key is None:
            return None
        flow = self._flows.get(key)
        if flow is None:
            flow = self._open(key, now, keeps_port=self._keeps_ports)
        elif key[0] == UDP and now - flow.opened > self._rebinds_after:
            del self._flows[key], self._by_public[flow.public]
            flow = self._open(key, now, keeps_port=False)
        flow.last_seen = now
        raw = with_addresses(packet, source=self._public, destination=flow.public[2])
        return with_port(raw, packet.offset, 4 if packet.protocol == ICMP else 0, flow.public[1])

    def _private_key(self, packet: Packet) -> Key | None:
        if packet.is_tcp or packet.is_udp:
            return packet.protocol, packet.sport, packet.destination, packet.dport
        if packet.icmp_type == ECHO_REQUEST and len(packet.raw) >= packet.offset + 8:
            return ICMP, int.from_bytes(packet.raw[packet.offset + 4 : packet.offset + 6], "big"), packet.destination, 0
        return None

    def _open(self, key: Key, now: float, *, keeps_port: bool) -> Flow:
        protocol, port, address, peer_port = key
        if address == self._router and self._resolver:
            address = self._resolver
        public = (protocol, port if keeps_port else self._draw(), address, peer_port)
        while public in self._by_public:
            public = (protocol, self._draw(), address, peer_port)
        flow = Flow(key, public, now, now)
        self._flows[key] = self._by_public[public] = flow
        if len(self._flows) % PURGE_EVERY == 0:
            self._purge(now)
        return flow

    def _draw(self) -> int:
        self._next_port = self._next_port + 1 if self._next_port < 65000 else 40000
        return self._next_port

    def _purge(self, now: float) -> None:
        for flow in [flow for flow in self._flows.values() if self._is_over(flow, now)]:
            del self._flows[flow.private], self._by_public[flow.public]

    @staticmethod
    def _is_over(flow: Flow, now: float) -> bool:
        return now - flow.last_seen > LIFETIME_S[flow.private[0]]

    def inbound(self, packet: Packet, now: float) -> bytes | None:
        """Return a packet from the ISP as it reaches the user, None if it belongs to no flow."""
        if packet.later_fragment:
            return with_addresses(packet, destination=self._home)
        if packet.is_icmp_error:
            return self._inbound_error(packet, now)
        key = self._public_key(packet)
        flow = self._by_public.get(key) if key else None
        if flow is None or self._is_over(flow, now):
            return None
        flow.last_seen = now
        raw = with_addresses(packet, source=flow.private[2], destination=self._home)
        return with_port(raw, packet.offset, 4 if packet.protocol == ICMP else 2, flow.private[1])

    def _public_key(self, packet: Packet) -> Key | None:
        if packet.is_tcp or packet.is_udp:
            return packet.protocol, packet.dport, packet.source, packet.sport
        if packet.icmp_type == ECHO_REPLY and len(packet.raw) >= packet.offset + 8:
            return ICMP, int.from_bytes(packet.raw[packet.offset + 4 : packet.offset + 6], "big"), packet.source, 0
        return None

    def _inbound_error(self, packet: Packet, now: float) -> bytes | None:
        """Return an ICMP error that quotes the packet as the user's computer sent it."""
        quoted = packet.payload
        if len(quoted) < 28 or quoted[0] >> 4 != 4:
            return None
        inner = Packet(quoted)
        port_at = inner.offset + (4 if inner.protocol == ICMP else 0)
        port = int.from_bytes(quoted[port_at : port_at + 2], "big")
        peer_port = 0 if inner.protocol == ICMP else inner.dport
        flow = self._by_public.get((inner.protocol, port, inner.destination, peer_port))
        if flow is None or self._is_over(flow, now):
            return None
        restored = with_addresses(inner, source=self._home, destination=flow.private[2])
        restored = with_port(restored, inner.offset, 4 if inner.protocol == ICMP else 0, flow.private[1])
        body = (
            packet.raw[packet.offset : packet.offset + 2]
            + b"\0\0"
            + packet.raw[packet.offset + 4 : packet.offset + 8]
            + restored
        )
        body = body[:2] + checksum(body).to_bytes(2, "big") + body[4:]
        source = flow.private[2] if packet.source == flow.public[2] else None
        return with_addresses(Packet(packet.raw[: packet.offset] + body), source=source, destination=self._home)

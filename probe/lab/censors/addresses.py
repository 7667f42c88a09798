"""Censors that look at addresses and ports alone: silence, resets, a box that greets for everybody, no UDP."""

from typing import Literal

from pydantic import Field

from probe.lab.censors.resets import Resetting
from probe.lab.censors.station import DROP, Aimed
from probe.lab.layout import Actions, Direction
from probe.lab.packets import ACK, RST, SYN, Packet, host_unreachable, prohibited, tcp_packet


class IPBlackhole(Aimed):
    """Drops every packet to and from the addresses; with `icmp` it says why to the sender."""

    on_path: Literal[False] = Field(default=False, description="always false: it has to hold the packet")
    icmp: Literal["", "unreachable", "prohibited"] = Field(
        default="", description="answer with ICMP: nobody to be reached there, or forbidden"
    )

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if direction is Direction.IN:
            return DROP if self._means(packet.source, packet.sport) else None
        if not self._means(packet.destination, packet.dport):
            return None
        if not self.icmp:
            return DROP
        here = self._ground.router_v6 if packet.version == 6 else self._ground.router_v4
        error = host_unreachable if self.icmp == "unreachable" else prohibited
        return Actions(forward=False, to_client=[(0.0, error(here, packet.raw))])


class IPReset(Resetting, Aimed):
    """Answers a SYN to the addresses with a reset."""

    on_path: bool = Field(default=False, description="true: it sees a copy and races; false: it holds the packet")
    count: int = Field(default=1, ge=1, le=10, description="how many resets")
    to: Literal["both", "client", "server"] = Field(default="client", description="who gets them")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if direction is not Direction.OUT or not packet.is_tcp or not packet.tcp_flags & SYN:
            return None
        return self._resets(packet) if self._means(packet.destination, packet.dport) else None


class SYNProxy(Aimed):
    """Completes the TCP handshake in everybody's place; what comes then draws silence, or one reset.

    The reset is what some forged addresses of China's answer the first data with (reference: peers.md 2.1).
    """

    on_path: Literal[False] = Field(default=False, description="always false: it has to hold the packet")
    ports: list[int] = Field(default=[80, 443], description="destination ports that it stands in for; empty: all")
    ttl: int = Field(default=64, ge=1, le=255, description="TTL of its packets where they are sent")
    resets: bool = Field(default=False, description="answer the first data with a reset")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if direction is Direction.IN or not packet.is_tcp or not self._means(packet.destination, packet.dport):
            return None
        if self.resets and packet.payload:
            flow = (packet.dst, packet.src, packet.dport, packet.sport)
            return Actions(forward=False, to_client=[(0.0, tcp_packet(*flow, flags=RST, seq=packet.ack, ttl=self.ttl))])
        if packet.tcp_flags & (SYN | ACK | RST) != SYN:
            return DROP
        first = self._random(packet.src, packet.sport, packet.dst).getrandbits(32)
        greeting = tcp_packet(
            packet.dst,
            packet.src,
            packet.dport,
            packet.sport,
            flags=SYN | ACK,
            seq=first,
            ack=packet.seq + 1,
            ttl=self.ttl,
        )
        return Actions(forward=False, to_client=[(0.0, greeting)])


class UDPBlock(Aimed):
    """Drops UDP to and from the addresses and ports, DNS excepted unless port 53 is named."""

    on_path: Literal[False] = Field(default=False, description="always false: it has to hold the packet")
    icmp: bool = Field(default=False, description="true: tell the sender with ICMP that nobody is reached there")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if not packet.is_udp:
            return None
        out = direction is Direction.OUT
        address, port = (packet.destination, packet.dport) if out else (packet.source, packet.sport)
        if port == 53 and 53 not in self.ports:
            return None
        if not self._means(address, port):
            return None
        if not (out and self.icmp):
            return DROP
        here = self._ground.router_v6 if packet.version == 6 else self._ground.router_v4
        return Actions(forward=False, to_client=[(0.0, host_unreachable(here, packet.raw))])

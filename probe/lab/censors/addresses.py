"""Censors that look at addresses and ports alone: silence, resets, a box that greets for everybody, no UDP."""

from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.middlebox import DROP, Aimed
from probe.lab.censors.kit.resets import Resetting
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import ACK, RST, SYN, Packet, host_unreachable, network_unreachable, prohibited, tcp_packet


class IPBlackhole(Aimed):
    """Drops every packet to and from the addresses; with `icmp` it says why to the sender."""

    on_path: Literal[False] = Field(default=False, description="always false: it has to hold the packet")
    icmp: Literal["", "unreachable", "prohibited", "no_route"] = Field(
        default="", description="answer with ICMP: nobody to be reached there, forbidden, or no way to that network"
    )
    icmp_seconds: float = Field(
        default=0.0, ge=0, description="least time between two such answers about one address and port"
    )

    _spoke: dict[tuple[bytes, int], float] = PrivateAttr(default_factory=dict)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if direction is Direction.IN:
            return DROP if self._means(packet.source, packet.sport) else None
        if not self._means(packet.destination, packet.dport):
            return None
        return Actions(forward=False, to_client=[(0.0, self._error(packet))]) if self._speaks(packet, now) else DROP

    def _speaks(self, packet: Packet, now: float) -> bool:
        """Whether it says why, this time: routers limit how often they do (RFC 1812 4.3.2.8)."""
        place = (packet.destination, packet.dport)
        if not self.icmp or now < self._spoke.get(place, -self.icmp_seconds) + self.icmp_seconds:
            return False
        self._spoke[place] = now
        return True

    def _error(self, packet: Packet) -> bytes:
        here = self._ground.router_v6 if packet.version == 6 else self._ground.router_v4
        errors = {"unreachable": host_unreachable, "prohibited": prohibited, "no_route": network_unreachable}
        return errors[self.icmp](here, packet.raw)


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
    at_once: bool = Field(default=False, description="send a reset right behind the greeting, before any data")

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
        said = [(SYN | ACK, first), *([(RST | ACK, first + 1)] if self.at_once else [])]
        return Actions(forward=False, to_client=[(0.0, self._back(packet, *one)) for one in said])

    def _back(self, syn: Packet, flags: int, seq: int) -> bytes:
        flow = (syn.dst, syn.src, syn.dport, syn.sport)
        return tcp_packet(*flow, flags=flags, seq=seq, ack=syn.seq + 1, ttl=self.ttl)


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

"""Define the censor that decrypts QUIC Initial packets, as any device on the path can, and drops flows by name."""

from collections import OrderedDict
from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.flows import MOST_FLOWS, Flow, Residual, ResidualBlocks, flow_of
from probe.lab.censors.kit.middlebox import DROP, NameFilter
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet, port_unreachable
from probe.wire.tls.quic_initial import ClientInitials
from probe.wire.tls.server_name import read_handshake


class QUICHelloFilter(NameFilter):
    """Find QUIC flows whose hello has one of the names, in any number of datagrams."""

    _hellos: OrderedDict[Flow, ClientInitials] = PrivateAttr(default_factory=OrderedDict)

    def _name(self, flow: Flow, datagram: bytes) -> str | None:
        hello = self._hellos.setdefault(flow, ClientInitials())
        self._hellos.move_to_end(flow)
        while len(self._hellos) > MOST_FLOWS:
            self._hellos.popitem(last=False)
        return read_handshake(hello.feed(datagram)).name


class QUICDrop(QUICHelloFilter):
    """Drop the client's datagrams, from the one on in which the QUIC hello shows one of the names."""

    WIRE = (
        WireTest(
            {"names": ["www.facebook.com"], "ports": [443]},
            (
                Exchange("quic", "www.facebook.com", 443, "www.facebook.com", end="silent"),
                Exchange("quic", "www.facebook.com", 443, "www.example.org"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    residual: Residual | None = Field(default=None, description="{seconds, on}: residual censorship")
    both_ways: bool = Field(default=True, description="false: the server's datagrams still pass")
    first_passes: bool = Field(
        default=False, description="true: the datagram with the name passes, and later ones are dropped"
    )
    refuses: bool = Field(default=False, description="true: dropped datagrams are answered by ICMP port unreachable")
    rising_ports: bool = Field(
        default=False, description="true: flows from a source port not above the server's pass, as in China"
    )

    _residual_blocks: ResidualBlocks = PrivateAttr(default_factory=ResidualBlocks)
    _blocked: set[Flow] = PrivateAttr(default_factory=set)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if not packet.is_udp:
            return None
        flow = flow_of(packet, direction)
        if direction is Direction.IN:
            return DROP if self.both_ways and flow in self._blocked else None
        if not self._watches(packet) or (self.rising_ports and packet.sport <= packet.dport):
            return None
        if flow in self._blocked or self._residual_blocks.covers(self.residual, packet, now):
            return self._drops(packet)
        if not self._matches(self._name(flow, packet.payload)):
            return None
        self._residual_blocks.add(self.residual, flow, now)
        self._blocked.add(flow)
        return None if self.first_passes else self._drops(packet)

    def _drops(self, packet: Packet) -> Actions:
        if not self.refuses:
            return DROP
        router = self._deployment.router(packet.version)
        return Actions(forward=False, to_client=[(0.0, port_unreachable(router, packet.raw))])

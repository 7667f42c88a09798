"""A censor that decrypts QUIC's Initial packets, as anybody on the path can, and ends flows with a name."""

from collections import OrderedDict
from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.flows import MOST_FLOWS, Flow, Punished, Residual, flow_of
from probe.lab.censors.kit.middlebox import DROP, Reader
from probe.lab.censors.kit.server_name import look_inside
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet, port_unreachable
from probe.wire.tls.quic_initial import ClientInitials


class QUICDrop(Reader):
    """Drops the client's datagrams from the one on whose QUIC hello is complete enough to show one of the names."""

    on_path: Literal[False] = Field(default=False, description="always false: it has to hold the packet")
    residual: Residual | None = Field(default=None, description="{seconds, on}: who is punished afterwards")
    both_ways: bool = Field(default=True, description="false: what the server sends still passes")
    first_passes: bool = Field(
        default=False, description="true: the datagram that shows the name passes, later ones not"
    )
    refuses: bool = Field(
        default=False, description="true: it answers what it drops with ICMP, as if nobody listened at the port"
    )
    rising_ports: bool = Field(
        default=False, description="true: flows from a port not above the server's pass, as they do in China"
    )

    _hellos: OrderedDict[Flow, ClientInitials] = PrivateAttr(default_factory=OrderedDict)
    _punished: Punished = PrivateAttr(default_factory=Punished)
    _dead: set[Flow] = PrivateAttr(default_factory=set)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if not packet.is_udp:
            return None
        flow = flow_of(packet, direction)
        if direction is Direction.IN:
            return DROP if self.both_ways and flow in self._dead else None
        if not self._watches(packet) or (self.rising_ports and packet.sport <= packet.dport):
            return None
        if flow in self._dead or self._punished.covers(self.residual, packet, now):
            return self._drops(packet)
        if not self._means(self._name(flow, packet.payload)):
            return None
        self._punished.add(self.residual, flow, now)
        self._dead.add(flow)
        return None if self.first_passes else self._drops(packet)

    def _drops(self, packet: Packet) -> Actions:
        if not self.refuses:
            return DROP
        here = self._ground.router_v6 if packet.version == 6 else self._ground.router_v4
        return Actions(forward=False, to_client=[(0.0, port_unreachable(here, packet.raw))])

    def _name(self, flow: Flow, datagram: bytes) -> str | None:
        hello = self._hellos.setdefault(flow, ClientInitials())
        self._hellos.move_to_end(flow)
        while len(self._hellos) > MOST_FLOWS:
            self._hellos.popitem(last=False)
        return look_inside(hello.feed(datagram)).name

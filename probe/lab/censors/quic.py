"""A censor that decrypts QUIC's Initial packets, as anybody on the path can, and lets flows with a name fall silent."""

from collections import OrderedDict
from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.flows import MOST_FLOWS, Flow, Punished, Residual, flow_of
from probe.lab.censors.hello import look_inside
from probe.lab.censors.names import matches
from probe.lab.censors.station import DROP, Station
from probe.lab.layout import Actions, Direction
from probe.lab.packets import Packet
from probe.wire.quicinitial import ClientInitials


class QUICDrop(Station):
    """Drops the client's datagrams from the one on whose QUIC hello is complete enough to show one of the names."""

    on_path: Literal[False] = Field(default=False, description="always false: it has to hold the packet")
    names: list[str] = Field(min_length=1, description="server names, * as a wildcard")
    ports: list[int] = Field(default=[443], description="destination ports that are watched; empty: all")
    residual: Residual | None = Field(default=None, description="{seconds, on}: who is punished afterwards")
    both_ways: bool = Field(default=True, description="false: what the server sends still passes")
    first_passes: bool = Field(
        default=False, description="true: the datagram that shows the name passes, later ones not"
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
        if (self.ports and packet.dport not in self.ports) or (self.rising_ports and packet.sport <= packet.dport):
            return None
        if flow in self._dead or self._punished.covers(self.residual, packet, now):
            return DROP
        if not matches(self._name(flow, packet.payload), self.names):
            return None
        self._punished.add(self.residual, flow, now)
        self._dead.add(flow)
        return None if self.first_passes else DROP

    def _name(self, flow: Flow, datagram: bytes) -> str | None:
        hello = self._hellos.setdefault(flow, ClientInitials())
        self._hellos.move_to_end(flow)
        while len(self._hellos) > MOST_FLOWS:
            self._hellos.popitem(last=False)
        return look_inside(hello.feed(datagram)).name

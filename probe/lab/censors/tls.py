"""Censors that read the server name in a TLS hello: reset the flow, or let it fall silent."""

from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.flows import Flow, Punished, Residual, Streams, flow_of
from probe.lab.censors.hello import look
from probe.lab.censors.names import matches
from probe.lab.censors.resets import Resetting
from probe.lab.censors.station import DROP, Station
from probe.lab.layout import Actions, Direction
from probe.lab.packets import SYN, Packet


class NameWatch(Station):
    """Finds the flows whose hello carries one of the names, however the hello is cut into segments and records."""

    names: list[str] = Field(min_length=1, description="server names, * as a wildcard")
    ports: list[int] = Field(default=[443], description="destination ports that are watched; empty: all")
    residual: Residual | None = Field(default=None, description="{seconds, on, at}: who is punished afterwards")

    _streams: Streams = PrivateAttr(default_factory=Streams)
    _punished: Punished = PrivateAttr(default_factory=Punished)

    def _watches(self, packet: Packet) -> bool:
        return packet.is_tcp and (not self.ports or packet.dport in self.ports)

    def _triggered(self, packet: Packet, now: float) -> bool:
        """Whether this client's packet shows a name, or suffers for one shown before."""
        stream = self._streams.feed(packet)
        if packet.payload and matches(look(stream).name, self.names):
            self._punished.add(self.residual, flow_of(packet, Direction.OUT), now)
            return True
        return self._punished.covers(self.residual, packet, now)


class TLSReset(Resetting, NameWatch):
    """Resets every flow whose TLS hello carries one of the names."""

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if direction is not Direction.OUT or not self._watches(packet) or not self._triggered(packet, now):
            return None
        return self._resets(packet)


class TLSDrop(NameWatch):
    """Drops the hello that carries one of the names and everything after it, both ways."""

    on_path: Literal[False] = Field(default=False, description="always false: it has to hold the packet")

    _dead: set[Flow] = PrivateAttr(default_factory=set)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if not packet.is_tcp:
            return None
        flow = flow_of(packet, direction)
        if direction is Direction.IN:
            return DROP if flow in self._dead else None
        if not self._watches(packet):
            return None
        if packet.tcp_flags & SYN:
            self._dead.discard(flow)
        if self._triggered(packet, now):
            self._dead.add(flow)
        return DROP if flow in self._dead else None

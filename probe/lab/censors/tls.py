"""Censors that read the server name in a TLS hello: reset the flow, or let it fall silent."""

from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.flows import Flow, Punished, Residual, Streams, flow_of
from probe.lab.censors.kit.middlebox import DROP, Reader
from probe.lab.censors.kit.resets import Resetting
from probe.lab.censors.kit.server_name import Sight, look
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import SYN, Packet


class NameWatch(Reader):
    """Finds the flows whose hello carries one of the names, however the hello is cut into segments and records."""

    residual: Residual | None = Field(default=None, description="{seconds, on, at}: who is punished afterwards")
    headers: Literal["any", "bare", "optioned"] = Field(
        default="any",
        description="bare: blind to TCP headers with options, as Henan's wall is; optioned: to those without",
    )
    longest_hello: int = Field(default=0, ge=0, description="bytes; longer hellos pass unread; 0: none does")
    shortest_hello: int = Field(default=0, ge=0, description="bytes; shorter ones are let go")
    greased: bool | None = Field(
        default=None,
        description="true: means only hellos with values that nobody has, as browsers'; false: only others",
    )

    _streams: Streams = PrivateAttr(default_factory=Streams)
    _punished: Punished = PrivateAttr(default_factory=Punished)

    def _triggered(self, packet: Packet, now: float) -> bool:
        """Whether this client's packet shows a name, or suffers for one shown before."""
        if self.headers != "any" and bool(packet.tcp_options) == (self.headers == "bare"):
            return False
        stream = self._streams.feed(packet)
        if packet.payload and self._reads(look(stream)) and self._is_of_its_size(stream):
            self._punished.add(self.residual, flow_of(packet, Direction.OUT), now)
            return True
        return self._punished.covers(self.residual, packet, now)

    def _reads(self, seen: Sight) -> bool:
        return (self.greased is None or seen.greased == self.greased) and self._means(seen.name)

    def _is_of_its_size(self, stream: bytes) -> bool:
        """By the length that the record announces (RFC 8446 5.1): the rest may still be on its way."""
        size = int.from_bytes(stream[3:5], "big")
        return self.shortest_hello <= size <= (self.longest_hello or size)


class TLSReset(Resetting, NameWatch):
    """Resets every flow whose TLS hello carries one of the names."""

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if direction is not Direction.OUT or not packet.is_tcp or not self._watches(packet):
            return None
        return self._resets(packet) if self._triggered(packet, now) else None


class TLSDrop(NameWatch):
    """Drops the hello that carries one of the names and everything after it; or what one side sends from there on."""

    on_path: Literal[False] = Field(default=False, description="always false: it has to hold the packet")
    direction: Literal["both", "out", "in"] = Field(
        default="both", description="whose packets: the client's (out), the server's (in), or both"
    )

    _dead: set[Flow] = PrivateAttr(default_factory=set)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if not packet.is_tcp:
            return None
        flow = flow_of(packet, direction)
        if direction is Direction.IN:
            return DROP if flow in self._dead and self.direction != "out" else None
        if not self._watches(packet):
            return None
        if packet.tcp_flags & SYN:
            self._dead.discard(flow)
        if self._triggered(packet, now):
            self._dead.add(flow)
        return DROP if flow in self._dead and self.direction != "in" else None

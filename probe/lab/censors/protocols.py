"""A censor with a list of protocols: whatever begins like none of them dies, whoever it is for."""

from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.http import METHODS
from probe.lab.censors.kit.flows import Flow, Streams, flow_of
from probe.lab.censors.kit.middlebox import DROP
from probe.lab.censors.kit.resets import Resetting
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import SYN, Packet

ENOUGH = 8  # bytes from which a protocol is recognised


def is_listed(stream: bytes) -> bool:
    """Whether a flow begins as TLS (RFC 8446 5.1), HTTP, or DNS over TCP (RFC 7766 8) does; fewer bytes may yet."""
    if len(stream) < ENOUGH:
        return True
    tls = stream[0] == 0x16 and stream[1] == 3
    dns = stream[2 + 2] & 0xF8 == 0 and stream[2 + 4 : 2 + 6] == b"\0\1"  # a standard query with one question
    return tls or dns or stream.startswith(METHODS)


class ProtocolFilter(Resetting):
    """Lets TLS, HTTP and DNS pass on the ports, and ends every other flow at its first data, for a minute."""

    on_path: Literal[False] = Field(default=False, description="always false: it has to hold the packet")
    ports: list[int] = Field(default=[53, 80, 443], description="destination ports that are watched")
    action: Literal["drop", "reset"] = Field(default="drop", description="how a flow of another protocol ends")
    seconds: float = Field(default=60.0, gt=0, description="how long such a flow stays dead; each packet prolongs it")

    _streams: Streams = PrivateAttr(default_factory=Streams)
    _dead: dict[Flow, float] = PrivateAttr(default_factory=dict)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if not packet.is_tcp:
            return None
        flow = flow_of(packet, direction)
        if direction is Direction.IN:
            return DROP if self.action == "drop" and self._dead.get(flow, 0.0) > now else None
        if packet.dport not in self.ports:
            return None
        if packet.tcp_flags & SYN:
            self._dead.pop(flow, None)
        stream = self._streams.feed(packet)
        if not packet.payload or (is_listed(stream) and self._dead.get(flow, 0.0) <= now):
            return DROP if self._dead.get(flow, 0.0) > now else None
        self._dead[flow] = now + self.seconds
        return DROP if self.action == "drop" else self._resets(packet)

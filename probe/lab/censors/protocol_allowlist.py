"""Define the censor with an allowlist of protocols, and the web proxy that understands only HTTP, which is no censor.

Both let flows pass that begin as they expect.
"""

from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.http_censors import METHODS
from probe.lab.censors.kit.flows import Flow, Streams, flow_of
from probe.lab.censors.kit.middlebox import DROP, AddressFilter
from probe.lab.censors.kit.resets import Resetting
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import ACK, FIN, PSH, SYN, Packet, tcp_packet

NOT_HTTP = b"<html><head><title>Bad Request</title></head><body>The proxy cannot read this request.</body></html>"
ENOUGH = 8  # bytes from which a protocol is recognised


def is_listed(stream: bytes) -> bool:
    """Return whether a flow begins like TLS (RFC 8446 5.1), HTTP, or DNS over TCP (RFC 7766 8), or is too short yet."""
    if len(stream) < ENOUGH:
        return True
    tls = stream[0] == 0x16 and stream[1] == 3
    dns = stream[2 + 2] & 0xF8 == 0 and stream[2 + 4 : 2 + 6] == b"\0\1"  # a standard query with one question
    return tls or dns or stream.startswith(METHODS)


class ProtocolFilter(Resetting):
    """Let TLS, HTTP and DNS pass on the ports, and block every other flow from its first data on, for a minute."""

    WIRE = (
        WireTest(
            {"ports": [5222], "action": "reset"},
            (
                Exchange("random/tcp", "e1.whatsapp.net", 5222, end="reset"),
                Exchange("tls", "api.x.com", 443, "api.x.com"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    ports: list[int] = Field(default=[53, 80, 443], description="destination ports that are watched")
    action: Literal["drop", "reset"] = Field(
        default="drop", description="drop: other flows fall silent, reset: they are reset"
    )
    seconds: float = Field(
        default=60.0, gt=0, description="how long such a flow stays blocked, each packet prolongs it"
    )

    _streams: Streams = PrivateAttr(default_factory=Streams)
    _blocked: dict[Flow, float] = PrivateAttr(default_factory=dict)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if not packet.is_tcp:
            return None
        flow = flow_of(packet, direction)
        if direction is Direction.IN:
            return DROP if self.action == "drop" and self._blocked.get(flow, 0.0) > now else None
        if packet.dport not in self.ports:
            return None
        if packet.tcp_flags & SYN:
            self._blocked.pop(flow, None)
        stream = self._streams.feed(packet)
        if not packet.payload or (is_listed(stream) and self._blocked.get(flow, 0.0) <= now):
            return DROP if self._blocked.get(flow, 0.0) > now else None
        self._blocked[flow] = now + self.seconds
        return DROP if self.action == "drop" else self._resets(packet)


class WebProxy(AddressFilter):
    """Let HTTP pass on the ports, and answer every other first data with a status line, as a transparent proxy does."""

    WIRE = (
        WireTest(
            {"names": ["turn.telnyx.com"], "ports": [3478]},
            (
                Exchange("stun/tcp", "turn.telnyx.com", 3478, contains="HTTP/1.1 400 Bad Request"),
                Exchange("stun/udp", "turn.telnyx.com", 3478, contains="\1\1"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    ports: list[int] = Field(default=[80], description="destination ports that it answers at, empty: all")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if direction is not Direction.OUT or not packet.is_tcp or not packet.payload:
            return None
        if packet.payload.startswith(METHODS) or not self._matches(packet.destination, packet.dport):
            return None
        head = f"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: {len(NOT_HTTP)}\r\n\r\n".encode()
        flow = (packet.dst, packet.src, packet.dport, packet.sport)
        seq, ack = packet.ack, packet.seq + len(packet.payload)
        answer = tcp_packet(*flow, flags=PSH | ACK | FIN, seq=seq, ack=ack, payload=head + NOT_HTTP)
        return Actions(forward=False, to_client=[(0.0, answer)])

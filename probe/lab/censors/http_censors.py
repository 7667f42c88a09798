"""Define censors that read the Host header of plain HTTP: a block page, resets, or dropped packets."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.flows import Flow, Streams, flow_of
from probe.lab.censors.kit.middlebox import DROP, NameFilter
from probe.lab.censors.kit.resets import Resetting, Timed
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import ACK, FIN, PSH, SYN, Packet, tcp_packet

REASONS = {
    200: "OK",
    302: "Found",
    403: "Forbidden",
    451: "Unavailable For Legal Reasons",
    503: "Service Unavailable",
}
REFUSALS = (403, 451, 503)
METHODS = (b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ")
PAGE = "<html><head><title>Access denied</title></head><body>This site is not available in your country.</body></html>"


class HostFilter(NameFilter):
    """Find requests whose Host header is one of the names, in any number of segments."""

    ports: list[int] = Field(default=[80], description="destination ports that are watched, empty: all")

    _streams: Streams = PrivateAttr(default_factory=Streams)

    def _triggered(self, packet: Packet, direction: Direction) -> bool:
        """Return whether this client's packet completes a request for one of the names."""
        if direction is not Direction.OUT or not packet.is_tcp or not self._watches(packet):
            return False
        return self._asks(packet)

    def _asks(self, packet: Packet) -> bool:
        """Return whether this packet of a watched flow completes a request for one of the names."""
        stream = self._streams.feed(packet)
        return bool(packet.payload) and self._matches(host_header(stream))


class HTTPReset(Resetting, HostFilter):
    """Reset every flow that carries a request for one of the names."""

    WIRE = (
        WireTest(
            {"names": ["reset.example"], "ports": [8080]},
            (Exchange("http", "dns.weixin.qq.com", 8080, "reset.example", end="reset"),),
        ),
    )

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        return self._resets(packet) if self._triggered(packet, direction) else None


class HTTPDrop(HostFilter):
    """Drop the request for one of the names and all later packets of the flow, both ways."""

    WIRE = (
        WireTest(
            {"names": ["dropped.example"], "ports": [8080]},
            (
                Exchange("http", "dns.weixin.qq.com", 8080, "dropped.example", end="silent"),
                Exchange("http", "dns.weixin.qq.com", 8080, "www.example.org", contains="HTTP/1.1 "),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")

    _blocked: set[Flow] = PrivateAttr(default_factory=set)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if not packet.is_tcp:
            return None
        flow = flow_of(packet, direction)
        if direction is Direction.OUT and packet.tcp_flags & SYN:
            self._blocked.discard(flow)
        if self._triggered(packet, direction):
            self._blocked.add(flow)
        return DROP if flow in self._blocked else None


class HTTPBlockpage(Resetting, HostFilter):
    """Answer requests for the names with a block page or redirect, and reset the server's side."""

    WIRE = (
        WireTest(
            {"names": ["sgshort.wechat.com"], "ports": [80], "body": "<p>Not here.</p>"},
            (
                Exchange("http", "sgshort.wechat.com", 80, "sgshort.wechat.com", contains="<p>Not here.</p>"),
                Exchange(
                    "http", "sgshort.wechat.com", 80, "www.example.org", contains="HTTP/1.1 ", lacks="<p>Not here.</p>"
                ),
            ),
        ),
    )

    status: Literal[0, 200, 302, 403, 451, 503] = Field(
        default=200, description="status of the injected answer, 0: 403, 451 or 503, by seed"
    )
    location: str = Field(default="", description="Location header of the injected answer")
    body: str = Field(default=PAGE, description="body of the injected answer")
    first: int = Field(default=0, ge=0, description="only so many first requests to each server are answered, 0: all")

    _answered: Counter[str] = PrivateAttr(default_factory=Counter)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if not self._triggered(packet, direction) or (self.first and self._answered[packet.dst] >= self.first):
            return None
        self._answered[packet.dst] += 1
        return Actions(
            forward=self.on_path,
            to_client=self._page(packet),
            to_server=self._towards_server(packet) if self.to != "client" else (),
        )

    def _page(self, packet: Packet) -> Sequence[Timed]:
        """Return one segment with the page and a FIN, at the sequence number of the server's answer."""
        answer = tcp_packet(
            packet.dst,
            packet.src,
            packet.dport,
            packet.sport,
            flags=PSH | ACK | FIN,
            seq=packet.ack,
            ack=packet.seq + len(packet.payload),
            payload=self._response(),
            ttl=self._ttl(packet),
        )
        return [(self.delay, answer)]

    def _response(self) -> bytes:
        body = self.body.encode()
        status: int = self.status or self._random("status").choice(REFUSALS)
        lines = [f"HTTP/1.1 {status} {REASONS[status]}", "Content-Type: text/html", "Connection: close"]
        lines += [f"Location: {self.location}"] if self.location else []
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def host_header(stream: bytes) -> str | None:
    """Return a request's Host without port: "" if it has none, None if the head of the request is incomplete."""
    head, end, _ = stream.partition(b"\r\n\r\n")
    if not end or not stream.startswith(METHODS):
        return None
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"host":
            host = value.strip().decode("ascii", "replace")
            return host.rsplit(":", 1)[0] if ":" in host and not host.endswith("]") else host
    return ""

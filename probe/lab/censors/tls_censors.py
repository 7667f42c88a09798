"""Define censors that read the server name in a TLS hello and reset the flow or drop its packets."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.flows import Flow, Residual, ResidualBlocks, Streams, flow_of
from probe.lab.censors.kit.middlebox import DROP, NameFilter
from probe.lab.censors.kit.resets import Resetting
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.address_matching import network_of
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import FIN, RST, SYN, Packet
from probe.wire.tls.server_name import HelloView, carries_ech, read_hello


class HelloFilter(NameFilter):
    """Find flows whose hello has one of the names, in any number of segments and records."""

    residual: Residual | None = Field(default=None, description="{seconds, on, at}: residual censorship")
    headers: Literal["any", "bare", "optioned"] = Field(
        default="any",
        description="bare: reads only TCP headers without options, as in Henan. optioned: only those with options",
    )
    longest_hello: int = Field(default=0, ge=0, description="longer hellos (bytes) pass, 0: no limit")
    shortest_hello: int = Field(default=0, ge=0, description="shorter hellos (bytes) pass")
    greased: bool | None = Field(
        default=None,
        description="true: only hellos with GREASE values, as in browsers. false: only others",
    )

    ech: bool | None = Field(
        default=None,
        description="true: only hellos with the extension for Encrypted ClientHello (RFC 9849). false: only others",
    )

    _streams: Streams = PrivateAttr(default_factory=Streams)
    _residual_blocks: ResidualBlocks = PrivateAttr(default_factory=ResidualBlocks)

    def _triggered(self, packet: Packet, now: float) -> bool:
        """Return whether this client's packet shows a name, or falls under residual censorship."""
        if self.headers != "any" and bool(packet.tcp_options) == (self.headers == "bare"):
            return False
        stream = self._streams.feed(packet)
        if packet.payload and self._censors(read_hello(stream)) and self._is_of_its_form(stream):
            self._residual_blocks.add(self.residual, flow_of(packet, Direction.OUT), now)
            return True
        return self._residual_blocks.covers(self.residual, packet, now)

    def _censors(self, seen: HelloView) -> bool:
        return (self.greased is None or seen.greased == self.greased) and self._matches(seen.name)

    def _is_of_its_form(self, stream: bytes) -> bool:
        """Return whether the announced record length (RFC 8446 5.1) and the extensions are censored.

        Extensions are known when the hello is complete. For the length the rest may follow later.
        """
        size = int.from_bytes(stream[3:5], "big")
        of_its_size = self.shortest_hello <= size <= (self.longest_hello or size)
        return of_its_size and (self.ech is None or carries_ech(stream) == self.ech)


class TLSReset(Resetting, HelloFilter):
    """Reset every flow whose TLS hello has one of the names."""

    WIRE = (
        WireTest(
            {"names": ["web.telegram.org"], "ports": [443], "count": 2, "to": "client"},
            (
                Exchange("tls", "web.telegram.org", 443, "web.telegram.org", end="reset"),
                Exchange("tls", "web.telegram.org", 443, "www.example.org"),
            ),
        ),
    )

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if direction is not Direction.OUT or not packet.is_tcp or not self._watches(packet):
            return None
        return self._resets(packet) if self._triggered(packet, now) else None


class TLSDrop(HelloFilter):
    """Drop the hello with one of the names and all later packets of the flow, in both directions or in one."""

    WIRE = (
        WireTest(
            {"names": ["web.whatsapp.com"], "direction": "out"},
            (
                Exchange("tls", "web.whatsapp.com", 443, "web.whatsapp.com", end="silent"),
                Exchange("tls", "web.whatsapp.com", 443, "www.example.org"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    direction: Literal["both", "out", "in"] = Field(
        default="both", description="out: the client's packets are dropped, in: the server's, or both"
    )

    _blocked: set[Flow] = PrivateAttr(default_factory=set)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if not packet.is_tcp:
            return None
        flow = flow_of(packet, direction)
        if direction is Direction.IN:
            return DROP if flow in self._blocked and self.direction != "out" else None
        if not self._watches(packet):
            return None
        if packet.tcp_flags & SYN:
            self._blocked.discard(flow)
        if self._triggered(packet, now):
            self._blocked.add(flow)
        return DROP if flow in self._blocked and self.direction != "in" else None


@dataclass
class _Policed:
    """Hold the flows to one network whose hello was seen, and the time until which further hellos are censored."""

    open: set[Flow] = field(default_factory=set)
    until: float = 0.0


class TLSPolicing(Resetting, HelloFilter):
    """Count the flows to each /24 or /48 that are open after a hello with one of the names.

    The hello that is one too many is dropped or reset, and so are all later ones for a time. Flows that passed go on.
    """

    WIRE = (
        WireTest(
            {"names": ["teams.live.com"], "most": 0, "seconds": 60.0},
            (
                Exchange("tls", "teams.live.com", 443, "teams.live.com", end="silent"),
                Exchange("tls", "teams.live.com", 443, "www.example.org"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold packets")
    most: int = Field(ge=0, description="flows of one network that may be open side by side")
    seconds: float = Field(gt=0, description="how long hellos to a network are censored after one too many")
    action: Literal["reset", "drop"] = Field(
        default="drop", description="reset: the flow is reset, drop: it falls silent"
    )

    _networks: dict[bytes, _Policed] = PrivateAttr(default_factory=dict)
    _blocked: set[Flow] = PrivateAttr(default_factory=set)
    _passed: set[Flow] = PrivateAttr(default_factory=set)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if not packet.is_tcp:
            return None
        flow = flow_of(packet, direction)
        if packet.tcp_flags & (SYN | FIN | RST):
            self._forget(flow)
        if direction is Direction.OUT and self._watches(packet) and self._is_too_many(packet, flow, now):
            if self.action == "reset":
                self._forget(flow)
                return self._resets(packet)
            self._blocked.add(flow)
        return DROP if flow in self._blocked else None

    def _is_too_many(self, packet: Packet, flow: Flow, now: float) -> bool:
        """Return whether this packet completes a hello that is censored."""
        if flow in self._passed or flow in self._blocked or not self._triggered(packet, now):
            return False
        network = self._networks.setdefault(network_of(flow[2]), _Policed())
        network.open.add(flow)
        if len(network.open) > self.most:
            network.until = now + self.seconds
        if now < network.until:
            return True
        self._passed.add(flow)
        return False

    def _forget(self, flow: Flow) -> None:
        self._passed.discard(flow)
        self._blocked.discard(flow)
        if (network := self._networks.get(network_of(flow[2]))) is not None:
            network.open.discard(flow)

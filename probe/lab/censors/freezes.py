"""Define the devices that let a flow begin and then end it: after packets, bytes or seconds, or after a pause."""

from abc import abstractmethod
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.flows import MOST_FLOWS, Flow, Streams, flow_of
from probe.lab.censors.kit.middlebox import DROP, AddressFilter, Deployment
from probe.lab.censors.kit.name_patterns import matches
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import ACK, FIN, RST, SYN, Packet, tcp_packet
from probe.wire.tls.quic_initial import ClientInitials
from probe.wire.tls.server_name import HelloView, read_handshake, read_hello


@dataclass
class _Seen:
    """Hold what was seen of one flow. `chosen` is None until it is known whether the flow is concerned."""

    began: float
    amount: int = 0
    chosen: bool | None = None
    initials: ClientInitials = field(default_factory=ClientInitials)


class FlowFreeze(AddressFilter):
    """Represent a device that lets a flow begin and drops all of it after a limit, in both directions."""

    hello_names: list[str] = Field(default=[], description="only flows whose TLS or QUIC hello has one of these names")
    hello_spare: list[str] = Field(default=[], description="flows whose TLS or QUIC hello has one of these names pass")
    protocols: list[Literal["tcp", "udp"]] = Field(default=["tcp"], min_length=1, description="which flows: tcp, udp")
    share: float = Field(default=1.0, gt=0, le=1, description="share of these flows of each server, by seed")
    spare_flows: list[int] = Field(default=[], description="numbers of the flows of each server that pass, from 1")
    spares_below: int = Field(default=0, ge=0, description="packets with less payload (bytes) pass after the limit too")
    direction: Literal["both", "out", "in"] = Field(
        default="both", description="out: the client's packets are dropped, in: the server's, or both"
    )

    _flows: OrderedDict[Flow, _Seen] = PrivateAttr(default_factory=OrderedDict)
    _streams: Streams = PrivateAttr(default_factory=Streams)
    _begun: dict[bytes, int] = PrivateAttr(default_factory=dict)

    @abstractmethod
    def _is_over(self, seen: _Seen, packet: Packet, direction: Direction, now: float) -> bool:
        """Count a packet of a flow. Return whether the flow is above the limit."""

    def _passes(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return the drop of a packet above the limit. None: it passes."""
        if ("tcp" if packet.is_tcp else "udp") not in self.protocols:
            return None
        flow = flow_of(packet, direction)
        if not self._matches(flow[2], flow[3]):
            return None
        seen = self._seen(packet, flow, now)
        if direction is Direction.OUT:
            self._look(packet, flow, seen)
        elif not packet.is_tcp and seen.chosen is None and not self._reads_names:
            seen.chosen = self._draws(flow)
        over = self._is_over(seen, packet, direction, now)
        dropped = self.direction == "both" or (self.direction == "out") == (direction is Direction.OUT)
        return DROP if seen.chosen and over and dropped and len(packet.payload) >= self.spares_below else None

    @property
    def _reads_names(self) -> bool:
        return bool(self.hello_names or self.hello_spare)

    def _look(self, packet: Packet, flow: Flow, seen: _Seen) -> None:
        """Read what a client's packet shows, until it is known whether the flow is concerned."""
        stream = self._streams.feed(packet) if packet.is_tcp else b""
        if seen.chosen is not None or not packet.payload:
            return
        if packet.is_tcp:
            seen.chosen = self._chooses(read_hello(stream), flow)
        else:
            hello = seen.initials.feed(packet.payload) if self._reads_names else b""
            seen.chosen = self._chooses(read_handshake(hello), flow)

    def _seen(self, packet: Packet, flow: Flow, now: float) -> _Seen:
        """Return what was seen of a flow. A SYN begins another one. At MOST_FLOWS the idlest is removed."""
        seen = self._flows.pop(flow, None)
        if seen is None or (packet.is_tcp and packet.tcp_flags & SYN and not packet.tcp_flags & ACK):
            seen = _Seen(now)
        self._flows[flow] = seen
        if len(self._flows) > MOST_FLOWS:
            self._flows.popitem(last=False)
        return seen

    def _chooses(self, hello: HelloView, flow: Flow) -> bool | None:
        """Return whether a flow is concerned. None: its hello is not complete yet."""
        if self._reads_names:
            if hello.is_tls and not hello.certain:
                return None
            named = hello.name is not None and matches(hello.name, self.hello_names or ["*"])
            if not named or matches(hello.name, self.hello_spare):
                return False
        return self._draws(flow)

    def _draws(self, flow: Flow) -> bool:
        number = self._begun[flow[2]] = self._begun.get(flow[2], 0) + 1
        return number not in self.spare_flows and self._random(flow[2], number).random() < self.share


class CountingFreeze(FlowFreeze):
    """Represent a device that counts a flow in both directions."""

    after: int = Field(ge=1, description="counted packets or bytes of a flow that pass")
    most: int = Field(default=0, description="the largest such number, of which one is drawn by the seed; else `after`")
    least_payload: int = Field(default=0, ge=0, description="packets with less payload (bytes) are not counted")
    counted: Literal["both", "out", "in"] = Field(
        default="both", description="out: the client's packets are counted, in: the server's, or both"
    )
    together: bool = Field(default=False, description="true: the limit is that of all these flows together")

    _total: int = PrivateAttr(default=0)
    _limit: int = PrivateAttr(default=0)

    def deploy(self, deployment: Deployment) -> None:
        super().deploy(deployment)
        self._limit = self._random("limit").randint(self.after, max(self.after, self.most))

    @abstractmethod
    def _amount(self, packet: Packet) -> int:
        """Return what a packet adds to the count."""

    def _is_over(self, seen: _Seen, packet: Packet, direction: Direction, now: float) -> bool:
        counts = self.counted == "both" or (self.counted == "out") == (direction is Direction.OUT)
        amount = self._amount(packet) if counts and len(packet.payload) >= self.least_payload else 0
        seen.amount += amount
        self._total += amount
        return (self._total if self.together else seen.amount) > self._limit


class FreezeAfterPackets(CountingFreeze):
    """Drop everything of a flow after a number of packets of both directions, acknowledgements included.

    Connections from Russia fall silent after 15 to 20 kB (https://github.com/net4people/bbs/issues/490, opened
    2026-11-28), which 25 packets carry.
    """

    WIRE = (
        WireTest(
            {"names": ["www.snapchat.com"], "ports": [443], "after": 3, "hello_names": ["www.snapchat.com"]},
            (
                Exchange("tls", "www.snapchat.com", 443, "www.snapchat.com", end="silent"),
                Exchange("tls", "www.snapchat.com", 443, "www.example.org"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold packets")

    def _amount(self, packet: Packet) -> int:
        return 1

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        return self._passes(packet, direction, now)


class FreezeAfterBytes(CountingFreeze):
    """Drop everything of a flow after a number of bytes of payload of both directions."""

    WIRE = (
        WireTest(
            {"names": ["teams.microsoft.com"], "ports": [443], "after": 200},
            (Exchange("tls", "teams.microsoft.com", 443, "teams.microsoft.com", end="silent"),),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold packets")

    def _amount(self, packet: Packet) -> int:
        return len(packet.payload)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        return self._passes(packet, direction, now)


class CutoffAfterSeconds(FlowFreeze):
    """End a flow some seconds after its first packet, however much it has carried."""

    WIRE = (
        WireTest(
            {"names": ["mail.google.com"], "ports": [443], "seconds": 0.0001, "end": "reset"},
            (Exchange("tls", "mail.google.com", 443, "mail.google.com", end="reset"),),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold packets")
    seconds: float = Field(gt=0, description="seconds after which a flow is ended")
    end: Literal["drop", "reset", "fin"] = Field(
        default="drop", description="what the client gets: nothing any more, a reset, or a FIN"
    )

    def _is_over(self, seen: _Seen, packet: Packet, direction: Direction, now: float) -> bool:
        return now - seen.began > self.seconds

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        action = self._passes(packet, direction, now)
        if action is None or self.end == "drop" or not packet.is_tcp or direction is not Direction.OUT:
            return action
        acknowledged = packet.seq + len(packet.payload)
        flow = packet.dst, packet.src, packet.dport, packet.sport
        flags = ACK | (RST if self.end == "reset" else FIN)
        return Actions(
            forward=False, to_client=[(0.0, tcp_packet(*flow, flags=flags, seq=packet.ack, ack=acknowledged, ttl=64))]
        )


class ConnectionTable(AddressFilter):
    """Drop the packets of flows that do not fit into a table, as a home router whose connection tracking is full does.

    Linux drops the first packet of such a flow
    (https://github.com/ctrliq/kernel-src-tree/commit/aa5840167780a315f8a050b77f41acb852465e2d, opened 2026-11-28).
    """

    WIRE = (
        WireTest(
            {"names": ["login.live.com"], "ports": [443], "most": 0, "seconds": 30.0},
            (Exchange("tls", "login.live.com", 443, "login.live.com", end="silent"),),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold packets")
    most: int = Field(ge=0, description="flows that fit into the table")
    seconds: float = Field(gt=0, description="seconds without a packet after which a flow is removed")

    _last: OrderedDict[Flow, float] = PrivateAttr(default_factory=OrderedDict)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        flow = flow_of(packet, direction)
        if not self._matches(flow[2], flow[3]):
            return None
        while self._last and now - next(iter(self._last.values())) > self.seconds:
            self._last.popitem(last=False)
        if self._last.pop(flow, None) is None and len(self._last) >= self.most:
            return DROP
        self._last[flow] = now
        return None


class IdleTimeout(AddressFilter):
    """Forget a flow that was idle, and drop what comes later, as a router with address translation does.

    RFC 5382, 5, asks for two hours and four minutes. Some routers have less than a minute. A client's datagram begins
    a flow again (RFC 4787, 4.3).
    """

    WIRE = (
        WireTest(
            {"names": ["presence.teams.microsoft.com"], "ports": [443], "seconds": 0.0001},
            (Exchange("tls", "presence.teams.microsoft.com", 443, "presence.teams.microsoft.com", end="silent"),),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold packets")
    seconds: float = Field(gt=0, description="how long a flow may be idle")
    protocols: list[Literal["tcp", "udp"]] = Field(default=["tcp"], min_length=1, description="which flows: tcp, udp")

    _last: OrderedDict[Flow, float] = PrivateAttr(default_factory=OrderedDict)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        flow = flow_of(packet, direction)
        known = packet.is_tcp or packet.is_udp
        if not known or self._protocol(packet) not in self.protocols or not self._matches(flow[2], flow[3]):
            return None
        last, begins = self._last.get(flow), self._begins(packet, direction)
        if last is not None and now - last > self.seconds and not begins:
            return DROP
        self._last.pop(flow, None)
        self._last[flow] = now
        if len(self._last) > MOST_FLOWS:
            self._last.popitem(last=False)
        return None

    @staticmethod
    def _protocol(packet: Packet) -> Literal["tcp", "udp"]:
        return "tcp" if packet.is_tcp else "udp"

    @staticmethod
    def _begins(packet: Packet, direction: Direction) -> bool:
        """Return whether a packet begins a flow again that was forgotten."""
        return bool(packet.tcp_flags & SYN) if packet.is_tcp else direction is Direction.OUT

"""Keep a censor's state of flows: the client's first bytes in order, and residual blocks."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from probe.lab.net.layout import Direction
from probe.lab.net.packets import SYN, Packet

MOST_BYTES = 16384  # of one flow, more than any TLS hello
MOST_FLOWS = 4096
MOST_HELD = 8  # segments of a flow that arrived out of order

Flow = tuple[bytes, int, bytes, int]  # client address and port, server address and port


def flow_of(packet: Packet, direction: Direction) -> Flow:
    """Return the flow of a packet, the same for both directions."""
    if direction is Direction.OUT:
        return packet.source, packet.sport, packet.destination, packet.dport
    return packet.destination, packet.dport, packet.source, packet.sport


class _Bytes:
    """Put the client's bytes of one flow in order by sequence number."""

    def __init__(self, first: int) -> None:
        self._first = first
        self.data = b""
        self._held: dict[int, bytes] = {}

    def add(self, seq: int, payload: bytes) -> None:
        offset = (seq - self._first) & 0xFFFFFFFF
        if offset >= MOST_BYTES:
            return
        if offset > len(self.data):
            if len(self._held) < MOST_HELD:
                self._held[offset] = payload
            return
        self.data = (self.data + payload[len(self.data) - offset :])[:MOST_BYTES]
        for early in sorted(self._held):
            if early <= len(self.data):
                self.data = (self.data + self._held.pop(early)[len(self.data) - early :])[:MOST_BYTES]


class Streams:
    """Keep the first bytes of each flow. At MOST_FLOWS the flow without packets for the longest time is removed."""

    def __init__(self) -> None:
        self._flows: OrderedDict[Flow, _Bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._flows)

    def feed(self, packet: Packet) -> bytes:
        """Add a client's TCP packet. Return the flow's bytes so far, in order, at most MOST_BYTES."""
        flow = flow_of(packet, Direction.OUT)
        if packet.tcp_flags & SYN:
            self._flows[flow] = _Bytes(packet.seq + 1)
        payload = packet.payload
        if flow not in self._flows:
            self._flows[flow] = _Bytes(packet.seq)
        self._flows.move_to_end(flow)
        if payload:
            self._flows[flow].add(packet.seq, payload)
        while len(self._flows) > MOST_FLOWS:
            self._flows.popitem(last=False)
        return self._flows[flow].data


class FlowAges:
    """Count the packets of flows, and the seconds since the first one. At MOST_FLOWS the idlest flow is removed."""

    def __init__(self) -> None:
        self._flows: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()  # packets, and the time of the first one

    def add(self, flow: Hashable, now: float) -> tuple[int, float]:
        """Add a packet. Return its number in the flow, from 1, and its seconds after the first one."""
        count, began = self._flows.pop(flow, (0, now))
        self._flows[flow] = (count + 1, began)
        if len(self._flows) > MOST_FLOWS:
            self._flows.popitem(last=False)
        return count + 1, now - began


class Residual(BaseModel):
    """Hold the keys of residual censorship: which later flows a trigger blocks, and for how long."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seconds: float = Field(gt=0, description="how long later flows are blocked")
    on: str = Field(default="src,dst,dport", description="which of src, sport, dst, dport must be equal")
    at: Literal["syn", "data"] = Field(default="data", description="what is blocked: a new flow's SYN, or its data")

    @field_validator("on")
    @classmethod
    def _known_fields(cls, on: str) -> str:
        wrong = set(on.split(",")) - {"src", "sport", "dst", "dport"}
        if wrong:
            raise ValueError(f"{', '.join(sorted(wrong))!r} is none of src, sport, dst, dport")
        return on

    def key(self, flow: Flow) -> Hashable:
        """Return the fields of a flow that must be equal."""
        parts = dict(zip(("src", "sport", "dst", "dport"), flow, strict=True))
        return tuple(parts[name] for name in self.on.split(","))


class ResidualBlocks:
    """Keep the residual blocks and their ends."""

    def __init__(self) -> None:
        self._until: dict[Hashable, float] = {}

    def add(self, residual: Residual | None, flow: Flow, now: float) -> None:
        """Begin or prolong the residual block that a trigger of this flow causes."""
        if residual is not None:
            self._until[residual.key(flow)] = now + residual.seconds

    def covers(self, residual: Residual | None, packet: Packet, now: float) -> bool:
        """Return whether an earlier trigger blocks a client's packet."""
        if residual is None:
            return False
        concerned = bool(packet.tcp_flags & SYN) if residual.at == "syn" else bool(packet.payload)
        return concerned and self._until.get(residual.key(flow_of(packet, Direction.OUT)), 0.0) > now

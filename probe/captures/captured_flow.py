"""Hold what is kept of one flow of a capture: its packets, and the first bytes of both directions, within limits."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

MOST_EVENTS, MOST_LAST = 64, 16  # first packets of a flow that are kept, and last ones
MOST_STREAM = 16_384  # first bytes of each direction, more than any hello or list of headers that is read
MOST_DATAGRAMS = 24  # of each direction that are kept whole
LONGEST_KEPT = 4096  # bytes of a datagram
MOST_WAITING = 32  # segments that wait for an earlier one

Ends = tuple[Literal["tcp", "udp"], str, int, str, int]
"""Protocol, address and port of the client, address and port of the server."""


class SeenPacket(NamedTuple):
    """Hold one packet of a flow. `outgoing`: the client sent it. `number` and `answered` are relative to the flow."""

    when: float
    outgoing: bool
    kind: str  # TCP's flags as letters, "UDP", or "ICMP"
    ttl: int
    ipid: int | None = None
    dont_fragment: bool | None = None
    length: int = 0
    window: int = 0
    number: int = 0  # sequence number
    answered: int = 0  # acknowledgment number
    repeated: bool = False  # these bytes, or this datagram, were sent before
    start: bytes = b""  # first bytes of a reset's payload, or an ICMP error's type and code
    sender: str = ""  # of an ICMP error


class Datagram(NamedTuple):
    """Hold the payload of a datagram."""

    when: float
    outgoing: bool
    ttl: int
    payload: bytes


@dataclass(slots=True)
class StreamHead:
    """Put the first bytes of one direction of a TCP connection in order. The first copy of a byte counts."""

    first: int | None = None  # sequence number of the first byte
    head: bytearray = field(default_factory=bytearray)
    total: int = 0  # bytes of all segments, repeated ones left out
    _seen: set[tuple[int, int]] = field(default_factory=set)
    _waiting: dict[int, bytes] = field(default_factory=dict)

    def add(self, sequence: int, payload: bytes) -> bool:
        """Add a segment. Return whether it was seen before."""
        if self.first is None:
            self.first = sequence
        at = (sequence - self.first) & 0xFFFFFFFF
        if (at, len(payload)) in self._seen:
            return True
        if len(self._seen) < 4 * MOST_WAITING:
            self._seen.add((at, len(payload)))
        self.total += len(payload)
        if at < MOST_STREAM and len(self._waiting) < MOST_WAITING:
            self._waiting.setdefault(at, payload)
            self._join()
        return False

    def _join(self) -> None:
        for at in sorted(self._waiting):
            if at > len(self.head):
                return
            piece = self._waiting.pop(at)[len(self.head) - at :]
            self.head += piece[: MOST_STREAM - len(self.head)]


@dataclass(slots=True)
class CapturedFlow:
    """Hold one flow. `handshaken`: its first SYN or SYN/ACK was captured, so that the client is known."""

    ends: Ends
    since: float
    until: float = 0.0
    handshaken: bool = False
    events: list[SeenPacket] = field(default_factory=list)
    last_events: list[SeenPacket] = field(default_factory=list)
    left_out: int = 0  # packets between `events` and `last_events`
    sent: StreamHead = field(default_factory=StreamHead)
    received: StreamHead = field(default_factory=StreamHead)
    datagrams: list[Datagram] = field(default_factory=list)
    syns: int = 0
    synacks: int = 0
    hello_acknowledged: bool = False  # the server acknowledged bytes of the client

    @property
    def protocol(self) -> str:
        return self.ends[0]

    @property
    def server(self) -> str:
        return self.ends[3]

    @property
    def port(self) -> int:
        return self.ends[4]

    @property
    def is_bare(self) -> bool:
        """Return whether no payload was seen, as in a scan of ports."""
        return not self.sent.head and not self.received.head and not self.datagrams

    @property
    def kept(self) -> list[SeenPacket]:
        return [*self.events, *self.last_events]

    def add(self, event: SeenPacket) -> None:
        """Keep the first and the last packets."""
        self.until = max(self.until, event.when)
        if len(self.events) < MOST_EVENTS:
            self.events.append(event)
            return
        self.last_events.append(event)
        if len(self.last_events) > MOST_LAST:
            del self.last_events[0]
            self.left_out += 1

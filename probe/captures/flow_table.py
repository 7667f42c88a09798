"""Sort the packets of captures into flows. The memory has a limit, however many flows or packets a file has.

If the table is full, the oldest flow without payload gives up its place. A flow with payload keeps its place, and
flows without a place are counted.
"""

from collections import Counter
from collections.abc import Iterable

from probe.captures.capture_file import CapturedFrame
from probe.captures.captured_flow import (
    LONGEST_KEPT,
    MOST_DATAGRAMS,
    MOST_STREAM,
    CapturedFlow,
    Datagram,
    Ends,
    SeenPacket,
    StreamHead,
)
from probe.captures.link_headers import ip_packet
from probe.packets.dissect import is_error, quotation
from probe.packets.packet_headers import TCP, UDP, IPHeader, TCPHeader, ports_of, read_ip, read_tcp, udp_length

MOST_FLOWS = 20_000
MOST_PACKETS = 400_000  # events of all flows that are kept
MOST_BYTES = 48 << 20  # payload of all flows that is kept
MOST_RESET_BYTES = 32  # of a reset's payload
APART = 120.0  # seconds of silence after which the same ports are a new flow over UDP
_WELL_KNOWN = frozenset({53, 80, 443, 853, 3478, 5060, 5061, 19302})

Pair = tuple[str, tuple[str, int], tuple[str, int]]
"""Protocol and both ends of a flow, sorted, so that both directions have one pair."""


class CapturedFlows:
    """Collect flows from frames. `flows` are in the order of their first packets."""

    def __init__(self) -> None:
        self._open: dict[Pair, CapturedFlow] = {}
        self._bare: dict[int, CapturedFlow] = {}  # flows without payload, by identity, the oldest first
        self._all: dict[int, CapturedFlow] = {}
        self._packets = self._bytes = 0
        self.left_out = 0  # flows without a place
        self.frames = self.unread = 0
        self.seen: Counter[str] = Counter()  # flows of each address, for `recorded_side.py`
        self.end = 0.0  # time of the last packet

    @property
    def flows(self) -> list[CapturedFlow]:
        return list(self._all.values())

    def read(self, frames: Iterable[CapturedFrame]) -> None:
        for frame in frames:
            self.frames += 1
            raw = ip_packet(frame.link, frame.raw)
            packet = read_ip(raw) if raw else None
            if packet is None or not self._add(frame.when, packet):
                self.unread += 1
            else:
                self.end = max(self.end, frame.when)

    def _add(self, when: float, packet: IPHeader) -> bool:
        if is_error(packet):
            return self._add_error(when, packet)
        ports = ports_of(packet.payload, packet.protocol)
        if ports is None:
            return False
        ends = (packet.source, ports[0]), (packet.destination, ports[1])
        if packet.protocol == UDP:
            self._add_datagram(when, packet, *ends)
            return True
        tcp = read_tcp(packet.payload)
        if tcp is None:
            return False
        self._add_segment(when, packet, tcp, *ends)
        return True

    def _flow(self, protocol: str, pair: Pair, when: float, ends: Ends, *, anew: bool) -> CapturedFlow | None:
        """Return the flow of these ends, or a new one. None if there is no place for it."""
        flow = self._open.get(pair)
        if flow is not None and not anew:
            return flow
        self.seen.update({ends[1]: 1, ends[3]: 1} if len(self.seen) < MOST_FLOWS else {})
        if len(self._all) >= MOST_FLOWS and not self._make_room():
            self.left_out += 1
            return None
        flow = CapturedFlow(ends, when, when)
        self._open[pair] = self._all[id(flow)] = self._bare[id(flow)] = flow
        return flow

    def _make_room(self) -> bool:
        oldest = next(iter(self._bare), None)
        if oldest is None:
            return False
        flow = self._bare.pop(oldest)
        del self._all[oldest]
        pair = _pair(flow.ends[0], flow.ends[1:3], flow.ends[3:])
        if self._open.get(pair) is flow:
            del self._open[pair]
        self._packets -= len(flow.events) + len(flow.last_events)
        self.left_out += 1
        return True

    def _add_segment(
        self, when: float, packet: IPHeader, tcp: TCPHeader, source: tuple[str, int], target: tuple[str, int]
    ) -> None:
        flow = self._flow_of_segment(when, tcp, source, target)
        if flow is None:
            return
        outgoing = source == flow.ends[1:3]
        stream, other = (flow.sent, flow.received) if outgoing else (flow.received, flow.sent)
        repeated = self._note_segment(flow, stream, tcp, outgoing=outgoing)
        self._keep(
            flow,
            SeenPacket(
                when,
                outgoing,
                tcp.flags or "-",
                packet.ttl,
                packet.identification,
                packet.dont_fragment,
                len(tcp.payload),
                tcp.window,
                (tcp.sequence - (stream.first or 0)) & 0xFFFFFFFF,
                (tcp.acknowledgment - (other.first or 0)) & 0xFFFFFFFF if "A" in tcp.flags else 0,
                repeated,
                tcp.payload[:MOST_RESET_BYTES] if "R" in tcp.flags else b"",
            ),
        )

    def _flow_of_segment(
        self, when: float, tcp: TCPHeader, source: tuple[str, int], target: tuple[str, int]
    ) -> CapturedFlow | None:
        """Return the connection of a segment, a new one where it opens one, None if the table is full."""
        pair, (opening, accepting) = _pair("tcp", source, target), _part_of_handshake(tcp)
        known = self._open.get(pair)
        from_client = opening or (not accepting and _is_client(source, target))
        ends: Ends = ("tcp", *source, *target) if from_client else ("tcp", *target, *source)
        anew = opening and known is not None and (known.synacks > 0 or _has_ended(known)) and not _repeats(known, tcp)
        return self._flow("tcp", pair, when, ends, anew=anew)

    def _note_segment(self, flow: CapturedFlow, stream: StreamHead, tcp: TCPHeader, *, outgoing: bool) -> bool:
        """Count a segment in its connection. Return whether it repeats an earlier one."""
        opening, accepting = _part_of_handshake(tcp)
        flow.handshaken |= opening or accepting
        flow.syns += opening
        flow.synacks += accepting
        repeated, first = False, (tcp.sequence + ("S" in tcp.flags)) & 0xFFFFFFFF
        if "R" not in tcp.flags:  # a device on the way may have made the numbers and bytes of a reset
            if stream.first is None:
                stream.first = first
            if tcp.payload:
                wanted = len(stream.head) < MOST_STREAM and self._takes(len(tcp.payload))
                repeated = stream.add(first, tcp.payload if wanted else b"")
                self._bare.pop(id(flow), None)
        if not outgoing and "A" in tcp.flags and flow.sent.head and flow.sent.first is not None:
            ahead = (tcp.acknowledgment - flow.sent.first) & 0xFFFFFFFF
            flow.hello_acknowledged |= 0 < ahead < 1 << 31
        return flow.syns > 1 if opening else repeated

    def _add_datagram(self, when: float, packet: IPHeader, source: tuple[str, int], target: tuple[str, int]) -> None:
        pair = _pair("udp", source, target)
        known = self._open.get(pair)
        anew = known is not None and when - known.until > APART
        from_client = _is_client(source, target)
        ends: Ends = ("udp", *source, *target) if from_client else ("udp", *target, *source)
        flow = self._flow("udp", pair, when, ends, anew=anew)
        if flow is None:
            return
        outgoing = source == flow.ends[1:3]
        payload = packet.payload[8 : 8 + udp_length(packet.payload)]
        side = [each.payload for each in flow.datagrams if each.outgoing == outgoing]
        self._bare.pop(id(flow), None)
        if len(side) < MOST_DATAGRAMS and self._takes(min(len(payload), LONGEST_KEPT)):
            flow.datagrams.append(Datagram(when, outgoing, packet.ttl, payload[:LONGEST_KEPT]))
        event = SeenPacket(when, outgoing, "UDP", packet.ttl, packet.identification, packet.dont_fragment, len(payload))
        self._keep(flow, event._replace(repeated=payload in side))

    def _add_error(self, when: float, packet: IPHeader) -> bool:
        """Add an ICMP error to the flow of the packet that it quotes."""
        inner = read_ip(quotation(packet))
        ports = None if inner is None else ports_of(inner.payload, inner.protocol)
        if inner is None or ports is None or inner.protocol not in {TCP, UDP}:
            return False
        protocol = "tcp" if inner.protocol == TCP else "udp"
        pair = _pair(protocol, (inner.source, ports[0]), (inner.destination, ports[1]))
        flow = self._open.get(pair)
        if flow is not None:
            outgoing = (inner.source, ports[0]) != flow.ends[1:3]
            about = packet.payload[:2]
            error = SeenPacket(when, outgoing, "ICMP", packet.ttl, packet.identification, None, start=about)
            self._keep(flow, error._replace(sender=packet.source, answered=inner.ttl))
        return True

    def _takes(self, size: int) -> bool:
        self._bytes += size
        return self._bytes <= MOST_BYTES

    def _keep(self, flow: CapturedFlow, event: SeenPacket) -> None:
        if self._packets < MOST_PACKETS or len(flow.events) < 4:
            before = len(flow.events) + len(flow.last_events)
            flow.add(event)
            self._packets += len(flow.events) + len(flow.last_events) - before
        else:
            flow.left_out += 1
            flow.until = max(flow.until, event.when)


def _pair(protocol: str, one: tuple[str, int], other: tuple[str, int]) -> Pair:
    return (protocol, one, other) if one <= other else (protocol, other, one)


def _is_client(source: tuple[str, int], target: tuple[str, int]) -> bool:
    """Return whether the sender of a flow's first packet is the client: not if its port alone is a service's."""
    if (source[1] in _WELL_KNOWN) != (target[1] in _WELL_KNOWN):
        return target[1] in _WELL_KNOWN
    return True


def _has_ended(flow: CapturedFlow) -> bool:
    return any("R" in each.kind or "F" in each.kind for each in flow.kept)


def _part_of_handshake(tcp: TCPHeader) -> tuple[bool, bool]:
    """Return whether a segment opens a connection (SYN), and whether it accepts one (SYN, ACK)."""
    synchronises, acknowledges = "S" in tcp.flags, "A" in tcp.flags
    return synchronises and not acknowledges, synchronises and acknowledges


def _repeats(flow: CapturedFlow, tcp: TCPHeader) -> bool:
    """Return whether a SYN is the flow's own one again: it has the same sequence number."""
    return flow.sent.first is not None and (tcp.sequence + 1) & 0xFFFFFFFF == flow.sent.first and not _has_ended(flow)

"""Move packets over the hops of one path, with TTL, delay, loss, rate and censors.

A packet is handled only at hops where something can happen to it. These are censors, the rate limit of the access line,
the end of its TTL, a loss, and the end of the path. The hops between are computed in one step.
"""

import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from probe.lab.net.layout import Actions, Censor, Direction, PathConfig
from probe.lab.net.packets import Malformed, Packet, time_exceeded, with_ttl
from probe.lab.net.schedule import Schedule

OUT, IN = Direction.OUT, Direction.IN
RATE_HOP = 2  # the ISP's end of the access line
NARROW_LINK = {OUT: 2, IN: 1}  # the hop at which a packet over the MTU does not arrive, by direction

Deliver = Callable[[bytes, float], None]


@dataclass(slots=True)
class InTransit:
    """Hold a packet that arrives at router `hop` with the TTL in `raw`. It is lost at hop `lost_at`."""

    raw: bytes
    direction: Direction
    hop: int
    lost_at: int | None = None


class Path:
    """Emulate the routers between one side and the servers. `near` and `far` take what arrives at the two ends."""

    def __init__(
        self,
        config: PathConfig,
        censors: Sequence[Censor],
        hop_address: Callable[[int, int], str],  # of (hop, IP version), as text
        timetable: Schedule,
        near: Deliver,
        far: Deliver,
        rng: random.Random,
    ) -> None:
        self.config = config
        self._segment, self._hops, self._rng, self._timetable = config.segment, config.hops, rng, timetable
        self._hop_address = hop_address
        self._ends = {OUT: far, IN: near}
        self._censors: dict[int, list[Censor]] = {}
        for censor in censors:
            self._censors.setdefault(censor.hop, []).append(censor)
        self._rate = config.rate_kbit * 125 if config.rate_kbit else None  # bytes a second
        self._longest_queue = config.queue_ms / 1000
        self._free_at = {OUT: 0.0, IN: 0.0}
        self._last_error_at: dict[int, float] = {}
        self._began: float | None = None  # when the first packet entered
        self._rate_hop = min(RATE_HOP, self._hops) if self._rate else 0
        stops = (set(self._censors) | {self._rate_hop}) - {0}
        self._stops = {OUT: sorted(stops), IN: sorted(stops, reverse=True)}

    def enter(self, raw: bytes, direction: Direction, now: float) -> None:
        """Start a packet at the user (OUT) or at a server (IN)."""
        self._began = now if self._began is None else self._began
        self.send(raw, direction, 1 if direction is OUT else self._hops, now + self._segment)

    def send(self, raw: bytes, direction: Direction, hop: int, at: float) -> None:
        """Start a packet that arrives at router `hop` at time `at`."""
        losses = [self._lost_by_chance(direction, hop), self._lost_by_length(raw, direction, hop)]
        nearest = min if direction is OUT else max
        lost_at = nearest((at_hop for at_hop in losses if at_hop is not None), default=None)
        self._advance(InTransit(raw, direction, hop, lost_at), at)

    def _lost_by_chance(self, direction: Direction, hop: int) -> int | None:
        """Return the hop at which packet loss takes a packet that arrives at router `hop`, None if it arrives."""
        if not self.config.loss:
            return None
        ahead = self._hops + 1 - hop if direction is OUT else hop
        if self._rng.random() >= self.config.loss * (ahead + 1) / (self._hops + 1):
            return None
        return hop + self._rng.randint(0, ahead) * (1 if direction is OUT else -1)

    def _lost_by_length(self, raw: bytes, direction: Direction, hop: int) -> int | None:
        """Return the hop that a packet over the MTU does not reach, None if it is short or past the narrow link."""
        config, end = self.config, NARROW_LINK[direction]
        if config.mtu is None or len(raw) <= config.mtu or config.mtu_family not in {None, raw[0] >> 4}:
            return None
        if config.mtu_direction not in {"both", direction.value}:
            return None
        return end if (hop < end if direction is OUT else hop > end) else None

    def _next_stop(self, packet: InTransit, ttl: int) -> int:
        """Return the next hop where something happens to the packet. 0 and hops + 1 are the ends of the path."""
        hop, last, lost = packet.hop, max(ttl, 1) - 1, packet.lost_at
        if packet.direction is OUT:
            stop = min(hop + last, self._hops + 1)
            stop = next((known for known in self._stops[OUT] if hop <= known < stop), stop)
            return stop if lost is None else min(stop, lost)
        stop = max(hop - last, 0)
        stop = next((known for known in self._stops[IN] if hop >= known > stop), stop)
        return stop if lost is None else max(stop, lost)

    def _advance(self, packet: InTransit, at: float) -> None:
        ttl = packet.raw[7 if packet.raw[0] >> 4 == 6 else 8]
        stop = self._next_stop(packet, ttl)
        if stop == packet.lost_at:
            return
        distance = abs(stop - packet.hop)
        raw = with_ttl(packet.raw, ttl - distance) if distance else packet.raw
        arrived = InTransit(raw, packet.direction, stop, packet.lost_at)
        arrive = self._arrive if 0 < stop <= self._hops else self._deliver
        self._timetable.add(at + distance * self._segment, arrive, arrived)

    def _deliver(self, packet: InTransit, now: float) -> None:
        self._ends[packet.direction](packet.raw, now)

    def _arrive(self, packet: InTransit, now: float) -> None:
        """Handle a packet at a router: its censors, its rate limit, then its TTL."""
        raw: bytes | None = packet.raw
        if packet.hop in self._censors:
            raw = self._censored(packet, now)
        if raw is None:
            return
        wait = self._queue(len(raw), packet.direction, now) if packet.hop == self._rate_hop else 0.0
        if wait is None:
            return
        ttl = raw[7 if raw[0] >> 4 == 6 else 8]
        if ttl <= 1:
            self._expire(raw, packet, now + wait)
            return
        step = 1 if packet.direction is OUT else -1
        onward = InTransit(with_ttl(raw, ttl - 1), packet.direction, packet.hop + step, packet.lost_at)
        self._advance(onward, now + wait + self._segment)

    def _censored(self, packet: InTransit, now: float) -> bytes | None:
        """Return the packet after the censors of this hop: unchanged, replaced by another one, or None if it was
        dropped.
        """
        seen = _readable(packet.raw)
        for censor in self._censors[packet.hop]:
            begun = now - (self._began or 0.0) >= censor.begins
            actions = censor.see(seen, packet.direction, now) if seen is not None and begun else None
            if actions is None:
                continue
            self._inject(actions, packet.hop, now)
            if censor.on_path:
                continue
            if not actions.forward:
                return None
            seen = seen if actions.replace is None else _readable(actions.replace)
        return None if seen is None else seen.raw

    def _inject(self, actions: Actions, hop: int, now: float) -> None:
        for delay, raw in actions.to_client:
            self.send(raw, IN, hop - 1, now + delay + self._segment)
        for delay, raw in actions.to_server:
            self.send(raw, OUT, hop + 1, now + delay + self._segment)

    def _queue(self, size: int, direction: Direction, now: float) -> float | None:
        """Return the seconds until a packet of this size has left the access line, None if the queue is full."""
        start = max(now, self._free_at[direction])
        if start - now > self._longest_queue or not self._rate:
            return None
        self._free_at[direction] = start + size / self._rate
        return self._free_at[direction] - now

    def _expire(self, raw: bytes, packet: InTransit, now: float) -> None:
        if (
            packet.hop in self.config.silent
            or self._passes_silent_router(raw, packet.hop)
            or self._is_rate_limited(packet.hop, now)
            or (self.config.icmp_share < 1.0 and self._rng.random() >= self.config.icmp_share)
        ):
            return
        address = self._hop_address(packet.hop, raw[0] >> 4)
        answer_with_error(raw, time_exceeded, address, self._back(packet, now), quoted=self.config.quoted)

    def _passes_silent_router(self, raw: bytes, hop: int) -> bool:
        """Return True if the load balancer before this hop sends the packet's flow to the router that is silent."""
        seen = _readable(raw) if hop in self.config.parallel else None
        if seen is None:
            return False
        flow = f"{hop} {seen.src} {seen.dst} {seen.protocol} {seen.sport} {seen.dport}"
        return zlib.crc32(flow.encode()) % 2 == 1

    def _is_rate_limited(self, hop: int, now: float) -> bool:
        """Return True if a router has reached its limit of ICMP errors."""
        rate = self.config.icmp_per_second
        if rate is None:
            return False
        if now - self._last_error_at.get(hop, -1e9) < 1 / rate:
            return True
        self._last_error_at[hop] = now
        return False

    def _back(self, packet: InTransit, now: float) -> Callable[[bytes], None]:
        """Return a function that sends a packet from this router back to the sender."""
        direction, hop = (IN, packet.hop - 1) if packet.direction is OUT else (OUT, packet.hop + 1)
        return lambda error: self.send(error, direction, hop, now + self._segment)

    def answer_from_last_hop(self, raw: bytes, build: Callable[[str, bytes], bytes], now: float) -> None:
        """Send the ICMP error of `build` from the last router, about a packet that has passed it."""
        address = self._hop_address(self._hops, raw[0] >> 4)
        answer_with_error(raw, build, address, lambda error: self.send(error, IN, self._hops - 1, now))


def _readable(raw: bytes) -> Packet | None:
    """Return the view of a packet for the censors, None if it has no whole IP header."""
    try:
        return Packet(raw)
    except Malformed:
        return None


def answer_with_error(
    raw: bytes,
    build: Callable[[str, bytes], bytes],
    address: str,
    send: Callable[[bytes], None],
    *,
    quoted: int | None = None,
) -> None:
    """Send an ICMP error about `raw`. Errors and later fragments must not cause one (RFC 1122 3.2.2).

    `quoted`: bytes behind the IP header that it quotes, 8 as RFC 792 demands. None: as many as `build` does.
    """
    packet = Packet(raw)
    if not packet.is_icmp_error and not packet.later_fragment:
        send(build(address, raw if quoted is None else raw[: packet.offset + quoted]))

"""Walks packets over the hops of one path: TTL, delay, loss, rate, and the censors that stand there.

Nothing is simulated hop by hop that can be worked out: a packet is looked at only where something can happen to it,
which is at a censor, at the narrow access line, where its TTL ends, where it gets lost, and at the far end.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from probe.lab.net.layout import Actions, Censor, Direction, PathConfig
from probe.lab.net.packets import Malformed, Packet, time_exceeded, with_ttl
from probe.lab.net.schedule import Schedule

OUT, IN = Direction.OUT, Direction.IN
QUEUE_S = 0.3  # how long the access line's queue may get before it drops
RATE_HOP = 2  # the provider's end of the access line

Deliver = Callable[[bytes, float], None]


@dataclass(slots=True)
class Traveller:
    """A packet on its way: at router `hop` it arrives with the TTL in `raw`; beyond `lost_at` nobody sees it."""

    raw: bytes
    direction: Direction
    hop: int
    lost_at: int | None = None


class Path:
    """The routers between one place and the servers; `near` and `far` take what arrives at either end."""

    def __init__(
        self,
        config: PathConfig,
        censors: Sequence[Censor],
        hop_address: Callable[[int, int], str],  # (hop, IP version) → text
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
        self._free_at = {OUT: 0.0, IN: 0.0}
        self._told_at: dict[int, float] = {}
        self._rate_hop = min(RATE_HOP, self._hops) if self._rate else 0
        stops = (set(self._censors) | {self._rate_hop}) - {0}
        self._stops = {OUT: sorted(stops), IN: sorted(stops, reverse=True)}

    def enter(self, raw: bytes, direction: Direction, now: float) -> None:
        """A packet sets out from the volunteer (OUT) or from a server (IN)."""
        self.send(raw, direction, 1 if direction is OUT else self._hops, now + self._segment)

    def send(self, raw: bytes, direction: Direction, hop: int, at: float) -> None:
        """A packet that arrives at router `hop` at time `at` and travels on from there."""
        lost_at = None
        if self.config.loss:
            ahead = self._hops + 1 - hop if direction is OUT else hop
            if self._rng.random() < self.config.loss * (ahead + 1) / (self._hops + 1):
                lost_at = hop + self._rng.randint(0, ahead) * (1 if direction is OUT else -1)
        self._advance(Traveller(raw, direction, hop, lost_at), at)

    def _next_halt(self, traveller: Traveller, ttl: int) -> int:
        """The nearest hop at which something happens to the packet; 0 or hops + 1 is the end of the path."""
        hop, last, lost = traveller.hop, max(ttl, 1) - 1, traveller.lost_at
        if traveller.direction is OUT:
            halt = min(hop + last, self._hops + 1)
            halt = next((stop for stop in self._stops[OUT] if hop <= stop < halt), halt)
            return halt if lost is None else min(halt, lost)
        halt = max(hop - last, 0)
        halt = next((stop for stop in self._stops[IN] if hop >= stop > halt), halt)
        return halt if lost is None else max(halt, lost)

    def _advance(self, traveller: Traveller, at: float) -> None:
        ttl = traveller.raw[7 if traveller.raw[0] >> 4 == 6 else 8]
        halt = self._next_halt(traveller, ttl)
        if halt == traveller.lost_at:
            return
        distance = abs(halt - traveller.hop)
        raw = with_ttl(traveller.raw, ttl - distance) if distance else traveller.raw
        arrived = Traveller(raw, traveller.direction, halt, traveller.lost_at)
        arrive = self._arrive if 0 < halt <= self._hops else self._deliver
        self._timetable.add(at + distance * self._segment, arrive, arrived)

    def _deliver(self, traveller: Traveller, now: float) -> None:
        self._ends[traveller.direction](traveller.raw, now)

    def _arrive(self, traveller: Traveller, now: float) -> None:
        """At a router: its censors, its narrow line, then one off the TTL and on to the next."""
        raw: bytes | None = traveller.raw
        if traveller.hop in self._censors:
            raw = self._censored(traveller, now)
        if raw is None:
            return
        wait = self._queue(len(raw), traveller.direction, now) if traveller.hop == self._rate_hop else 0.0
        if wait is None:
            return
        ttl = raw[7 if raw[0] >> 4 == 6 else 8]
        if ttl <= 1:
            self._expire(raw, traveller, now + wait)
            return
        step = 1 if traveller.direction is OUT else -1
        onward = Traveller(with_ttl(raw, ttl - 1), traveller.direction, traveller.hop + step, traveller.lost_at)
        self._advance(onward, now + wait + self._segment)

    def _censored(self, traveller: Traveller, now: float) -> bytes | None:
        """What is left of a packet after the censors of its hop: itself, another one, or nothing."""
        raw = traveller.raw
        for censor in self._censors[traveller.hop]:
            try:
                packet = Packet(raw)
            except Malformed:
                return None
            actions = censor.see(packet, traveller.direction, now)
            if actions is None:
                continue
            self._inject(actions, traveller.hop, now)
            if censor.on_path:
                continue
            if not actions.forward:
                return None
            raw = raw if actions.replace is None else actions.replace
        return raw

    def _inject(self, actions: Actions, hop: int, now: float) -> None:
        for delay, raw in actions.to_client:
            self.send(raw, IN, hop - 1, now + delay + self._segment)
        for delay, raw in actions.to_server:
            self.send(raw, OUT, hop + 1, now + delay + self._segment)

    def _queue(self, size: int, direction: Direction, now: float) -> float | None:
        """Seconds until a packet of that size has left the access line; None when its queue is full."""
        start = max(now, self._free_at[direction])
        if start - now > QUEUE_S or not self._rate:
            return None
        self._free_at[direction] = start + size / self._rate
        return self._free_at[direction] - now

    def _expire(self, raw: bytes, traveller: Traveller, now: float) -> None:
        if traveller.hop in self.config.silent or self._is_tired(traveller.hop, now):
            return
        answer_with_error(raw, time_exceeded, self._hop_address(traveller.hop, raw[0] >> 4), self._back(traveller, now))

    def _is_tired(self, hop: int, now: float) -> bool:
        """Whether a router has told as many errors as it may."""
        rate = self.config.icmp_per_second
        if rate is None:
            return False
        if now - self._told_at.get(hop, -1e9) < 1 / rate:
            return True
        self._told_at[hop] = now
        return False

    def _back(self, traveller: Traveller, now: float) -> Callable[[bytes], None]:
        """Sends a packet from a traveller's router back to where it came from."""
        direction, hop = (IN, traveller.hop - 1) if traveller.direction is OUT else (OUT, traveller.hop + 1)
        return lambda error: self.send(error, direction, hop, now + self._segment)

    def answer_from_last_hop(self, raw: bytes, build: Callable[[str, bytes], bytes], now: float) -> None:
        """The last router answers a packet that has left it, with the ICMP error that `build` makes."""
        address = self._hop_address(self._hops, raw[0] >> 4)
        answer_with_error(raw, build, address, lambda error: self.send(error, IN, self._hops - 1, now))


def answer_with_error(
    raw: bytes, build: Callable[[str, bytes], bytes], address: str, send: Callable[[bytes], None]
) -> None:
    """Sends an ICMP error about `raw`, unless it must not cause one (RFC 1122 3.2.2): errors, later fragments."""
    packet = Packet(raw)
    if not packet.is_icmp_error and not packet.later_fragment:
        send(build(address, raw))

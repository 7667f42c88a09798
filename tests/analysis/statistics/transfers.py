"""Simulate TCP transfers of equal pace behind a limit for one of them, with other traffic on the access line."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from probe.analysis.statistics.throughput_ratio import Transfer

SEGMENT = 1400  # bytes
STEP = 0.005  # seconds of simulated time
ROUND_TRIP = 0.08  # seconds without queues
LONGEST_WAIT = 0.2  # seconds, the shortest retransmission timeout of common systems (Linux)
PACE = 64_000  # bytes a second

Limit = Callable[[float], float | None]
"""Take the time at which a segment arrives. Return when it leaves, None if it is dropped."""


class Policer:
    """Drop what a token bucket has no tokens for. `rate` is bytes a second, `depth` bytes."""

    def __init__(self, rate: float, depth: float) -> None:
        self.rate, self.depth, self.tokens, self.last = rate, depth, depth, 0.0

    def __call__(self, now: float) -> float | None:
        """Pass or drop one segment."""
        self.tokens = min(self.depth, self.tokens + (now - self.last) * self.rate)
        self.last = now
        if self.tokens < SEGMENT:
            return None
        self.tokens -= SEGMENT
        return now


class Shaper:
    """Queue what comes faster than `rate` bytes a second, and drop what does not fit into `queue` seconds."""

    def __init__(self, rate: float, queue: float) -> None:
        self.rate, self.queue, self.free = rate, queue, 0.0

    def __call__(self, now: float) -> float | None:
        """Queue or drop one segment."""
        begins = max(now, self.free)
        if begins - now > self.queue:
            return None
        self.free = begins + SEGMENT / self.rate
        return self.free


class CrossTraffic:
    """Take a share of the access line in periods of random length: the line's segments wait or are dropped."""

    def __init__(self, random: Random, line: float, share: float) -> None:
        self._random, self._line, self._share = random, Shaper(line, 0.3), share
        self._busy, self._until, self._last = False, 0.0, 0.0

    def __call__(self, now: float) -> float | None:
        """Send the other traffic up to now, and then one segment."""
        while self._last < now:
            if self._last >= self._until:
                self._busy = not self._busy
                self._until = self._last + self._random.expovariate(2.0)
            if self._busy and self._random.random() < self._share * self._line.rate * STEP / SEGMENT:
                self._line(self._last)
            self._last += STEP
        return self._line(now)


@dataclass
class Connection:
    """Send at PACE, within a congestion window that halves at a loss (NewReno without details)."""

    limits: tuple[Limit, ...]
    window: float = 10.0
    threshold: float = 1e9
    flying: list[float] = field(default_factory=list)  # when each acknowledgement comes
    lost_until: float = -1.0  # when the sender learns of its losses
    allowed: float = 0.0  # bytes that the pace and earlier losses leave to be sent
    times: list[float] = field(default_factory=list)

    def step(self, now: float) -> None:
        """Take the acknowledgements of this moment, and send what pace and window allow."""
        acked = sum(time <= now for time in self.flying)
        self.flying = [time for time in self.flying if time > now]
        self.window += acked if self.window < self.threshold else acked / self.window
        self.allowed += PACE * STEP
        if now < self.lost_until:
            return
        while self.allowed >= SEGMENT and len(self.flying) < self.window:
            leaves: float | None = now
            for limit in self.limits:
                leaves = limit(leaves) if leaves is not None else None
            if leaves is None:
                few = len(self.flying) < 3  # too few later segments for duplicate acknowledgements
                self.threshold = max(2.0, self.window / 2)
                self.window = 1.0 if few else self.threshold
                self.lost_until = now + (LONGEST_WAIT + ROUND_TRIP if few else ROUND_TRIP)
                return
            self.allowed -= SEGMENT
            self.times.append(leaves + ROUND_TRIP / 2)
            self.flying.append(leaves + ROUND_TRIP)


def side_by_side(seconds: float, limit: Limit | None, line: Limit) -> tuple[Transfer, Transfer]:
    """Return a transfer behind the limit and one without, over the same line, which comes before the limit."""
    one = Connection((line, limit) if limit else (line,))
    other = Connection((line,))
    for number in range(round(seconds / STEP)):
        for connection in (one, other) if number % 2 else (other, one):
            connection.step(number * STEP)
    return _transfer(one, seconds), _transfer(other, seconds)


def _transfer(connection: Connection, seconds: float) -> Transfer:
    times = sorted(time for time in connection.times if time <= seconds)
    return Transfer(0.0, seconds, times, [SEGMENT] * len(times))

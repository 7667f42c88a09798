"""What our own flows tell of the line: how long a round trip takes, and whether our packets queue for one another."""

import statistics
from collections import deque

MANY = 8  # connects after which it is said whether the line is calm
CROWDED = 0.1  # seconds in a queue from which on others on the line suffer (RFC 6817 2.5, TARGET)
SOON = 3  # first answers after which it is said that it is crowded: a thin line has no time for more


class RoundTrips:
    """Round trips of one run in seconds, as the kernel measured them.

    `connected` hears of a TCP handshake, `waited` how much longer than it the first answer on the same connection took:
    servers are near and far, but none moves away while one speaks to it.
    """

    def __init__(self) -> None:
        self._first: list[float] = []
        self._recent: list[float] = []
        self._latest: deque[float] = deque(maxlen=MANY)
        self._waits: deque[float] = deque(maxlen=MANY)
        self._new_waits = 0
        self.round_trip = 0.0  # median of the first or the latest, the longer, with what packets wait; 0.0: unknown

    def connected(self, seconds: float) -> bool | None:
        """Take a handshake's round trip; says after each `MANY` whether they are calm, else None."""
        self._latest.append(seconds)
        if len(self._first) < MANY:
            self._first.append(seconds)
            self._weigh()
            return None
        self._weigh()
        self._recent.append(seconds)
        if len(self._recent) < MANY:
            return None
        calm = statistics.median(self._recent) <= 1.5 * statistics.median(self._first) + 0.005
        self._recent.clear()
        return calm and self.waiting <= CROWDED

    def waited(self, seconds: float) -> bool:
        """Take what an answer took longer than the handshake; says after each `SOON` whether the line is crowded."""
        self._waits.append(seconds)
        self._weigh()
        self._new_waits += 1
        if self._new_waits < SOON:
            return False
        self._new_waits = 0
        return statistics.median(list(self._waits)[-SOON:]) > CROWDED

    @property
    def waiting(self) -> float:
        """Median of the latest seconds in queues."""
        return statistics.median(self._waits) if self._waits else 0.0

    def _weigh(self) -> None:
        if self._latest:
            longer = max(statistics.median(self._first), statistics.median(self._latest))
            self.round_trip = longer + self.waiting

"""Measure round trips and queueing on the access line from our own flows."""

import statistics
from collections import deque

MANY = 8  # connects before each decision
CROWDED = 0.1  # seconds in a queue above which other users of the line suffer (RFC 6817, 2.5, TARGET)
SOON = 3  # first answers before each decision about queueing. A narrow line has no time for more.
SEVERAL = 3  # networks whose answers queue. The line's queue delays all, that of a censor or a server a few.


class RoundTrips:
    """Hold the round trips of one run in seconds, as the kernel measured them.

    `connected` takes a TCP handshake. `waited` takes the extra time of the first answer on the same connection. The
    difference removes the distance of the server.
    """

    def __init__(self) -> None:
        self._first: list[float] = []
        self._recent: list[float] = []
        self._latest: deque[float] = deque(maxlen=MANY)
        self._waits: deque[float] = deque(maxlen=MANY)
        self._networks: deque[str] = deque(maxlen=MANY)  # networks of the servers that sent these answers
        self._new_waits = 0
        self.longest_waiting = 0.0  # the longest median of `MANY` queueing times in a row, in seconds
        self.line_waiting = 0.0  # the same for answers of several networks, which the access line's queue delays
        self.round_trip = 0.0  # the longer of the first and the latest median, queueing included, 0.0 if unknown

    def connected(self, seconds: float) -> bool | None:
        """Take a handshake's round trip. Return after every `MANY` whether the line is calm, else None."""
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

    def waited(self, seconds: float, network: str = "") -> bool:
        """Take the extra time of an answer. Return after every `SOON` whether the line is crowded.

        `network` is that of the server. Answers of one network may queue at a limit that concerns it alone.
        """
        self._waits.append(seconds)
        self._networks.append(network)
        self._weigh()
        if len(self._waits) == MANY:
            self.longest_waiting = max(self.longest_waiting, self.waiting)
            if self._delays_all():
                self.line_waiting = max(self.line_waiting, self.waiting)
        self._new_waits += 1
        if self._new_waits < SOON:
            return False
        self._new_waits = 0
        return statistics.median(list(self._waits)[-SOON:]) > CROWDED

    @property
    def waiting(self) -> float:
        """Return the median of the latest queueing times in seconds."""
        return statistics.median(self._waits) if self._waits else 0.0

    def _delays_all(self) -> bool:
        """Return False if answers of few networks queued, while those of another one did not."""
        waits = list(zip(self._networks, self._waits, strict=True))
        slow = {network for network, seconds in waits if seconds > CROWDED}
        return not slow or len(slow) >= SEVERAL or slow == {network for network, _ in waits}

    def _weigh(self) -> None:
        if self._latest:
            longer = max(statistics.median(self._first), statistics.median(self._latest))
            self.round_trip = longer + self.waiting

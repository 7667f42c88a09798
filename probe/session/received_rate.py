"""Measure how many bytes a second a run receives while its access line is busiest."""

import time
from collections.abc import Callable

WINDOW = 5.0  # seconds. A busy computer reads the bytes of a second or two at once.
SHORTEST = 0.5  # seconds of the first window before which its rate says nothing


class ReceivedRate:
    """Hold the rate of the busiest of all windows of `WINDOW` seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: float | None = None
        self._bytes = 0
        self._most = 0.0  # bytes per second of a window that is over
        self._first = True

    def add(self, count: int) -> None:
        """Count bytes that were received now."""
        now = self._clock()
        if self._began is None or now - self._began >= WINDOW:
            self._most = max(self._most, self._bytes / WINDOW)
            self._first = self._began is None
            self._began, self._bytes = now, 0
        self._bytes += count

    @property
    def bytes_per_second(self) -> int:
        """Return the rate of the busiest window, 0 before the first byte. The first window may still be short."""
        if self._began is None:
            return 0
        seconds = min(WINDOW, max(SHORTEST, self._clock() - self._began)) if self._first else WINDOW
        return round(max(self._most, self._bytes / seconds))

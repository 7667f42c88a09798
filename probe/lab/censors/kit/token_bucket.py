"""Limit a rate by a token bucket: packets above it are dropped (a policer), or wait in a queue first (a shaper)."""


class TokenBucket:
    """Hold the tokens. `rate` is bytes a second, `burst` bytes that pass at once, `queue` the longest wait in seconds.

    The level is below 0 while packets wait in the queue.
    """

    def __init__(self, rate: float, burst: float, queue: float) -> None:
        self._rate, self._burst, self._queue = rate, burst, queue
        self._level, self._at = burst, 0.0

    def wait(self, size: int, now: float) -> float | None:
        """Return the seconds for which a packet waits, 0 for none, and None if it is dropped."""
        level = min(self._burst, self._level + (now - self._at) * self._rate)
        wait = max(0.0, (size - level) / self._rate)
        passes = wait <= self._queue
        self._level, self._at = level - size if passes else level, now
        return wait if passes else None

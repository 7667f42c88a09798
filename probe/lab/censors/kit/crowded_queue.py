"""Model the queue of a crowded link: packets of other users fill it, and each packet waits in it or is lost."""

import random

STEP = 0.001  # seconds that are computed at once
LOAD_LASTS = 0.2  # seconds after which the load of the others is drawn again
LONGEST = 2.0  # seconds that are computed after a pause. The queue has forgotten what was before.
RECENT = 0.9  # weight of a step in the share of lost bytes, for each step since
OTHERS = 1500  # bytes of each packet of the others


class CrowdedQueue:
    """Hold the bytes that wait for one direction of a link. All packets share the queue, whatever they carry.

    `rate` is bytes a second, `longest` the longest wait in seconds, and `load` the mean share of the rate that the
    others send. A load above 1 fills the queue and loses packets. The load varies by 0.25 around the mean.
    """

    def __init__(self, rate: float, longest: float, load: float, rng: random.Random) -> None:
        self._rate, self._most, self._mean, self._rng = rate, rate * longest, load, rng
        self._level, self._at = 0.0, 0.0
        self._load, self._load_until = load, 0.0
        self._arrived, self._lost = 0.0, 0.0  # bytes of the others in the last steps, older ones count less

    def wait(self, size: int, now: float) -> float | None:
        """Return the seconds for which a packet of this many bytes waits, and None if it is lost."""
        self._at = max(self._at, now - LONGEST)
        while self._at < now:
            self._advance()
        if self._arrived and self._rng.random() < self._lost / self._arrived:
            return None
        if self._level + size > self._most and not self._arrived:
            return None
        self._level = min(self._most, self._level + size)
        return self._level / self._rate

    def _advance(self) -> None:
        """Compute one step: the others' packets arrive, what does not fit is lost, and the link sends."""
        self._at += STEP
        if self._at >= self._load_until:
            self._load = max(0.0, self._mean + self._rng.uniform(-0.25, 0.25))
            self._load_until = self._at + LOAD_LASTS
        expected = self._load * self._rate * STEP / OTHERS
        arrived = max(0.0, self._rng.gauss(expected, expected**0.5)) * OTHERS
        level = max(0.0, self._level + arrived - self._rate * STEP)
        lost = max(0.0, level - self._most)
        self._arrived, self._lost = RECENT * self._arrived + arrived, RECENT * self._lost + lost
        self._level = level - lost

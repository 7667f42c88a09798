"""Measure how much of this computer's processors work without a nice value uses, such as the labs."""

import time
from pathlib import Path

STAT = Path("/proc/stat")  # proc_stat(5): user, nice, system, idle and further times, in ticks since the start
HIGH = 0.7  # share of the processors above which no further lab starts
SPAN = 0.4  # seconds, below which the ticks are too coarse


class ProcessorUse:
    """Compare the processors' times with those of the last look. Tests that compute have a nice value."""

    def __init__(self) -> None:
        self._looked, self._work, self._all = time.monotonic(), *_ticks()
        self._share = 0.0

    def is_high(self) -> bool:
        """Return whether labs used most of the processors since the last look."""
        if time.monotonic() - self._looked >= SPAN:
            work, everything = _ticks()
            self._share = (work - self._work) / max(1, everything - self._all)
            self._looked, self._work, self._all = time.monotonic(), work, everything
        return self._share >= HIGH


def _ticks() -> tuple[int, int]:
    """Return the ticks of work without a nice value, and all ticks."""
    user, nice, system, *others = map(int, STAT.read_text().split("\n", 1)[0].split()[1:9])
    return user + system, user + nice + system + sum(others)

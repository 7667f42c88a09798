"""Schedule calls in virtual time. The caller gives the time, so that tests need not wait."""

import heapq
from collections.abc import Callable
from typing import Any

Call = Callable[[Any, float], None]


class Schedule:
    """Hold scheduled calls, ordered by time and then by the order of their addition."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Call, Any]] = []
        self._count = 0

    def add(self, at: float, call: Call, subject: Any) -> None:
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, call, subject))

    def next_at(self) -> float | None:
        """Return the time of the next call, None if there is none."""
        return self._heap[0][0] if self._heap else None

    def run(self, until: float) -> None:
        """Make each call that is due by `until`, also those that are added meanwhile.

        A call gets its scheduled time, not the current time. Delays of the process do not add up this way.
        """
        heap = self._heap
        while heap and heap[0][0] <= until:
            at, _, call, subject = heapq.heappop(heap)
            call(subject, at)

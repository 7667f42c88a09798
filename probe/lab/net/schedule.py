"""What is to happen when: a heap of calls, without a clock of its own, so that tests run it in no time."""

import heapq
from collections.abc import Callable
from typing import Any

Call = Callable[[Any, float], None]


class Schedule:
    """Calls to come, in order of time and, at the same time, in the order in which they were added."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Call, Any]] = []
        self._count = 0

    def add(self, at: float, call: Call, subject: Any) -> None:
        """Calls `call(subject, at)` when the time has come."""
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, call, subject))

    def next_at(self) -> float | None:
        """When the next call is due; None when there is none."""
        return self._heap[0][0] if self._heap else None

    def run(self, until: float) -> None:
        """Makes every call that is due by `until`, those included that are added meanwhile.

        Each call is told the time for which it was booked, not the time at which we got round to it: delays do not add
        up.
        """
        heap = self._heap
        while heap and heap[0][0] <= until:
            at, _, call, subject = heapq.heappop(heap)
            call(subject, at)

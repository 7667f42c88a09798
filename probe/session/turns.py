"""Let flows with targets' names go one at a time where all of them share a limited rate (P8).

A limit of a censor or a network may hold for many names together. Our own parallel connections then leave each other
too few bytes, and all of them reach their time limits.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

MOST_IN_VAIN = 2  # flows that failed alone, or were as slow alone. After so many, the others go side by side again


class Turns:
    """Record which flows were too slow for their time limits, and let such flows be repeated one at a time.

    It is not thread-safe, because all of them use one event loop.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._turn = clock, asyncio.Lock()
        self._slow: list[float] = []  # times at which the flows that were too slow ended
        self._in_vain = 0

    def came_too_slowly(self) -> None:
        """Note a flow whose bytes still arrived when its time limit was reached."""
        self._slow.append(self._clock())

    def slow_since(self, when: float) -> int:
        """Return how many such flows ended at `when`, a time of the clock, or later."""
        return sum(ended >= when for ended in self._slow)

    @property
    def are_useful(self) -> bool:
        """Return False if flows failed alone too, or were as slow."""
        return self._in_vain < MOST_IN_VAIN

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Let one flow run at a time, while that is useful."""
        await self._turn.acquire()
        if not self.are_useful:
            self._turn.release()
            yield
            return
        try:
            yield
        finally:
            self._turn.release()

    def ended(self, *, gained: bool) -> None:
        """Note whether a flow passed in its turn, and was faster than beside others."""
        self._in_vain = 0 if gained else self._in_vain + 1


class OpenFlows:
    """Count the flows of one measurement that are under way. `none` is set while there are none."""

    def __init__(self) -> None:
        self._open, self.none = 0, asyncio.Event()
        self.none.set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count a flow until its end."""
        self._open += 1
        self.none.clear()
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self.none.set()

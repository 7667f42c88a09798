"""Places that are waited for in turn: so many at once hold one, and how many may change at any moment."""

import asyncio
from collections import deque
from collections.abc import Callable


class FlowSlots:
    """`limit` places. Whoever is urgent goes before all others who wait. Not thread-safe: one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: tuple[deque[asyncio.Future[None]], ...] = (deque(), deque())  # urgent, others
        self.taken = 0

    @property
    def limit(self) -> int:
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = limit
        self._hand_out()

    async def take(self, *, urgent: bool = False) -> "Place":
        """Wait for a place."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[0 if urgent else 1].append(place)
        self._hand_out()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._give_back()
            raise
        return Place(self._give_back)

    def _give_back(self) -> None:
        self.taken -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        for waiting in self._waiting:
            while waiting and self.taken < self._limit:
                place = waiting.popleft()
                if not place.done():  # it is when whoever waited was cancelled
                    self.taken += 1
                    place.set_result(None)


class Place:
    """One place; given back once, whoever asks."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back: Callable[[], None] | None = give_back
        self._began = asyncio.get_running_loop().time()
        self._timers: dict[Callable[[], None], asyncio.TimerHandle] = {}
        self.answered = False

    def give_back(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._give_back is not None:
            give_back, self._give_back = self._give_back, None
            give_back()

    def give_back_unless_answered(self) -> None:
        if not self.answered:
            self.give_back()

    def after(self, seconds: Callable[[], float], action: Callable[[], None]) -> None:
        """Do `action` once the place is held for so long; `seconds` is asked again then, for it may have grown."""
        loop = asyncio.get_running_loop()
        left = seconds() - (loop.time() - self._began)
        if left <= 0:
            self._timers.pop(action, None)
            action()
        else:
            self._timers[action] = loop.call_later(left, self.after, seconds, action)

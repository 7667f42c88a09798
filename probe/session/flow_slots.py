"""Provide a semaphore with priorities whose limit can change at run time."""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import IntEnum


class Priority(IntEnum):
    """Order the flows that wait for a slot. A slow access line carries those with a lower number first."""

    LEADING = 0  # the endpoint that says most about a service, at its first address
    NEEDED = 1  # another endpoint without which the service does not work, and confirmations
    FURTHER = 2  # alternatives of an endpoint, and further addresses
    LATER = 3  # follow-ups


class FlowSlots:
    """Hand out `limit` slots, by priority and then in the order of asking.

    It is not thread-safe, because a run has one event loop.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[Priority, deque[asyncio.Future[None]]] = {priority: deque() for priority in Priority}
        self.taken = 0

    @property
    def limit(self) -> int:
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = limit
        self._hand_out()

    async def take(self, priority: Priority = Priority.LATER) -> "Slot":
        slot: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[priority].append(slot)
        self._hand_out()
        try:
            await slot
        except asyncio.CancelledError:
            if slot.done() and not slot.cancelled():  # granted in the moment of the cancellation
                self._give_back()
            raise
        return Slot(self._give_back)

    def _give_back(self) -> None:
        self.taken -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        for waiting in self._waiting.values():
            while waiting and self.taken < self._limit:
                slot = waiting.popleft()
                if not slot.done():  # done if the waiting task was cancelled
                    self.taken += 1
                    slot.set_result(None)


class Slot:
    """Hold one slot. It is given back once, even if several callers try."""

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
        """Run `action` after the slot was held for `seconds()`. The duration is read again at that time, because it may
        grow.
        """
        loop = asyncio.get_running_loop()
        left = seconds() - (loop.time() - self._began)
        if left <= 0:
            self._timers.pop(action, None)
            action()
        else:
            self._timers[action] = loop.call_later(left, self.after, seconds, action)

"""Share the helper between its peers: requests per minute, and slots for measurements. Every decision is O(1)."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from probe.helper.query import Refused

PER_MINUTE = 120  # requests per peer
FRESH_PER_MINUTE = 40  # of these, requests that are measured anew: one for each measurement of a run
MOST_PEERS = 65536  # counted at once. The least recently seen peer is forgotten first.
AT_ONCE = 32  # concurrent measurements
FLOWS = 128  # at once for one request with OONI's protocol
MOST_WAITING = 64  # questions that wait for a slot. Further ones get 503.
WAIT_SECONDS = 5.0  # for a slot. Then the answer is 503.
BUSY = "too much is being measured at the moment; ask again later"

Answer = TypeVar("Answer")
Item = TypeVar("Item")


class RequestCounts:
    """Count the requests of each peer in windows of a minute that begin with the peer's first request."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, most: int | None = None, what: str = "questions"
    ) -> None:
        self._clock, self._what = clock, what
        self._most = PER_MINUTE if most is None else most
        self._windows: OrderedDict[bytes, tuple[float, int]] = OrderedDict()  # least recently seen peer first

    def __len__(self) -> int:
        return len(self._windows)

    def admit(self, peer: bytes) -> None:
        """Count one request. Raises Refused (429) if the peer asked too often."""
        now = self._clock()
        began, count = self._windows.pop(peer, (now, 0))
        if now - began >= 60.0:
            began, count = now, 0
        self._windows[peer] = (began, min(count + 1, self._most))
        self._forget(now)
        if count >= self._most:
            raise Refused(429, f"more than {self._most} {self._what} in a minute came from here; slow down")

    def _forget(self, now: float) -> None:
        """Forget at most two peers whose minute is over. One is added per call, so that all are forgotten in time."""
        for _ in range(2):
            oldest = next(iter(self._windows.values()), (now, 0))
            if now - oldest[0] >= 60.0 or len(self._windows) > MOST_PEERS:
                self._windows.popitem(last=False)


@dataclass(eq=False)
class MeasurementSlot:
    """Hold one running measurement of a peer."""

    peer: bytes
    limit: asyncio.Timeout
    running: bool = False
    taken_away: bool = False

    def take_away(self) -> None:
        """End the measurement."""
        self.taken_away = True
        if self.running:
            self.limit.reschedule(asyncio.get_running_loop().time())


class MeasurementSlots:
    """Share slots for measurements between peers.

    A free slot goes to the waiting peer that holds the fewest. While others wait, a peer holds at most a quarter: its
    newest measurement above that ends with 503. A peer without any slot may take one from the peer that holds most.
    Work per call is bounded by the number of slots, and does not grow with the number of peers.
    """

    def __init__(self, size: int = AT_ONCE) -> None:
        self.size = size
        self._taken = 0
        self._held: dict[bytes, list[MeasurementSlot]] = {}  # oldest first
        self._waiting: dict[bytes, list[asyncio.Future[MeasurementSlot]]] = {}  # oldest first

    async def run(self, peer: bytes, work: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """Run `work` in a slot of `peer`. Raises Refused (503) if there is none in time, or if it is taken away."""
        slot = await self._take(peer)
        try:
            if slot.taken_away:
                raise Refused(503, BUSY)
            async with slot.limit:
                slot.running = True
                return await work()
        except TimeoutError:
            if slot.taken_away:
                raise Refused(503, BUSY) from None
            raise
        finally:
            self._give_back(slot)

    async def _take(self, peer: bytes) -> MeasurementSlot:
        if self._taken < self.size and not self._waiting:
            return self._hold(peer)
        self._take_from_another(peer)
        waiter = self._queue(peer)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._give_back(waiter.result())  # granted in the moment in which the wait ended
            if isinstance(error, TimeoutError):
                raise Refused(503, BUSY) from None
            raise
        finally:
            _drop(self._waiting, peer, waiter)

    def _queue(self, peer: bytes) -> "asyncio.Future[MeasurementSlot]":
        """Add a waiter. If the queue is full, the peer with most waiters loses its newest, or this one is refused."""
        if sum(map(len, self._waiting.values())) >= MOST_WAITING:
            most = max(self._waiting.values(), key=len)
            if len(most) <= len(self._waiting.get(peer, ())) + 1:
                raise Refused(503, BUSY)
            most.pop().set_exception(Refused(503, BUSY))
        waiter: asyncio.Future[MeasurementSlot] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(peer, []).append(waiter)
        return waiter

    def _take_from_another(self, peer: bytes) -> None:
        """End the newest measurement of the peer that holds most, if it holds too many and this peer asks for few."""
        if not self._held:
            return
        most = max(self._held.values(), key=len)
        mine = len(self._held.get(peer, ())) + len(self._waiting.get(peer, ()))
        if mine < self.size // 4 < len(most) or (mine == 0 and len(most) > 1):
            slot = most[-1]
            _drop(self._held, slot.peer, slot)  # its slot is free when its measurement has ended
            slot.take_away()

    def _hold(self, peer: bytes) -> MeasurementSlot:
        self._taken += 1
        slot = MeasurementSlot(peer, asyncio.timeout(None))
        self._held.setdefault(peer, []).append(slot)
        return slot

    def _give_back(self, slot: MeasurementSlot) -> None:
        """Free a slot, and give free slots to the waiting peers that hold the fewest."""
        _drop(self._held, slot.peer, slot)
        self._taken -= 1
        while self._taken < self.size and self._waiting:
            peer = min(self._waiting, key=lambda each: len(self._held.get(each, ())))
            waiter = self._waiting[peer][0]
            _drop(self._waiting, peer, waiter)
            if not waiter.done():
                waiter.set_result(self._hold(peer))


def _drop(table: dict[bytes, list[Item]], peer: bytes, item: Item) -> None:
    """Remove an item from the list of a peer, and the peer with its last item."""
    mine = table.get(peer, [])
    if item in mine:
        mine.remove(item)
    if not mine:
        table.pop(peer, None)

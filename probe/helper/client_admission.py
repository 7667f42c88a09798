"""Share the helper's slots for measurements between its clients."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from probe.helper.query import RequestRefused
from probe.http_server.client_shares import ClientCounts, differing_level
from probe.http_server.peers import Client

PER_MINUTE = 120  # requests of a client. Its networks have TIMES as many.
FRESH_PER_MINUTE = 40  # of the requests, those that are measured anew. A run has one for each of its measurements.
AT_ONCE = 32  # concurrent measurements
FLOWS = 128  # at once for one request with OONI's protocol
MOST_WAITING = 64  # questions that wait for a slot. Further ones get 503.
WAIT_SECONDS = 5.0  # for a slot. Then the answer is 503.
BUSY = "too much is being measured at the moment; ask again later"

Answer = TypeVar("Answer")
Item = TypeVar("Item")


@dataclass(eq=False)
class MeasurementSlot:
    """Hold one running measurement of a client."""

    client: Client
    limit: asyncio.Timeout
    running: bool = False
    taken_away: bool = False

    def take_away(self) -> None:
        self.taken_away = True
        if self.running:
            self.limit.reschedule(asyncio.get_running_loop().time())


class MeasurementSlots:
    """Share slots for measurements between clients and their networks.

    A free slot goes to the waiting client whose network holds the fewest. While others wait, a client or network holds
    at most a quarter: its newest measurement above that ends with 503. A client without any slot may take one from the
    client that holds most, if this one or its network holds more than one.
    Work per call is bounded by the number of slots, and does not grow with the number of clients.
    """

    def __init__(self, size: int = AT_ONCE) -> None:
        self.size = size
        self._taken = 0
        self._held = _Lists[MeasurementSlot]()
        self._waiting = _Lists[asyncio.Future[MeasurementSlot]]()

    async def run(self, client: Client, work: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """Run `work` in a slot of `client`. Raises Refused (503) if there is none in time, or if it is taken away."""
        slot = await self._take(client)
        try:
            if slot.taken_away:
                raise RequestRefused(503, BUSY)
            async with slot.limit:
                slot.running = True
                return await work()
        except TimeoutError:
            if slot.taken_away:
                raise RequestRefused(503, BUSY) from None
            raise
        finally:
            self._give_back(slot)

    async def _take(self, client: Client) -> MeasurementSlot:
        if self._taken < self.size and not self._waiting:
            return self._hold(client)
        self._take_from_another(client)
        waiter = self._queue(client)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._give_back(waiter.result())  # granted in the moment in which the wait ended
            if isinstance(error, TimeoutError):
                raise RequestRefused(503, BUSY) from None
            raise
        finally:
            self._waiting.remove(client, waiter)

    def _queue(self, client: Client) -> "asyncio.Future[MeasurementSlot]":
        """Add a waiter. If the queue is full, the heaviest client loses its newest waiter, or this one is refused."""
        if len(self._waiting) >= MOST_WAITING:
            most = self._waiting.heaviest()
            level, held = differing_level(most, client), self._waiting.counts.held
            if level is None or held(most)[level] < held(client)[level] + 2:
                raise RequestRefused(503, BUSY)
            dropped = self._waiting.pop_newest(most)
            if not dropped.done():  # its wait may have ended in this moment
                dropped.set_exception(RequestRefused(503, BUSY))
        waiter: asyncio.Future[MeasurementSlot] = asyncio.get_running_loop().create_future()
        self._waiting.add(client, waiter)
        return waiter

    def _take_from_another(self, client: Client) -> None:
        """End the newest measurement of the client that holds most, if it holds too many and this one asks for few."""
        if not self._held:
            return
        most = self._held.heaviest()
        level = differing_level(most, client)
        if level is None:
            return
        mine = self._held.counts.held(client)[level] + self._waiting.counts.held(client)[level]
        if self._is_too_many(mine, self._held.counts.held(most)[level]):
            self._held.pop_newest(most).take_away()  # the slot is free only when its measurement has ended

    def _is_too_many(self, mine: int, theirs: int) -> bool:
        return mine < self.size // 4 < theirs or (mine == 0 and theirs > 1)

    def _hold(self, client: Client) -> MeasurementSlot:
        self._taken += 1
        slot = MeasurementSlot(client, asyncio.timeout(None))
        self._held.add(client, slot)
        return slot

    def _give_back(self, slot: MeasurementSlot) -> None:
        """Free a slot, and give free slots to the waiting clients that hold the fewest, the broadest prefix first."""
        self._held.remove(slot.client, slot)
        self._taken -= 1
        while self._taken < self.size and self._waiting:
            client = min(self._waiting.clients(), key=lambda each: self._held.counts.held(each)[::-1])
            waiter = self._waiting.pop_oldest(client)
            if not waiter.done():
                waiter.set_result(self._hold(client))


class _Lists(Generic[Item]):
    """Hold the items of each client, oldest first, and their counts."""

    def __init__(self) -> None:
        self.counts = ClientCounts()
        self._items: dict[Client, list[Item]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._items.values()))

    def clients(self) -> Iterable[Client]:
        return self._items

    def heaviest(self) -> Client:
        """Return the client that holds most in the network that holds most."""
        return max(self._items, key=lambda client: self.counts.held(client)[::-1])

    def add(self, client: Client, item: Item) -> None:
        self._items.setdefault(client, []).append(item)
        self.counts.add(client)

    def remove(self, client: Client, item: Item) -> None:
        """Remove an item of a client, and the client with its last one. A second call does nothing."""
        mine = self._items.get(client, [])
        if item in mine:
            mine.remove(item)
            self.counts.add(client, -1)
        if not mine:
            self._items.pop(client, None)

    def pop_newest(self, client: Client) -> Item:
        self.remove(client, item := self._items[client][-1])
        return item

    def pop_oldest(self, client: Client) -> Item:
        self.remove(client, item := self._items[client][0])
        return item

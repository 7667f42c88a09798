"""How hard we press on the line: flows in flight, time limits, triggers spent, residual windows (design law 8)."""

import asyncio
import statistics
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from probe.classify import OurFault
from probe.formats import failures as f
from probe.ledger import Ledger

TRIGGERS_STANDARD = 6
TRIGGERS_DEEP = 120
TLS_SIDE_BY_SIDE = 2
FIRST_IN_FLIGHT = 8
MOST_IN_FLIGHT = 128  # with 512 a slow machine keeps its own flows waiting (tests/faults/test_many.py)
LOOKUPS_SIDE_BY_SIDE = 48  # lookups under way; a home router keeps hundreds of questions in mind
SILENT = 0.5  # seconds (or six round trips) after which a flow that still goes on gives its place to the next
UNANSWERED = 0.2  # seconds (or two and a half round trips) after which one that nobody answered does
TCP_FIRST, TLS_FIRST, CONFIRM = 3.5, 4.0, 10.0  # seconds; a silent step is confirmed once at CONFIRM
HARMLESS = 2.0  # seconds for a harmless datagram that the name waits for; it is sent again after 0.3 and 0.9 s


class _Place:
    """One place among the flows in flight; given back once, whoever asks."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back: Callable[[], None] | None = give_back
        self.answered = False

    def give_back(self) -> None:
        if self._give_back is not None:
            give_back, self._give_back = self._give_back, None
            give_back()

    def give_back_unless_answered(self) -> None:
        if not self.answered:
            self.give_back()


class Pace:
    """What all measurements of one run share about the line they press on. Not thread-safe: one event loop."""

    def __init__(self, *, deep: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_triggers = TRIGGERS_DEEP if deep else TRIGGERS_STANDARD
        self._spent: Counter[tuple[str, str, str]] = Counter()
        self._ledger = Ledger(clock)
        self._tls_places: dict[tuple[str, str], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(TLS_SIDE_BY_SIDE)
        )
        self._lookups = asyncio.Semaphore(LOOKUPS_SIDE_BY_SIDE)
        self._first_round_trips: list[float] = []
        self._recent: list[float] = []
        self._latest: deque[float] = deque(maxlen=FIRST_IN_FLIGHT)
        self._places: dict[asyncio.Task[Any] | None, _Place] = {}  # by the task of the flow that holds it
        self._in_flight = 0
        self._limit = FIRST_IN_FLIGHT
        self._waiting: tuple[deque[asyncio.Future[None]], ...] = (deque(), deque())  # urgent, others
        self.bytes_sent = 0
        self.bytes_received = 0

    # -- triggers and residual windows -------------------------------------------------------------------------

    @property
    def triggers(self) -> int:
        """How many flows or datagrams with a target's name or payload went past the first hop."""
        return sum(self._spent.values())

    def can_trigger(self, name: str, address: str, transport: str) -> bool:
        """Say whether law 7 still allows one more trigger for this (name, address, transport)."""
        return self.triggers_left(name, address, transport) > 0

    def triggers_left(self, name: str, address: str, transport: str) -> int:
        """How many triggers law 7 still allows for this (name, address, transport)."""
        return self._most_triggers - self._spent[name, address, transport]

    def spend_trigger(self, name: str, address: str, transport: str, port: int = 0) -> None:
        """Count a trigger that is about to be sent. Raises OurFault when law 7's budget is spent."""
        if not self.can_trigger(name, address, transport):
            raise OurFault(f.BUDGET)
        self._spent[name, address, transport] += 1
        self._ledger.note(address, port)

    def next_round(self) -> None:
        """Begin a repeat that the volunteer asked for: law 7 counts each anew; residual windows are remembered."""
        self._spent.clear()

    def in_residual(self, address: str, port: int) -> bool:
        """Say whether an earlier trigger may still have the network punish flows to this address and port."""
        return "src,dst,dport" in self._ledger.punishable(address, port)

    def in_shadow(self, address: str, port: int) -> bool:
        """Say whether an earlier trigger to another port of this address may have the network punish this one too."""
        return "src,dst" in self._ledger.punishable(address, port)

    # -- flows in flight ---------------------------------------------------------------------------------------

    @asynccontextmanager
    async def place(self, *, urgent: bool = False) -> AsyncIterator[None]:
        """Wait for a free place among the transactions in flight, and hold it; the `urgent` are served first.

        A transaction that goes on for longer than `SILENT` (or six round trips) gives its place back early: it waits
        for an answer and presses on nothing, and a stalled host must not eat the time of the others. One that draws no
        answer at all does so sooner: where half of all hosts are silent, the others would wait for them.
        """
        await self._take(urgent)
        place, task, loop = _Place(self._give_back), asyncio.current_task(), asyncio.get_running_loop()
        self._places[task] = place
        timers = (
            loop.call_later(max(UNANSWERED, 2.5 * self.round_trip), place.give_back_unless_answered),
            loop.call_later(max(SILENT, 6 * self.round_trip), place.give_back),
        )
        try:
            yield
        finally:
            for timer in timers:
                timer.cancel()
            self._places.pop(task, None)
            place.give_back()

    @asynccontextmanager
    async def lookup_place(self) -> AsyncIterator[None]:
        """Hold a place among the lookups: a question of a hundred bytes presses on nothing that a flow presses on.

        They have places of their own, because flows wait for them: among eight places for both, the names of all
        targets would come in one after the other, and no flow would be there to show that the line bears more.
        """
        async with self._lookups:
            yield

    async def _take(self, urgent: bool) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[0 if urgent else 1].append(place)
        self._hand_out()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._give_back()
            raise

    def _give_back(self) -> None:
        self._in_flight -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        for waiting in self._waiting:
            while waiting and self._in_flight < self._limit:
                place = waiting.popleft()
                if not place.done():  # it is when whoever waited was cancelled
                    self._in_flight += 1
                    place.set_result(None)

    @asynccontextmanager
    async def tls_place(self, address: str, name: str) -> AsyncIterator[None]:
        """Hold one of the two places for TLS connections to (address, name)."""
        async with self._tls_places[address, name]:
            yield

    def saw_round_trip(self, seconds: float) -> None:
        """Learn from one completed TCP connect; widen or narrow what is in flight (law 8)."""
        if place := self._places.get(asyncio.current_task()):
            place.answered = True
        self._latest.append(seconds)
        if len(self._first_round_trips) < FIRST_IN_FLIGHT:
            self._first_round_trips.append(seconds)
            return
        self._recent.append(seconds)
        if len(self._recent) >= FIRST_IN_FLIGHT:
            calm = statistics.median(self._recent) <= 1.5 * statistics.median(self._first_round_trips) + 0.005
            self._limit = min(MOST_IN_FLIGHT, self._limit * 2) if calm else max(2, self._limit // 2)
            self._recent.clear()
            self._hand_out()

    @property
    def in_flight_limit(self) -> int:
        return self._limit

    @property
    def round_trip(self) -> float:
        """The line's median round trip in seconds, of the first or the latest, the longer; 0.0: unknown."""
        if not self._latest:
            return 0.0
        return max(statistics.median(self._first_round_trips), statistics.median(self._latest))

    # -- time limits -------------------------------------------------------------------------------------------

    def tcp_timeout(self, *, confirm: bool = False) -> float:
        """Seconds for one TCP connect: 3.5 at first, more on a slow line, 10 for the confirmation."""
        return CONFIRM if confirm else min(CONFIRM, max(TCP_FIRST, 6 * self.round_trip))

    def tls_timeout(self, *, confirm: bool = False) -> float:
        """Seconds for one TLS handshake or dialogue on an open connection."""
        return CONFIRM if confirm else min(CONFIRM, max(TLS_FIRST, 8 * self.round_trip))

    def harmless_timeout(self) -> float:
        """Seconds for a harmless QUIC hello ahead of the name; over TCP the name waits only where it could connect."""
        return min(CONFIRM, max(HARMLESS, 8 * self.round_trip))

"""How hard we press on the line: flows in flight, time limits, triggers spent, residual windows (design law 8)."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from probe.formats import failures as f
from probe.session.classify import LocalFailure
from probe.session.flow_slots import FlowSlots, Place
from probe.session.residual_ledger import ResidualLedger
from probe.session.round_trips import RoundTrips

TRIGGERS_STANDARD = 6
TRIGGERS_DEEP = 120
TLS_SIDE_BY_SIDE = 2
FEWEST_IN_FLIGHT, FIRST_IN_FLIGHT = 2, 8
MOST_IN_FLIGHT = 128  # with 512 a slow machine keeps its own flows waiting (tests/faults/test_many.py)
LOOKUPS_SIDE_BY_SIDE = 48  # lookups under way; a home router keeps hundreds of questions in mind
LOOKUPS_A_FLOW = 3  # on a line that was crowded, for each flow that may be in flight
SILENT = 0.5  # seconds (or six round trips) after which a flow that still goes on gives its place to the next
UNANSWERED = 0.2  # seconds (or two and a half round trips) after which one that nobody answered does
TCP_FIRST, TLS_FIRST, CONFIRM = 3.5, 4.0, 10.0  # seconds; a silent step is confirmed once at CONFIRM
HARMLESS = 2.0  # seconds for a harmless datagram that the name waits for; it is sent again after 0.3 and 0.9 s


class Pace:
    """What all measurements of one run share about the line they press on. Not thread-safe: one event loop."""

    def __init__(self, *, deep: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_triggers = TRIGGERS_DEEP if deep else TRIGGERS_STANDARD
        self._spent: Counter[tuple[str, str, str]] = Counter()
        self._ledger = ResidualLedger(clock)
        self._tls_places: dict[tuple[str, str], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(TLS_SIDE_BY_SIDE)
        )
        self._line = RoundTrips()
        self._lookups = FlowSlots(LOOKUPS_SIDE_BY_SIDE)
        self._flows = FlowSlots(FIRST_IN_FLIGHT)
        self._too_many: int | None = None  # flows in flight that crowded the line; None: it never was
        self._places: dict[asyncio.Task[Any] | None, Place] = {}  # by the task of the flow that holds it
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
            raise LocalFailure(f.BUDGET)
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

        A transaction that goes on for longer than `SILENT` (or six round trips, as they are by then) gives its place
        back early: it waits for an answer and presses on nothing, and a stalled host must not eat the time of the
        others. One that draws no answer at all does so sooner: where half of all hosts are silent, the others would
        wait for them.
        """
        place, task = await self._flows.take(urgent=urgent), asyncio.current_task()
        self._places[task] = place
        place.after(lambda: max(UNANSWERED, 2.5 * self.round_trip), place.give_back_unless_answered)
        place.after(lambda: max(SILENT, 6 * self.round_trip), place.give_back)
        try:
            yield
        finally:
            self._places.pop(task, None)
            place.give_back()

    @asynccontextmanager
    async def lookup_place(self) -> AsyncIterator[None]:
        """Hold a place among the lookups: a question of a hundred bytes presses on nothing that a flow presses on.

        They have places of their own, because flows wait for them: among eight places for both, the names of all
        targets would come in one after the other, and no flow would be there to show that the line bears more.
        """
        place = await self._lookups.take()
        try:
            yield
        finally:
            place.give_back()

    @asynccontextmanager
    async def tls_place(self, address: str, name: str) -> AsyncIterator[None]:
        """Hold one of the two places for TLS connections to (address, name)."""
        async with self._tls_places[address, name]:
            yield

    def saw_round_trip(self, seconds: float) -> None:
        """Learn from one completed TCP connect; widen or narrow what is in flight (law 8)."""
        if place := self._places.get(asyncio.current_task()):
            place.answered = True
        calm = self._line.connected(seconds)
        if calm is not None:
            self._widen() if calm else self._narrow()

    def saw_wait(self, seconds: float) -> None:
        """Learn how much longer than its connect the first answer of a connection took; narrow a crowded line at once.

        Where eight hellos crowd it, eight further connects would come too late.
        """
        if self._line.waited(seconds):
            self._too_many = self._flows.limit
            self._narrow()

    def _narrow(self) -> None:
        self._set_limit(max(FEWEST_IN_FLIGHT, self._flows.limit // 2))

    def _widen(self) -> None:
        """Twice as many; from half of those on that were too many, one more at a time."""
        limit = self._flows.limit
        near = self._too_many is not None and 2 * limit >= self._too_many
        self._set_limit(min(MOST_IN_FLIGHT, limit + 1 if near else 2 * limit))

    def _set_limit(self, limit: int) -> None:
        self._flows.limit = limit
        if self._too_many is not None:  # questions fill a thin line as flows do
            self._lookups.limit = min(LOOKUPS_SIDE_BY_SIDE, LOOKUPS_A_FLOW * limit)

    @property
    def in_flight_limit(self) -> int:
        return self._flows.limit

    @property
    def in_flight(self) -> int:
        return self._flows.taken

    @property
    def round_trip(self) -> float:
        """The line's median round trip in seconds, with what packets wait in queues; 0.0: unknown."""
        return self._line.round_trip

    # -- time limits -------------------------------------------------------------------------------------------

    def tcp_timeout(self, *, confirm: bool = False) -> float:
        """Seconds for one TCP connect: 3.5 at first, more on a slow line, 10 for the confirmation."""
        return CONFIRM if confirm else min(CONFIRM, max(TCP_FIRST, 6 * self.round_trip))

    def tls_timeout(self, *, confirm: bool = False) -> float:
        """Seconds for one TLS handshake or dialogue on an open connection."""
        return CONFIRM if confirm else min(CONFIRM, max(TLS_FIRST, 8 * self.round_trip))

    def innocuous_timeout(self) -> float:
        """Seconds for a harmless QUIC hello ahead of the name; over TCP the name waits only where it could connect."""
        return min(CONFIRM, max(HARMLESS, 8 * self.round_trip))

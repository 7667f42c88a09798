"""Limit what a run does: flows in flight, timeouts, triggers, residual windows and addresses (P7, P8).

Measure how many bytes a second a run receives while its access line is busiest.

Remember triggers by address and port, and tell which later flows residual censorship may affect (P8).

A network that acted on a flow may also act on later flows to the same address, or to the same address and port. It may
also require the same source port. That case cannot occur, because every socket has a new one.
"""

import asyncio
import copy
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Literal

from probe.formats import failures as f
from probe.session.classify import LocalFailure
from probe.session.flow_slots import FlowSlots, Priority, Slot
from probe.session.parallel_hellos import HelloCounts
from probe.session.round_trips import RoundTrips
from probe.targets.address_guard import Contacts, Elsewhere
from probe.targets.translator_prefix import TranslatorPrefix

RESIDUAL_SECONDS = 180.0  # the longest window that is common in published measurements

Tuple = Literal["src,dst", "src,dst,dport"]
"""What a later flow has in common with a trigger."""


class ResidualLedger:
    """Record the last trigger by address and port, and where innocuous flows were silent before any trigger."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, dict[int, float]] = {}
        self._silent: set[tuple[str, int]] = set()

    def note(self, address: str, port: int) -> None:
        """Record a trigger to this address and port."""
        self._said.setdefault(address, {})[port] = self._clock()

    def note_innocuous(self, address: str, port: int, *, answered: bool) -> None:
        """Record how an innocuous flow that ended just now ended. Silence after a trigger shows nothing."""
        if answered:
            self._silent.discard((address, port))
        elif port not in self._said.get(address, {}):
            self._silent.add((address, port))

    def is_silent_anyway(self, address: str, port: int) -> bool:
        """Return whether an innocuous flow was silent here before any trigger to this port, and none passed since."""
        return (address, port) in self._silent

    def was_named(self, address: str) -> bool:
        """Return whether any trigger went to this address."""
        return address in self._said

    def affected_tuples(self, address: str, port: int) -> frozenset[Tuple]:
        """Return the tuples by which residual censorship may affect a flow to this address and port now."""
        now, said = self._clock(), self._said.get(address, {})
        open_windows = {other for other, when in said.items() if now - when < RESIDUAL_SECONDS}
        same: frozenset[Tuple] = frozenset({"src,dst,dport"} if port in open_windows else ())
        return same | frozenset({"src,dst"} if open_windows - {port} else ())


WINDOW = 5.0  # seconds. A busy computer reads the bytes of a second or two at once.
SHORTEST = 0.5  # seconds of the first window before which its rate says nothing


class ReceivedRate:
    """Hold the rate of the busiest of all windows of `WINDOW` seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: float | None = None
        self._bytes = 0
        self._most = 0.0  # bytes per second of a window that is over
        self._first = True

    def add(self, count: int) -> None:
        """Count bytes that were received now."""
        now = self._clock()
        if self._began is None or now - self._began >= WINDOW:
            self._most = max(self._most, self._bytes / WINDOW)
            self._first = self._began is None
            self._began, self._bytes = now, 0
        self._bytes += count

    @property
    def bytes_per_second(self) -> int:
        """Return the rate of the busiest window, 0 before the first byte. The first window may still be short."""
        if self._began is None:
            return 0
        seconds = min(WINDOW, max(SHORTEST, self._clock() - self._began)) if self._first else WINDOW
        return round(max(self._most, self._bytes / seconds))


TRIGGERS_STANDARD = 6
TRIGGERS_DEEP = 120
TLS_SIDE_BY_SIDE = 2
FEWEST_IN_FLIGHT, FIRST_IN_FLIGHT = 2, 8
MOST_IN_FLIGHT = 128  # with 512 a slow computer delays its own flows (tests/faults/test_many.py)
LOOKUPS_SIDE_BY_SIDE = 48  # lookups under way. A home router remembers hundreds of questions.
LOOKUPS_A_FLOW = 3  # lookups per flow in flight, after the access line was crowded
SILENT = 0.5  # seconds (or six round trips) after which a flow that still runs frees its slot
UNANSWERED = 0.2  # seconds (or two and a half round trips) after which an unanswered flow frees its slot
TCP_FIRST, TLS_FIRST, CONFIRM = 3.5, 4.0, 10.0  # seconds. A silent step is confirmed once with CONFIRM.
INNOCUOUS = 2.0  # seconds for an innocuous datagram before the name. It is repeated after 0.3 and 0.9 s.


class Pace:
    """Hold what all measurements of one run share about their load on the network.

    It is not thread-safe, because all of them use one event loop. `contacts`: the addresses to which a socket may
    be made (P7).
    """

    def __init__(
        self,
        *,
        deep: bool = False,
        contacts: Contacts | Elsewhere = Contacts.TARGETS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.contacts = contacts
        self._most_triggers = TRIGGERS_DEEP if deep else TRIGGERS_STANDARD
        self._spent: Counter[tuple[str, str, str]] = Counter()
        self._ledger = ResidualLedger(clock)
        self._tls_slots: dict[tuple[str, str], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(TLS_SIDE_BY_SIDE)
        )
        self.hellos = HelloCounts(clock)
        self._line = RoundTrips()
        self._lookups = FlowSlots(LOOKUPS_SIDE_BY_SIDE)
        self.flows = FlowSlots(FIRST_IN_FLIGHT)
        self._too_many: int | None = None  # flows in flight that crowded the access line, None if it never was
        self._slots: dict[asyncio.Task[Any] | None, Slot] = {}  # by the task that holds the slot
        # longest TCP segment in bytes by family, where larger packets are lost on the way. Else the system's.
        self.segment_sizes: dict[int, int] = {}
        self.translator: TranslatorPrefix | None = None  # of a network without IPv4 (RFC 7050)
        self.bytes_sent = 0
        self.bytes_received = 0
        self._received_rate = ReceivedRate(clock)

    # -- addresses ---------------------------------------------------------------------------------------------

    def way_to(self, ip: str) -> str:
        """Return the address to which packets for `ip` are sent: the same, or the translator's for an IPv4 address.

        Measurements name the server's own address, because it is the same in every network.
        """
        return self.translator.embed(ip) if self.translator is not None and ":" not in ip else ip

    def untranslated(self, ips: Iterable[str]) -> list[str]:
        """Return addresses of servers: what a resolver made for the translator (DNS64) becomes the IPv4 address."""
        known = self.translator
        return list(dict.fromkeys(known.extract(ip) or ip for ip in ips)) if known is not None else list(ips)

    # -- triggers and residual windows -------------------------------------------------------------------------

    @property
    def triggers(self) -> int:
        """Return the number of flows or datagrams with a target's name or payload that passed the first hop."""
        return sum(self._spent.values())

    def can_trigger(self, name: str, address: str, transport: str) -> bool:
        """Tell whether the budget (P7) allows one more trigger for this (name, address, transport)."""
        return self.triggers_left(name, address, transport) > 0

    def triggers_left(self, name: str, address: str, transport: str) -> int:
        """Return the number of triggers left (P7) for this (name, address, transport)."""
        return self._most_triggers - self._spent[name, address, transport]

    def spend_trigger(self, name: str, address: str, transport: str, port: int = 0) -> None:
        """Count a trigger before it is sent. Raises LocalFailure if the budget (P7) is spent."""
        if not self.can_trigger(name, address, transport):
            raise LocalFailure(f.BUDGET)
        self._spent[name, address, transport] += 1
        self._ledger.note(address, port)

    def next_round(self) -> None:
        """Start a repeat that the user asked for. The trigger budget is new, and residual windows are remembered."""
        self._spent.clear()

    def in_residual(self, address: str, port: int) -> bool:
        """Tell whether an earlier trigger may still cause residual censorship of this address and port."""
        return "src,dst,dport" in self._ledger.affected_tuples(address, port)

    def in_address_residual(self, address: str, port: int) -> bool:
        """Tell whether a trigger to another port of this address may still cause residual censorship here."""
        return "src,dst" in self._ledger.affected_tuples(address, port)

    def note_innocuous(self, address: str, port: int, *, answered: bool) -> None:
        """Record whether an innocuous flow that ended just now was answered, or was silent."""
        self._ledger.note_innocuous(address, port, answered=answered)

    def is_silent_anyway(self, address: str, port: int) -> bool:
        """Return whether innocuous flows were silent here before any trigger, and none passed since.

        Then residual censorship is not what silences a later one.
        """
        return self._ledger.is_silent_anyway(address, port)

    def was_named(self, address: str) -> bool:
        """Return whether a target's name or payload was sent to this address during the run."""
        return self._ledger.was_named(address)

    # -- flows in flight ---------------------------------------------------------------------------------------

    @asynccontextmanager
    async def slot(self, priority: Priority = Priority.LATER) -> AsyncIterator[None]:
        """Wait for a free slot among the transactions in flight, and hold it.

        A transaction that runs for longer than `SILENT` (or six current round trips) frees its slot early. It only
        waits for an answer, and a stalled host must not delay the others. An unanswered transaction frees it sooner.
        Otherwise, if half of all hosts are silent, the others would wait for them.
        """
        slot, task = await self.flows.take(priority), asyncio.current_task()
        self._slots[task] = slot
        slot.after(lambda: max(UNANSWERED, 2.5 * self.round_trip), slot.give_back_unless_answered)
        slot.after(lambda: max(SILENT, 6 * self.round_trip), slot.give_back)
        try:
            yield
        finally:
            self._slots.pop(task, None)
            slot.give_back()

    @asynccontextmanager
    async def lookup_slot(self, priority: Priority = Priority.LATER) -> AsyncIterator[None]:
        """Hold a slot among the lookups.

        Lookups have their own slots, because flows wait for them. With eight slots for both, names would arrive one
        by one. No flow would then show that the access line can carry more.
        """
        slot = await self._lookups.take(priority)
        try:
            yield
        finally:
            slot.give_back()

    @asynccontextmanager
    async def tls_slot(self, address: str, name: str) -> AsyncIterator[None]:
        """Hold one of the two slots for TLS connections to (address, name)."""
        async with self._tls_slots[address, name]:
            yield

    @property
    def bytes_moved(self) -> int:
        """Return the bytes of payload that were sent and received."""
        return self.bytes_sent + self.bytes_received

    def in_thread(self) -> "Pace":
        """Return a pace for flows of another thread. `take_counts` adds what they sent and received.

        It shares nothing else that such flows change.
        """
        other = copy.copy(self)
        other.bytes_sent = other.bytes_received = 0
        other._received_rate = ReceivedRate()
        return other

    def take_counts(self, other: "Pace") -> None:
        """Add the bytes of flows that ended in another thread. They are not part of the received rate."""
        self.bytes_sent += other.bytes_sent
        self.bytes_received += other.bytes_received

    def sent(self, count: int) -> None:
        """Count bytes of payload that were sent."""
        self.bytes_sent += count

    def received(self, count: int) -> None:
        """Count bytes of payload that were received."""
        self.bytes_received += count
        self._received_rate.add(count)

    def saw_round_trip(self, seconds: float) -> None:
        """Take the round trip of one TCP connect in seconds, and adapt the number of flows in flight (P8)."""
        if slot := self._slots.get(asyncio.current_task()):
            slot.answered = True
        calm = self._line.connected(seconds)
        if calm is not None:
            self._widen() if calm else self._narrow()

    def saw_wait(self, seconds: float, network: str = "") -> None:
        """Take the extra time of a connection's first answer over its connect. Halve the flows of a crowded line.

        `network` is that of the server. If eight hellos crowd the line, eight further connects would show it too late.
        """
        if self._line.waited(seconds, network):
            self._too_many = self.flows.limit
            self._narrow()

    def _narrow(self) -> None:
        self._set_limit(max(FEWEST_IN_FLIGHT, self.flows.limit // 2))

    def _widen(self) -> None:
        """Double the flows in flight. From half of a number that was too high, add one at a time."""
        limit = self.flows.limit
        near = self._too_many is not None and 2 * limit >= self._too_many
        self._set_limit(min(MOST_IN_FLIGHT, limit + 1 if near else 2 * limit))

    def _set_limit(self, limit: int) -> None:
        self.flows.limit = limit
        if self._too_many is not None:  # lookups fill a narrow access line as flows do
            self._lookups.limit = min(LOOKUPS_SIDE_BY_SIDE, LOOKUPS_A_FLOW * limit)

    @property
    def round_trip(self) -> float:
        """Return the median round trip of the access line in seconds, queueing included. 0.0 means unknown."""
        return self._line.round_trip

    @property
    def queueing(self) -> float:
        """Return the longest time in seconds for which answers lay in a queue, 0.0 if unknown.

        It may be that of a limit on the way to few networks. Silence there accuses nothing either.
        """
        return self._line.longest_waiting

    @property
    def line_queueing(self) -> float:
        """Return the longest time for which answers of several networks queued.

        The access line's queue delays these.
        """
        return self._line.line_waiting

    @property
    def received_rate(self) -> int:
        """Return the bytes per second that were received while the access line was busiest."""
        return self._received_rate.bytes_per_second

    # -- time limits -------------------------------------------------------------------------------------------

    def tcp_timeout(self, *, confirm: bool = False) -> float:
        """Return the timeout of a TCP connect in seconds: 3.5, more on a slow line, 10 for the confirmation."""
        return CONFIRM if confirm else min(CONFIRM, max(TCP_FIRST, 6 * self.round_trip))

    def tls_timeout(self, *, confirm: bool = False) -> float:
        """Return the timeout of a TLS handshake or of a dialogue on an open connection, in seconds."""
        return CONFIRM if confirm else min(CONFIRM, max(TLS_FIRST, 8 * self.round_trip))

    def innocuous_timeout(self) -> float:
        """Return the timeout of an innocuous QUIC hello in seconds. Over TCP the name waits only after a successful
        connect.
        """
        return min(CONFIRM, max(INNOCUOUS, 8 * self.round_trip))

"""Record the transactions of a measurement. Each is a chain of steps, and a step writes one entry."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from probe.formats import failures as f
from probe.formats.entries import Entry
from probe.formats.exchanges.recorded_packets import Flow
from probe.formats.followups import FollowUp
from probe.formats.transactions import Family, Kind, TransactionRecord
from probe.session.classify import NETWORK_ERRORS, LocalFailure, classify, describe, has_run_out

# seconds after its deadline from which a step's failure is local: the process was stopped and received nothing
OVERSLEPT = 3.0

_Part = TypeVar("_Part", TransactionRecord, Entry)


class StepFailed(Exception):
    """Report that a step failed, and its transaction ends. Raised by `step`, caught by `transaction`."""

    def __init__(self, operation: str, failure: str) -> None:
        super().__init__(f"{operation}: {failure}")
        self.operation = operation
        self.failure = failure


@dataclass(frozen=True)
class TransactionFacts:
    """Hold what is known of a transaction before its first step. The fields are those of TransactionRecord."""

    kind: Kind
    followup: FollowUp = ""
    cause: int | None = None
    service: str = ""
    endpoint: str = ""
    hostname: str = ""
    address: str = ""
    port: int = 0
    family: Family = 0
    address_sources: tuple[str, ...] = ()
    corroborated: bool = False
    sent_name: str = ""
    in_residual: bool = False
    trigger: bool = False


@dataclass
class Transaction:
    """Represent a chain of steps on one connection. `connections` closes what the steps opened."""

    trace: "Trace"
    record: TransactionRecord
    connections: AsyncExitStack
    stopped_by: StepFailed | None = None
    entries: list[Entry] = field(default_factory=list)
    overslept: bool = False  # a step failed because this computer was busy

    @asynccontextmanager
    async def step(self, entry: Entry, timeout: float) -> AsyncIterator[None]:
        """Time `entry`, name its failure and keep it, also if it is cancelled. `timeout` is in seconds.

        Raises StepFailed if the network failed. Cancellation and bugs are recorded as such and raised again.
        """
        entry.transaction_id, entry.tags = self.record.transaction_id, [*entry.tags, *self.tags()]
        entry.t0 = self.trace.elapsed()
        try:
            async with asyncio.timeout(timeout):
                yield
        except NETWORK_ERRORS as error:
            self.overslept = self.trace.elapsed() - entry.t0 > timeout + self.trace.overslept
            entry.failure = f.INTERRUPTED if self.overslept else classify(error)
            raise StepFailed(entry.OPERATION, entry.failure) from error
        except asyncio.CancelledError:
            entry.failure = f.INTERRUPTED
            raise
        except Exception as bug:
            entry.failure = f"{f.BUG}: {type(bug).__name__}"
            raise
        else:
            self.record.steps.append(entry.OPERATION)
        finally:
            entry.t = self.trace.elapsed()
            self.keep(entry)

    def keep(self, entry: Entry) -> None:
        """Keep an entry that was timed elsewhere. One call of getaddrinfo gives two entries."""
        entry.transaction_id = self.record.transaction_id
        self.entries.append(entry)
        self.trace.add(entry)

    def opened(
        self, protocol: Literal["tcp", "udp"], local_port: int, address: str, port: int, *, hidden: bool = False
    ) -> None:
        """Remember the ports of a socket, by which its raw packets are found. They are written to no file.

        `hidden`: the measurement gets none of these packets.
        """
        flow = Flow(
            protocol=protocol,
            local_port=local_port,
            address=address,
            port=port,
            transaction_id=self.record.transaction_id,
            since=time.monotonic(),
            hidden=hidden,
        )
        self.trace.flows.append(flow)
        self.trace.on_opened(address, port)

    def tags(self) -> list[str]:
        return [tag for tag in (self.record.service, self.record.kind, self.record.followup) if tag]


@dataclass(frozen=True)
class Redirect:
    """Represent a redirect: the endpoint tried next for the service, by transactions from `since` on."""

    service: str
    endpoint: str
    since: int


LONGEST_WAIT = 3.0  # seconds. A server or a router may forget a connection that waits for long.
LOOKS = 60  # at the first request meanwhile


class LongPage:
    """Hold of which endpoint's page more bytes are read: at one address, and if it stops there, at the others too."""

    def __init__(self) -> None:
        self.url = ""
        self._pauses: Callable[[], bool] | None = None
        self._ended, self._stops = asyncio.Event(), False

    async def is_read_on(self, pauses: Callable[[], bool]) -> bool:
        """Return whether the next flow reads more bytes. The first one does.

        The others wait until the first one has ended or stands still, as its `pauses` tells.
        """
        if self._pauses is None:
            self._pauses = pauses
            return True
        for _ in range(LOOKS):
            if self._ended.is_set() or self._pauses():
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), LONGEST_WAIT / LOOKS)
        return self._stops or (not self._ended.is_set() and self._pauses())

    def ended(self, *, silent: bool) -> None:
        """Note that a flow has ended, and whether it fell silent."""
        self._stops = self._stops or silent
        self._ended.set()


class Trace:
    """Hold all transactions of one measurement, on a monotonic clock that starts at 0 with it."""

    overslept: float = OVERSLEPT

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        on_opened: Callable[[str, int], None] = lambda address, port: None,
    ) -> None:
        """Begin without transactions. `on_opened` gets the address and port of each socket that a transaction opens."""
        self._clock, self.on_opened = clock, on_opened
        self._zero = clock()
        self._next_id = 1
        self._tails: set[asyncio.Task[None]] = set()
        self.transactions: list[TransactionRecord] = []
        self.entries: list[Entry] = []
        self._by_transaction: dict[int, list[Entry]] = {}
        self.flows: list[Flow] = []
        self.bugs: list[str] = []
        # endpoints left out because their address was already visited (P4): failure of that visit
        self.not_visited: dict[str, str] = {}
        self.redirects: list[Redirect] = []
        self.tried_again: set[int] = set()  # transactions with a step that overslept. Each has a successor.
        self.cut_short = False  # set if a limit of time or descriptors prevented an attempt
        self.awaits_media = False  # True: the measurement only waits for the media flows of the run
        self.long_page = LongPage()

    @property
    def zero(self) -> float:
        """Return the clock's value at the start of the measurement."""
        return self._zero

    def not_visiting(self, endpoint: str, failure: str) -> None:
        """Record that an endpoint was left out, because an earlier visit to its address ended with `failure`."""
        self.not_visited.setdefault(endpoint, failure)

    def redirected(self, service: str, endpoint: str) -> None:
        """Record that the next attempts follow a redirect of the service to `endpoint`."""
        self.redirects.append(Redirect(service, endpoint, self._next_id))

    def adopt(self, other: "Trace") -> None:
        """Add the transactions and entries of another trace, with new numbers and with times of this clock."""
        shift, numbers = other.zero - self.zero, dict[int, int]()
        for record in other.transactions:
            numbers[record.transaction_id] = self._next_id
            self._next_id += 1
            self.transactions.append(_copy(record, numbers, shift))
        for entry in other.entries:
            self.add(_copy(entry, numbers, shift))

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._by_transaction.setdefault(entry.transaction_id, []).append(entry)

    def entries_of(self, record: TransactionRecord) -> list[Entry]:
        return self._by_transaction.get(record.transaction_id, [])

    def attempts(self) -> list[TransactionRecord]:
        """Return the transactions without those that were tried again."""
        return [record for record in self.transactions if record.transaction_id not in self.tried_again]

    def elapsed(self) -> float:
        """Return the seconds since the measurement began."""
        return round(self._clock() - self._zero, 6)

    @asynccontextmanager
    async def transaction(self, facts: TransactionFacts) -> AsyncIterator[Transaction]:
        """Open a transaction that ends at the first step that fails, and close its connections.

        A bug in the probe costs only this transaction. It is described in `bugs`, and other transactions continue.
        """
        record = _record(self._next_id, facts)
        self._next_id += 1
        self.transactions.append(record)
        record.t0 = self.elapsed()
        try:
            async with AsyncExitStack() as connections:
                tx = Transaction(self, record, connections)
                try:
                    yield tx
                except StepFailed as stopped:
                    tx.stopped_by = stopped
                    record.failed_operation, record.failure = stopped.operation, stopped.failure
                except LocalFailure as fault:
                    record.failed_operation, record.failure = "top_level", fault.failure
                except asyncio.CancelledError:
                    record.failed_operation, record.failure = "top_level", f.INTERRUPTED
                    raise
                except Exception as bug:
                    said = f.FILES_EXHAUSTED if has_run_out(bug) else f"{f.BUG}: {type(bug).__name__}"
                    record.failed_operation, record.failure = "top_level", said
                    self.note_bug(bug)
        finally:
            record.t = self.elapsed()

    def note_bug(self, bug: BaseException) -> None:
        """Describe a bug. If only descriptors were exhausted, record a missing attempt, as after a time limit."""
        if has_run_out(bug):
            self.cut_short = True
        else:
            self.bugs.append(describe(bug))

    def later(self, tail: Coroutine[Any, Any, None]) -> None:
        """Run `tail` beside later steps, for example a socket that continues to listen. `finish` waits for it."""
        task = asyncio.create_task(tail)
        self._tails.add(task)
        task.add_done_callback(self._tail_done)

    def _tail_done(self, task: asyncio.Task[None]) -> None:
        self._tails.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            self.note_bug(bug)

    async def settled(self, *, patience: float = 3.0) -> None:
        """Wait at most `patience` seconds until no tail runs, without cancelling any."""
        end = time.monotonic() + patience
        while self._tails and (left := end - time.monotonic()) > 0:
            await asyncio.wait(set(self._tails), timeout=left)

    async def finish(self, *, patience: float = 3.0) -> None:
        """Wait at most `patience` seconds for the tails, then cancel them."""
        if not self._tails:
            return
        _, late = await asyncio.wait(set(self._tails), timeout=patience)
        for task in late:
            task.cancel()
        if late:  # a cancelled step still writes its entry
            await asyncio.wait(late)


def _copy(part: _Part, numbers: dict[int, int], shift: float) -> _Part:
    times = {"t0": round(part.t0 + shift, 6), "t": round(part.t + shift, 6)}
    return part.model_copy(update={"transaction_id": numbers[part.transaction_id], **times})


def _record(transaction_id: int, facts: TransactionFacts) -> TransactionRecord:
    return TransactionRecord(
        transaction_id=transaction_id,
        kind=facts.kind,
        followup=facts.followup,
        cause=facts.cause,
        service=facts.service,
        endpoint=facts.endpoint,
        hostname=facts.hostname,
        address=facts.address,
        port=facts.port,
        family=facts.family,
        address_sources=list(facts.address_sources),
        corroborated=facts.corroborated,
        sent_name=facts.sent_name,
        in_residual=facts.in_residual,
        trigger=facts.trigger,
    )

"""Run one attempt at a faulty server, and check what must hold whatever the server did."""

import asyncio
import gc
import os
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date

from probe.formats.entries import Entry
from probe.formats.transactions import TransactionRecord
from probe.session.pacing import Pace
from probe.session.session import RunSettings, Session
from probe.session.trace import Trace
from probe.targets.target import NeutralHosts, Target
from tests.support.faults.closed_list import is_of_the_network
from tests.support.loop_clock import LoopClock

LIMIT = 0.25  # seconds for a step
SLACK = 4.0  # seconds more until the attempt counts as endless (two of them are the grace period of a step)
LARGEST_ENTRY = 150_000  # characters of JSON (a DNS entry may keep 64 forged answers)


class Quick(Pace):
    """Allow flows without any waiting."""

    limit: float = LIMIT

    def tcp_timeout(self, *, confirm: bool = False) -> float:
        return max(2.0, self.limit)  # a server on loopback has answered by then, also on a busy machine

    def tls_timeout(self, *, confirm: bool = False) -> float:
        return self.limit


def a_session(pace: Pace) -> Session:
    resolvers = Target("resolvers", "dnscheck", "", "", date(2026, 1, 1), {}, "")
    return Session("faults", RunSettings(), pace, NeutralHosts((), "none.invalid", (), (), None, ""), resolvers)


@dataclass
class Attempt:
    """Hold what was recorded. `seconds` is the duration on a machine without other work."""

    record: TransactionRecord
    entries: list[Entry]
    seconds: float
    received: int

    @property
    def failure(self) -> str | None:
        return self.record.failure


@dataclass
class Open:
    """Hold a running attempt."""

    trace: Trace
    pace: Quick
    session: Session
    result: Attempt | None = None

    def done(self) -> Attempt:
        assert self.result is not None
        return self.result


@asynccontextmanager
async def attempt(limit: float = LIMIT) -> AsyncIterator[Open]:
    """Open a trace for one attempt. At the end check that it is sound, and set `result`."""
    pace = Quick()
    pace.limit = limit
    under_way = Open(Trace(), pace, a_session(pace))
    under_way.trace.overslept = 60.0  # a busy machine is no fault here: `seconds` is measured without it
    clock = LoopClock()
    try:
        yield under_way
    finally:
        seconds = await clock.stop()
    (record,) = under_way.trace.transactions
    await under_way.trace.finish()
    under_way.result = Attempt(record, under_way.trace.entries, seconds, pace.bytes_received)
    assert_sound(under_way.trace, under_way.done(), limit)


def assert_sound(trace: Trace, made: Attempt, limit: float) -> None:
    """Assert that it ended in time, with one entry per step, listed failures, no local failure and small entries."""
    assert trace.bugs == []
    assert made.seconds <= limit * max(1, len(made.entries)) + SLACK, made.seconds
    failed = [entry for entry in made.entries if entry.failure is not None]
    assert len(failed) == (0 if made.failure is None else 1), made.entries
    if made.failure is not None:
        assert is_of_the_network(made.failure), made.failure
        assert (failed[0].failure, failed[0].OPERATION) == (made.failure, made.record.failed_operation)
    assert made.record.steps == [entry.OPERATION for entry in made.entries if entry.failure is None]
    for entry in made.entries:
        assert 0 <= entry.t0 <= entry.t <= made.record.t
        assert len(entry.model_dump_json()) < LARGEST_ENTRY


@asynccontextmanager
async def leaking_nothing() -> AsyncIterator[None]:
    """Assert that all new descriptors and tasks are gone soon after, and that the event loop reported no error."""
    loop = asyncio.get_running_loop()
    complaints: list[str] = []
    loop.set_exception_handler(lambda _, about: complaints.append(str(about)))  # also tasks that were never awaited
    gc.collect()
    before = _held()
    yield
    for _ in range(50):
        await asyncio.sleep(0.01)
        if _held() == before:
            break
    gc.collect()
    loop.set_exception_handler(None)
    assert _held() == before, (before, _held(), [os.readlink(f"/proc/self/fd/{n}") for n in _descriptors()])
    assert complaints == []


def _descriptors() -> list[str]:
    listed = os.listdir("/proc/self/fd")
    return [number for number in listed if os.path.islink(f"/proc/self/fd/{number}")]


def _held() -> tuple[int, int]:
    return len(_descriptors()), len(asyncio.all_tasks())


@contextmanager
def in_memory(most: int) -> Iterator[None]:
    """Assert that Python never holds `most` bytes more than at the beginning."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        yield
        assert tracemalloc.get_traced_memory()[1] - before < most, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

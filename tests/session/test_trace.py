"""Test the recorder: one entry per step, the first failure ends a transaction, a bug costs only its own."""

import asyncio
import errno
from collections.abc import Iterator

import pytest

from probe.formats import failures as f
from probe.formats.entries import TCPConnect
from probe.session.classify import LocalFailure
from probe.session.trace import StepFailed, Trace, TransactionFacts


def entry() -> TCPConnect:
    return TCPConnect(ip="192.0.2.1", port=443)


def ticking(step: float = 1.0) -> Iterator[float]:
    now = 0.0
    while True:
        yield now
        now += step


async def test_success_is_recorded_with_times() -> None:
    clock = ticking()
    trace = Trace(lambda: next(clock))
    async with trace.transaction(TransactionFacts("first", service="web")) as tx, tx.step(entry(), 1.0):
        pass
    (written,) = trace.entries
    assert written.failure is None
    assert 0 < written.t0 < written.t
    assert written.transaction_id == 1 and written.tags == ["web", "first"]
    assert trace.transactions[0].steps == ["connect"]
    assert trace.transactions[0].failure is None


async def test_transaction_ends_at_first_failure() -> None:
    trace, reached = Trace(), list[str]()
    async with trace.transaction(TransactionFacts("first")) as tx:
        async with tx.step(entry(), 1.0):
            raise ConnectionResetError(104, "reset")
        reached.append("second step")  # type: ignore[unreachable]
    assert not reached
    assert (trace.transactions[0].failed_operation, trace.transactions[0].failure) == ("connect", f.RESET)
    assert isinstance(tx.stopped_by, StepFailed)
    assert trace.entries[0].model_dump()["status"] == {"success": False, "failure": f.RESET}
    assert trace.bugs == []


async def test_entries_are_found_by_transaction() -> None:
    trace, other = Trace(), Trace()
    for of in (trace, trace, other):
        async with of.transaction(TransactionFacts("first")) as tx:
            async with tx.step(entry(), 1.0):
                pass
            tx.keep(entry())
    trace.adopt(other)
    by_transaction = [trace.entries_of(record) for record in trace.transactions]
    assert [[one.transaction_id for one in found] for found in by_transaction] == [[1, 1], [2, 2], [3, 3]]
    assert [one for found in by_transaction for one in found] == trace.entries
    assert other.entries_of(trace.transactions[2]) == []


async def test_silent_step_is_timeout() -> None:
    trace = Trace()
    async with trace.transaction(TransactionFacts("first")) as tx, tx.step(entry(), 0.01):
        await asyncio.sleep(5)
    assert trace.entries[0].failure == f.TIMEOUT


async def test_bug_is_local_failure_of_its_transaction() -> None:
    trace = Trace()
    async with trace.transaction(TransactionFacts("first")) as tx, tx.step(entry(), 1.0):
        raise ValueError("a secret value")
    async with trace.transaction(TransactionFacts("first")) as tx, tx.step(entry(), 1.0):
        pass
    assert f.is_local(trace.entries[0].failure) and f.is_local(trace.transactions[0].failure)
    assert trace.entries[1].failure is None
    assert len(trace.bugs) == 1 and trace.bugs[0].startswith("ValueError")
    assert "secret" not in str(trace.bugs) + str(trace.entries)


async def test_cancellation_is_recorded_and_raised() -> None:
    trace = Trace()

    async def hang() -> None:
        async with trace.transaction(TransactionFacts("first")) as tx, tx.step(entry(), 60):
            await asyncio.sleep(60)

    task = asyncio.create_task(hang())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert trace.entries[0].failure == f.INTERRUPTED
    assert trace.transactions[0].failure == f.INTERRUPTED
    assert trace.bugs == []


async def test_local_failure_ends_transaction_and_is_no_bug() -> None:
    trace = Trace()
    async with trace.transaction(TransactionFacts("first")):
        raise LocalFailure(f.BUDGET)
    assert trace.transactions[0].failure == f.BUDGET and trace.bugs == []


async def test_failed_step_closes_connections() -> None:
    trace, closed = Trace(), list[str]()
    async with trace.transaction(TransactionFacts("first")) as tx:
        tx.connections.callback(closed.append, "closed")
        async with tx.step(entry(), 1.0):
            raise ConnectionRefusedError(111, "refused")
    assert closed == ["closed"]


async def test_background_task_runs_on_and_finish_waits() -> None:
    trace, seen = Trace(), list[str]()

    async def tail() -> None:
        await asyncio.sleep(0.02)
        seen.append("late datagram")

    trace.later(tail())
    assert seen == []
    await trace.finish()
    assert seen == ["late datagram"]


async def test_settled_waits_for_nested_background_tasks() -> None:
    trace, seen = Trace(), list[str]()

    async def second() -> None:
        await asyncio.sleep(0.01)
        seen.append("second")

    async def first() -> None:
        await asyncio.sleep(0.01)
        trace.later(second())

    trace.later(first())
    await trace.settled()
    assert seen == ["second"]


async def test_finish_cancels_endless_task_and_records_bug() -> None:
    trace = Trace()

    async def buggy() -> None:
        raise KeyError("x")

    trace.later(asyncio.sleep(60))
    trace.later(buggy())
    await asyncio.wait_for(trace.finish(patience=0.05), 2)
    assert [bug.split(" ")[0] for bug in trace.bugs] == ["KeyError"]


async def test_missing_descriptors_are_local_failure_and_no_bug() -> None:
    trace = Trace()

    async def tail() -> None:
        raise OSError(errno.ENFILE, "Too many open files in system")

    async with trace.transaction(TransactionFacts("first")):
        raise OSError(errno.EMFILE, "Too many open files")  # outside any step: a module imported at first use
    trace.later(tail())
    await trace.finish()
    assert (trace.bugs, trace.cut_short) == ([], True)
    assert trace.transactions[0].failure == f.FILES_EXHAUSTED


@pytest.mark.parametrize("slept", [0.0, 2.0, 60.0])
@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError(errno.ECONNRESET, "reset")])
async def test_failure_during_suspension_is_interrupted(slept: float, error: OSError) -> None:
    now = [100.0]
    trace = Trace(lambda: now[0])
    async with (
        trace.transaction(TransactionFacts("first")) as tx,
        tx.step(entry := TCPConnect(ip="192.0.2.1", port=443), 5.0),
    ):
        now[0] += 5.0 + slept
        raise error
    assert tx.record.failure == entry.failure
    assert (entry.failure == f.INTERRUPTED) == (slept > 5.0)

"""Test that coroutines run on a loop that watches sockets."""

import asyncio
import socket
import time

import pytest

from probe.platforms import event_loop


def test_loop_is_one_that_watches_sockets() -> None:
    async def main() -> bytes:
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()
        assert isinstance(loop, asyncio.SelectorEventLoop)
        one, other = socket.socketpair()
        event_loop.watch(one, arrived.set)
        other.send(b"text")
        async with asyncio.timeout(5):
            await arrived.wait()
        event_loop.forget(loop, one)
        with one, other:
            return one.recv(10)

    assert event_loop.run(main()) == b"text"


@pytest.mark.timed
async def test_busy_loop_does_not_delay_a_thread() -> None:
    """Check that a coroutine in a thread goes on in time while this loop computes."""
    late = list[float]()

    async def tick() -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        for number in range(20):
            await asyncio.sleep(max(0.0, began + number * 0.02 - clock()))
            late.append(clock() - began - number * 0.02)

    running = asyncio.create_task(event_loop.run_in_thread(tick()))
    while not running.done():
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            pass
        await asyncio.sleep(0)
    await running
    assert len(late) == 20 and sorted(late)[15] < 0.06


async def test_cancelled_caller_waits_for_the_end_of_the_thread() -> None:
    ended = list[str]()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            ended.append("ended")

    running = asyncio.create_task(event_loop.run_in_thread(endless()))
    await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == ["ended"]


async def test_bug_in_a_thread_reaches_the_caller() -> None:
    async def wrong() -> None:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        await event_loop.run_in_thread(wrong())

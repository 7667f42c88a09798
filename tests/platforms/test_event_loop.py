"""Test that coroutines run on a loop that watches sockets."""

import asyncio
import socket

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

"""Run coroutines on an event loop that can watch sockets, and watch them."""

import asyncio
import concurrent.futures
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a selector loop and return its result.

    The usual loop of Windows (proactor) watches no sockets and connects none that a step has prepared.
    """
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(main)


async def run_in_thread(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on an event loop in a thread of its own, so that work of this loop does not delay it.

    If the caller is cancelled, the coroutine is cancelled too, and the caller waits for its end.
    """
    stop = concurrent.futures.Future[None]()

    async def beside() -> None:
        task, stopped = asyncio.create_task(main), asyncio.wrap_future(stop)
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()

    thread = concurrent.futures.ThreadPoolExecutor(1)  # lookups may hold all threads of the loop's own executor
    running = asyncio.get_running_loop().run_in_executor(thread, run, beside())
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        with suppress(concurrent.futures.InvalidStateError):  # the coroutine has ended meanwhile
            stop.set_result(None)
        await running
        raise
    finally:
        thread.shutdown(wait=False)


def watch(sock: socket.socket, readable: Callable[[], None]) -> None:
    """Call `readable` whenever the socket has something to read, until `forget`."""
    asyncio.get_running_loop().add_reader(sock.fileno(), readable)


def forget(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    """Make the loop forget an open socket, before the kernel gives its number to another one."""
    loop.remove_reader(sock.fileno())
    loop.remove_writer(sock.fileno())

"""Run coroutines on an event loop that can watch sockets, and watch them."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a selector loop and return its result.

    The usual loop of Windows (proactor) watches no sockets and connects none that a step has prepared.
    """
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(main)


def watch(sock: socket.socket, readable: Callable[[], None]) -> None:
    """Call `readable` whenever the socket has something to read, until `forget`."""
    asyncio.get_running_loop().add_reader(sock.fileno(), readable)


def forget(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    """Make the loop forget an open socket, before the kernel gives its number to another one."""
    loop.remove_reader(sock.fileno())
    loop.remove_writer(sock.fileno())

"""Wait for the end of a local server: Ctrl-C, SIGTERM, or the end of its terminal."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from probe.http_server.bug_reports import silence, watch
from probe.platforms.signals import Cause, handled


@contextmanager
def ending(*, with_terminal: bool = False) -> Iterator[asyncio.Event]:
    """Return an event that Ctrl-C and SIGTERM set, and that the end of the terminal sets if wanted.

    Every logger is silent from now on, because loggers of libraries repeat parts of requests.
    """
    silence()
    watch(asyncio.get_running_loop())
    ended = asyncio.Event()
    causes: tuple[Cause, ...] = ("interrupt", "terminate", "hang_up") if with_terminal else ("interrupt", "terminate")
    with handled(dict.fromkeys(causes, ended.set)):
        yield ended

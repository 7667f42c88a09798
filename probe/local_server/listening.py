"""Serve an application at a port of 127.0.0.1, without logs. Every answer has the headers of a local page."""

import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

from aiohttp import web

from probe.http_server import connections
from probe.http_server.peers import Network
from probe.local_server.request_origin import HERE

MOST_CONNECTIONS = 512  # all of this computer
HERE_ONLY = (ip_network(f"{HERE}/32"),)
HEADERS = {
    "Server": "censorprobe",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PortError(Exception):
    """Report a port that cannot be used, with the system's reason."""


def bind(port: int, host: str = HERE) -> socket.socket:
    """Return a listening socket at a port, 0 for a free one. Raises PortError."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise PortError(os.strerror(error.errno or 0)) from None  # its own text repeats the address


@asynccontextmanager
async def serving(
    app: web.Application,
    bound: socket.socket,
    unreadable: Callable[[int], web.Response],
    *,
    trusted: Sequence[Network] = HERE_ONLY,
) -> AsyncIterator[None]:
    """Serve an application at a bound socket. `unreadable` answers requests that reach no address of it.

    `trusted` clients have no limit of connections of their own.
    """

    def answer(status: int) -> web.Response:
        response = unreadable(status)
        response.headers.update(HEADERS)
        return response

    inner = web.AppRunner(app, access_log=None, handle_signals=False)
    await inner.setup()
    assert inner.server is not None
    table = connections.ServedConnections(MOST_CONNECTIONS, trusted)
    runner = web.ServerRunner(
        connections.HTTPServer(inner.server, table, answer), handle_signals=False, shutdown_timeout=1.0
    )
    await runner.setup()
    try:
        await web.SockSite(runner, bound, backlog=connections.ACCEPTED_AT_ONCE).start()
        yield
    finally:
        await runner.cleanup()
        await inner.cleanup()
        bound.close()


def guard(
    refused: Callable[[web.Request], web.Response | None],
    answered: Callable[[web.Request, Handler], Awaitable[web.StreamResponse]],
) -> Any:
    """Return the middleware that refuses a request before anything is computed, or lets it be answered."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        connections.works_for_client(request)
        response: web.StreamResponse | None = refused(request)
        if response is None:
            response = await answered(request, handler)
        if not request.content.is_eof():
            response.force_close()  # nothing separates the rest of a body from the next request
        connections.waits_for_client(request, connections.TAKE_SECONDS)
        response.headers.update(HEADERS)
        return response

    return guarded

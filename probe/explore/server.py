"""Serve the page and the API at 127.0.0.1. Every refusal is one sentence, and no request is logged."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

from aiohttp import web

from probe.explore.access import HERE, Access, new_token
from probe.explore.endpoints import API
from probe.explore.explorer import Explorer
from probe.explore.handlers import Handlers
from probe.explore.responses import error, finish
from probe.helper import connections
from probe.helper.bug_reports import silence, watch
from probe.platforms.signals import handled

MOST_CONNECTIONS = 512  # all of this computer
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PortError(Exception):
    """Report a port that cannot be used, with the system's reason."""


async def serve(folder: Path, port: int, query: str, announce: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM. `announce` receives the address of the page once. Raises PortError.

    `query` is the question of that page.
    """
    silence()
    watch(asyncio.get_running_loop())
    stopped = asyncio.Event()
    with handled({"interrupt": stopped.set, "terminate": stopped.set}):
        await _until(stopped, folder, port, query, announce)


async def _until(stopped: asyncio.Event, folder: Path, port: int, query: str, announce: Callable[[str], None]) -> None:
    async with listening(folder, port) as access:
        announce(f"http://{HERE}:{access.port}/?token={access.token}{query and f'&{query}'}")
        await stopped.wait()


@asynccontextmanager
async def listening(folder: Path, port: int = 0) -> AsyncIterator[Access]:
    """Serve a store at a port, 0 for a free one. Raises PortError."""
    try:
        bound = socket.create_server((HERE, port))
    except OSError as error:
        raise PortError(os.strerror(error.errno or 0)) from None  # its own text repeats the address
    access = Access(bound.getsockname()[1], new_token())
    explorer = Explorer(folder)
    app = web.AppRunner(build(explorer, access), access_log=None, handle_signals=False)
    await app.setup()
    assert app.server is not None
    table = connections.ConnectionTable(MOST_CONNECTIONS, [ip_network(f"{HERE}/32")])
    runner = web.ServerRunner(
        connections.HelperServer(app.server, table, _unreadable), handle_signals=False, shutdown_timeout=1.0
    )
    await runner.setup()
    try:
        await web.SockSite(runner, bound, backlog=connections.ACCEPTED_AT_ONCE).start()
        yield access
    finally:
        explorer.close()
        await runner.cleanup()
        await app.cleanup()


def build(explorer: Explorer, access: Access) -> web.Application:
    """Return the application."""
    handlers = Handlers(explorer, access)

    @web.middleware
    async def checked(request: web.Request, handler: Handler) -> web.StreamResponse:
        connections.works_for_client(request)
        refused = access.refusal(request.method, request.rel_url.raw_query_string, request.headers)
        if refused is None:
            response = await handlers.answered(request, handler)
        else:
            response = error(request.path, refused.status, refused.sentence)
        if not request.content.is_eof():
            response.force_close()  # nothing separates the rest of a body from the next request
        connections.waits_for_client(request, connections.TAKE_SECONDS)
        return finish(response, bearer="Authorization" in request.headers)

    app = web.Application(middlewares=[checked], client_max_size=1024)
    app.router.add_get("/", handlers.page)
    for name, handler in handlers.api():
        app.router.add_get(name, handler)
    return app


def _unreadable(status: int) -> web.Response:
    """Return the answer to a request that reaches no address. Nothing of it is repeated."""
    response = error(f"{API}/", status, "This is no request that the server can read.")
    finish(response, bearer=False)
    return response

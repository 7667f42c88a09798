"""Serve the page and the API at 127.0.0.1. Every refusal is one sentence, and no request is logged."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from probe.explore.access import Access
from probe.explore.endpoints import API
from probe.explore.explorer import Explorer
from probe.explore.handlers import Handlers
from probe.explore.responses import cached, error
from probe.local_server.listening import Handler, bind, guard, serving
from probe.local_server.origin import HERE, new_secret
from probe.local_server.until_ended import ending


async def serve(folder: Path, port: int, query: str, announce: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM. `announce` receives the address of the page once. Raises PortError.

    `query` is the question of that page.
    """
    with ending() as ended:
        async with listening(folder, port) as access:
            announce(f"http://{HERE}:{access.port}/?token={access.token}{query and f'&{query}'}")
            await ended.wait()


@asynccontextmanager
async def listening(folder: Path, port: int = 0) -> AsyncIterator[Access]:
    """Serve a store at a port, 0 for a free one. Raises PortError."""
    bound = bind(port)
    access, explorer = Access(bound.getsockname()[1], new_secret()), Explorer(folder)
    async with serving(build(explorer, access), bound, _unreadable):
        try:
            yield access
        finally:
            explorer.close()


def build(explorer: Explorer, access: Access) -> web.Application:
    """Return the application."""
    handlers = Handlers(explorer, access)

    def refused(request: web.Request) -> web.Response | None:
        refusal = access.refusal(request.method, request.rel_url.raw_query_string, request.headers)
        if refusal is None:
            return None
        return cached(error(request.path, refusal.status, refusal.sentence), bearer=_has_bearer(request))

    async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
        return cached(await handlers.answered(request, handler), bearer=_has_bearer(request))

    app = web.Application(middlewares=[guard(refused, answered)], client_max_size=1024)
    app.router.add_get("/", handlers.page)
    for name, handler in handlers.api():
        app.router.add_get(name, handler)
    return app


def _has_bearer(request: web.Request) -> bool:
    return "Authorization" in request.headers


def _unreadable(status: int) -> web.Response:
    """Return the answer to a request that reaches no address. Nothing of it is repeated."""
    return cached(error(f"{API}/", status, "This is no request that the server can read."), bearer=False)

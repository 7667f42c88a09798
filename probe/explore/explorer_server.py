"""Serve the page and the API at 127.0.0.1. Every refusal is one sentence, and no request is logged."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from probe.explore.api_endpoints import API
from probe.explore.explorer import Explorer
from probe.explore.explorer_access import Access, ExplorerAccess
from probe.explore.handlers import Handlers
from probe.explore.hosted import SECONDS, HostedAccess
from probe.explore.responses import cached, error
from probe.local_server.listening import Handler, bind, guard, serving
from probe.local_server.request_origin import HERE, Refusal, new_secret
from probe.local_server.until_ended import ending


async def serve(folder: Path, port: int, query: str, announce: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM. `announce` receives the address of the page once. Raises PortError.

    `query` is the question of that page.
    """
    with ending() as ended:
        async with listening(folder, port) as access:
            announce(f"http://{HERE}:{access.port}/?token={access.token}{query and f'&{query}'}")
            await ended.wait()


async def host(folder: Path, listen: tuple[str, int], access: HostedAccess, announce: Callable[[str], None]) -> None:
    """Serve without a token behind a reverse proxy, until SIGTERM. `announce` receives the bound address.

    Raises PortError.
    """
    with ending() as ended:
        async with hosting(folder, listen, access) as address:
            announce(address)
            await ended.wait()


@asynccontextmanager
async def hosting(folder: Path, listen: tuple[str, int], access: HostedAccess) -> AsyncIterator[str]:
    """Serve a store in hosted mode. Raises PortError."""
    bound = bind(listen[1], listen[0])
    name, port = bound.getsockname()[:2]
    explorer = Explorer(folder, access.new_question, SECONDS)
    app = build(explorer, access, access.too_often)
    async with serving(app, bound, _unreadable, trusted=access.trusted):
        try:
            yield f"http://{f'[{name}]' if ':' in name else name}:{port}"
        finally:
            explorer.close()


@asynccontextmanager
async def listening(folder: Path, port: int = 0) -> AsyncIterator[ExplorerAccess]:
    """Serve a store at a port, 0 for a free one. Raises PortError."""
    bound = bind(port)
    access, explorer = ExplorerAccess(bound.getsockname()[1], new_secret()), Explorer(folder)
    async with serving(build(explorer, access), bound, _unreadable):
        try:
            yield access
        finally:
            explorer.close()


def build(
    explorer: Explorer, access: Access, too_often: Callable[[web.Request], Refusal | None] = lambda request: None
) -> web.Application:
    handlers = Handlers(explorer, access)

    def refused(request: web.Request) -> web.Response | None:
        refusal = access.refusal(request.method, request.rel_url.raw_query_string, request.headers)
        refusal = refusal or too_often(request)
        if refusal is None:
            return None
        return cached(error(request.path, refusal.status, refusal.sentence), bearer=secret_free(request))

    async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
        return cached(await handlers.answered(request, handler), bearer=secret_free(request))

    def secret_free(request: web.Request) -> bool:
        return not access.token or "Authorization" in request.headers

    app = web.Application(middlewares=[guard(refused, answered)], client_max_size=1024)
    app.router.add_get("/", handlers.page)
    app.router.add_get("/measurement", handlers.measurement)
    app.router.add_get("/measurements", handlers.measurements)
    app.router.add_get("/questions", handlers.questions)
    app.router.add_get("/sql", handlers.sql)
    for kind in ("atom", "json"):
        app.router.add_get(f"/events.{kind}", handlers.feed(kind))
    for name, handler in handlers.api():
        app.router.add_get(name, handler)
    return app


def _unreadable(status: int) -> web.Response:
    """Return the answer to a request that reaches no address. Nothing of it is repeated."""
    return cached(error(f"{API}/", status, "This is no request that the server can read."), bearer=False)

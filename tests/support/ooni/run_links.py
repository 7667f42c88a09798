"""Serve descriptors of OONI Run v2 on loopback, as OONI's API does, and note the requests.

Written from get_latest_oonirun_link and get_oonirun_link_revision of this file, opened 2026-11-28:
https://github.com/ooni/backend/blob/32d8349dc5440e75264c84c0ffe97495c7488e84/ooniapi/services/oonirun/src/oonirun/routers/v2.py
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.support.servers.loop_thread import in_thread

LINKS = "/api/v2/oonirun/links"


@dataclass
class LinkServer:
    """Hold the descriptors by number, and what was asked. `status` and `body` replace the usual answer."""

    descriptors: dict[str, dict[str, Any]] = field(default_factory=dict)
    address: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    delay: float = 0.0

    async def answer(self, request: web.Request) -> web.Response:
        """Answer as the API does."""
        self.asked.append((request.method, request.path))
        await asyncio.sleep(self.delay)
        found = self.descriptors.get(request.match_info["number"])
        if found is None:
            return web.json_response({"detail": "OONI Run link not found"}, status=404)
        body = json.dumps(found).encode() if self.body is None else self.body
        return web.Response(status=self.status, body=body, headers=self.headers, content_type="application/json")


@contextmanager
def link_server(**descriptors: dict[str, Any]) -> Iterator[LinkServer]:
    """Serve the descriptors at a port of 127.0.0.1. The names of the arguments are n and the number of the link."""
    served = LinkServer({name.removeprefix("n"): one for name, one in descriptors.items()})
    with in_thread(_running(served)):
        yield served


@asynccontextmanager
async def _running(served: LinkServer) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_get(LINKS + "/{number}", served.answer)
    app.router.add_get(LINKS + "/{number}/full-descriptor/{revision}", served.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield
    finally:
        await runner.cleanup()

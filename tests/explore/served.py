"""Serve stores in tests, and send requests to them over loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from probe.explore.explorer_server import listening
from tests.support.local_server import Answer


@dataclass
class Served:
    """Hold a running server, and send requests with its token."""

    session: aiohttp.ClientSession
    port: int
    token: str

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def get(self, path: str, query: Any = (), method: str = "GET", **headers: str) -> Answer:
        """Send a request with the token as bearer."""
        known = {"Authorization": f"Bearer {self.token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return await self.send(method, path, query, known)

    async def shown(self, path: str, query: Any = (), **headers: str) -> Answer:
        while (answer := await self.get(path, query, **headers)).status == 202:
            await asyncio.sleep(0.05)
        return answer

    async def send(self, method: str, path: str, query: Any = (), headers: Any = None) -> Answer:
        """Send a request as it is."""
        async with self.session.request(method, self.address + path, params=query, headers=headers) as response:
            return Answer(response.status, response.headers, await response.read())

    async def json(self, path: str, query: Any = ()) -> Any:
        """Return the document of an answer with status 200."""
        async with self.session.get(
            self.address + path, params=query, headers={"Authorization": f"Bearer {self.token}"}
        ) as response:
            assert response.status == 200, await response.text()
            return await response.json()


@asynccontextmanager
async def serving(store: Path) -> AsyncIterator[Served]:
    """Serve a store. Its state is looked at for every request."""
    async with listening(store) as access, aiohttp.ClientSession() as session:
        yield Served(session, access.port, access.token)

"""Test hosted mode: no token, a name, clients behind a proxy, and what each of them may ask."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from probe.analysis.compare.verdict_table import StoreError
from probe.explore.computation import Computation
from probe.explore.explorer_server import hosting
from probe.explore.hosted import NEW_PER_MINUTE, PER_MINUTE, HostedAccess
from probe.http_server.request_counts import RequestCounts
from tests.support.local_server import Answer

NAME = "data.example.org"
Ask = Callable[..., Any]


@asynccontextmanager
async def hosted(store: Path) -> AsyncIterator[Ask]:
    """Serve a store in hosted mode, and return a function that asks as the proxy does for a client."""
    requests, questions = (  # no minute ends, however slow the computer is
        RequestCounts(most, what, lambda: 0.0)
        for most, what in ((PER_MINUTE, "requests"), (NEW_PER_MINUTE, "new questions"))
    )
    access = HostedAccess(frozenset({NAME}), [ip_network("127.0.0.1/32")], requests=requests, questions=questions)
    async with hosting(store, ("127.0.0.1", 0), access) as address, aiohttp.ClientSession() as session:

        async def ask(
            path: str, query: Any = (), client: str = "192.0.2.1", method: str = "GET", **headers: str
        ) -> Answer:
            sent = {"Host": NAME, "X-Forwarded-For": client, **headers}
            async with session.request(method, address + path, params=query, headers=sent) as response:
                return Answer(response.status, response.headers, await response.read())

        yield ask


async def test_reader_needs_no_token_and_none_appears(store: Path) -> None:
    async with hosted(store) as ask:
        while (page := await ask("/", {"by": "cc"})).status == 202:
            await asyncio.sleep(0.05)
        assert page.status == 200
        assert "token" not in page.text().partition("<script")[0]
        assert (await ask("/api/v1/cells", {"limit": 1})).status == 200
        assert (await ask("/api/v1/verdicts", {"limit": 1})).status == 200


@pytest.mark.parametrize("name", ["attacker.example", "127.0.0.1", "data.example.org.attacker.example", ""])
async def test_other_name_is_refused(store: Path, name: str) -> None:
    async with hosted(store) as ask:
        assert (await ask("/", Host=name)).status == 421


async def test_other_website_and_method_are_refused(store: Path) -> None:
    async with hosted(store) as ask:
        assert (await ask("/", Origin="https://attacker.example")).status == 403
        assert (await ask("/api/v1/store", Origin=f"https://{NAME}")).status == 200
        for method in ("POST", "PUT", "DELETE"):
            assert (await ask("/", method=method)).status == 405


async def test_client_that_asks_too_often_is_refused_and_others_are_not(store: Path) -> None:
    async with hosted(store) as ask:
        for _ in range(PER_MINUTE):
            assert (await ask("/api/v1/openapi.json")).status == 200
        refused = await ask("/api/v1/openapi.json")
        assert refused.status == 429 and "in a minute" in refused.text() and refused.headers["Retry-After"]
        assert (await ask("/api/v1/openapi.json", client="192.0.2.2")).status == 200
        # A client that invents addresses is still known by the one that the proxy adds.
        assert (await ask("/api/v1/openapi.json", client="198.51.100.7, 192.0.2.1")).status == 429


async def test_new_questions_are_limited_and_known_ones_are_not(store: Path) -> None:
    async with hosted(store) as ask:
        for day in range(1, NEW_PER_MINUTE + 1):
            assert (await ask("/api/v1/cells", {"since": f"2025-01-{day:02}"})).status == 200
        new = await ask("/api/v1/cells", {"since": "2025-02-01"})
        assert new.status == 429 and "new questions" in new.text()
        assert (await ask("/api/v1/cells", {"since": "2025-01-01"})).status == 200
        assert (await ask("/api/v1/verdicts", {"limit": 1})).status == 200  # takes milliseconds


@pytest.mark.parametrize(
    "path",
    ["/api/v1/sql", "/etc/passwd", "/../store.sqlite", "/measurement", "/measurement?id=' OR 1=1", "/events.xml"],
)
async def test_nothing_else_is_served(store: Path, path: str) -> None:
    async with hosted(store) as ask:
        assert (await ask(path)).status in {400, 404}


def test_long_computation_is_ended() -> None:
    computation = Computation(seconds=10.0)  # the start of a worker is in it
    try:
        with pytest.raises(StoreError, match="took too long"):
            computation.run(time.sleep, 200)
        computation._seconds = None
        assert computation.run(abs, -1) == 1  # in a new worker
    finally:
        computation.close()

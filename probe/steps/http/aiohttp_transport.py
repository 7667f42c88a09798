"""Run aiohttp over an open connection. aiohttp writes and parses HTTP/1.1, and this module carries and times the bytes.

It overrides `_create_connection` of aiohttp's connector, a semi-private hook. The version range in pyproject.toml and
`tests/steps/http/test_aiohttp_transport.py` guard it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from probe.formats import failures as f
from probe.session.classify import RemoteError
from probe.steps.connection import Connection
from probe.wire.http1 import OneAnswer

MOST_RECEIVED = 262144  # bytes of one answer by default. A head and the body that is kept need half.
TURNS = 20  # turns of the event loop in which received data are read before the end is reported

FLOODED = f"{f.UNKNOWN}: http: flooded"
_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")  # headers that aiohttp would add


class Bridge(asyncio.Transport):
    """Implement the transport that aiohttp writes to. Two tasks carry the bytes to and from the connection."""

    def __init__(self, conn: Connection, protocol: ResponseHandler, most: int = MOST_RECEIVED) -> None:
        super().__init__()
        self._conn, self._protocol, self._most = conn, protocol, most
        self._loop = asyncio.get_running_loop()
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._reading = asyncio.Event()
        self._reading.set()
        self._closing = False
        self._answer, self._received = OneAnswer(), 0
        self.broken_by: Exception | None = None  # the reason why the connection ended, unless we closed it
        self._tasks = [self._loop.create_task(self._carry_in()), self._loop.create_task(self._carry_out())]

    def write(self, data: Any) -> None:
        if not self._closing:
            self._outbox.put_nowait(bytes(data))

    async def _carry_out(self) -> None:
        try:
            while True:
                await self._conn.write(await self._outbox.get())
        except Exception as error:
            # Data that the peer sent before it broke the connection must still be read. Reading ends first.
            await asyncio.wait([self._tasks[0]], timeout=0.2)
            self._lose(error)

    async def _carry_in(self) -> None:
        try:
            while data := await self._next_piece():
                self._received += len(data)
                if self._received > self._most:
                    raise RemoteError(FLOODED)
                self._protocol.data_received(self._answer.feed(data))
        except Exception as error:
            await self._let_them_read()
            self._lose(error)
        else:
            await self._let_them_read()
            self._protocol.eof_received()
            self._lose(None)

    async def _let_them_read(self) -> None:
        """Wait some turns of the event loop. aiohttp drops unread data when it learns of the connection's end."""
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def _next_piece(self) -> bytes:
        await self._reading.wait()
        return await self._conn.read()

    def _lose(self, error: Exception | None) -> None:
        if not self._closing:
            self._closing = True
            self.broken_by = error or EOFError("closed by the server")
            self._protocol.connection_lost(error)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._reading.clear()

    def resume_reading(self) -> None:
        self._reading.set()

    def is_reading(self) -> bool:
        return self._reading.is_set()

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Ignore the limits, because requests are small."""

    async def ended(self) -> None:
        """Wait until both tasks have ended."""
        await asyncio.wait(self._tasks)


class HandOver(aiohttp.BaseConnector):
    """Hand aiohttp the one connection that exists, once, and open no other."""

    def __init__(self, conn: Connection, most: int = MOST_RECEIVED) -> None:
        super().__init__()
        self._ours: Connection = conn
        self._most = most
        self.bridge: Bridge | None = None

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> ResponseHandler:
        if self.bridge is not None:  # aiohttp repeats a GET after a broken connection, and there is only this one
            raise self.bridge.broken_by or EOFError("closed")
        protocol = ResponseHandler(loop=asyncio.get_running_loop())
        self.bridge = Bridge(self._ours, protocol, self._most)
        protocol.connection_made(self.bridge)
        return protocol


@dataclass
class Session:
    """Send exactly the request that is given."""

    client: aiohttp.ClientSession
    connector: HandOver
    response: aiohttp.ClientResponse | None = None

    @property
    def broken_by(self) -> Exception | None:
        """Return the reason why the connection ended, or None while it is open."""
        return self.connector.bridge.broken_by if self.connector.bridge else None

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes) -> aiohttp.ClientResponse:
        """Send a request and return when the response headers are complete. Raises aiohttp.ClientError."""
        self.response = await self.client.request(
            method,
            URL(url, encoded=True),
            headers=headers,
            data=body or None,
            allow_redirects=False,
            skip_auto_headers=_AUTOMATIC,
        )
        return self.response


@asynccontextmanager
async def session_over(conn: Connection, *, most: int = MOST_RECEIVED) -> AsyncIterator[Session]:
    """Open an HTTP/1.1 session on `conn` that reads at most `most` bytes. The caller closes `conn`."""
    connector = HandOver(conn, most)
    client = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
        trust_env=False,
    )
    session = Session(client, connector)
    try:
        yield session
    finally:
        if session.response is not None:
            session.response.close()
        await client.close()
        if connector.bridge is not None:
            connector.bridge.close()
            await connector.bridge.ended()

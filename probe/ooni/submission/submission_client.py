"""Send one request after another to OONI's server, directly or through a proxy."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import certifi

from probe.http_client.foreign_servers import (
    IDENTITY,
    ForeignServers,
    UnusableAnswer,
    open_foreign,
    reason_of,
    seconds_for,
)
from probe.ooni.submission.exchanges import ServerAnswer

PIECE = 1 << 16  # bytes of a request that are written at once
LONGEST_ANSWER = 1 << 16  # bytes
SOCKS = ("socks5", "socks5h")  # curl's second name says that the proxy resolves names, which is so for both here
IDLE = 2.0  # seconds. A server may close a connection that was idle for longer just when the next request arrives.
TROUBLE = (aiohttp.ClientError, TimeoutError, OSError, ValueError, UnusableAnswer)
"""Every exception that a request may raise. ValueError is for answers that are no HTTP."""


def nothing() -> None:
    """Do nothing, for requests that store nothing at the server."""


@dataclass(frozen=True)
class Lost:
    """Hold why there is no answer. `complete` says that the whole request may have arrived."""

    reason: str
    complete: bool


class Client:
    """Post to one server. Redirects are not followed, so no other host is contacted."""

    def __init__(self, server: str, servers: ForeignServers, proxy: str | None) -> None:
        self._server, self._servers = server, servers
        self._troubles: tuple[type[BaseException], ...] = (*TROUBLE, *(_socks_errors() if is_socks(proxy) else ()))

    async def post(
        self, path: str, body: bytes, *, packing: str | None = None, complete: Callable[[], None] = nothing
    ) -> ServerAnswer | Lost:
        """Post a body and return the answer, or why there is none.

        `complete` is called just before the last piece is written. The server cannot have the request before that.
        """
        called = False

        def note() -> None:
            nonlocal called
            complete()
            called = True

        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        if packing:
            headers["Content-Encoding"] = packing
        try:
            return await self._post(path, _pieces(body, note), headers)
        except asyncio.CancelledError:
            raise SubmissionInterrupted(called) from None
        except self._troubles as error:
            return Lost(reason_of(error), called)

    async def get(self, path: str, most: int) -> ServerAnswer | Lost:
        """Return the answer to a request without a body, at most `most` bytes of it, or why there is none."""
        url = self._server + path
        try:
            async with self._servers.request("GET", url, seconds=seconds_for(most)) as response:
                return await self._read(response, most)
        except self._troubles as error:
            return Lost(reason_of(error), complete=True)

    async def _post(self, path: str, body: AsyncIterator[bytes], headers: dict[str, str]) -> ServerAnswer:
        seconds = seconds_for(int(headers["Content-Length"]) + LONGEST_ANSWER)
        url = self._server + path
        async with self._servers.request("POST", url, seconds=seconds, data=body, headers=headers) as response:
            return await self._read(response, LONGEST_ANSWER)

    async def _read(self, response: aiohttp.ClientResponse, most: int) -> ServerAnswer:
        beginning = await self._servers.beginning(response, most)
        return ServerAnswer(response.status, beginning, response.headers.get("Retry-After", ""))


class SubmissionInterrupted(asyncio.CancelledError):
    """Report that the user ended the program during a request. `complete` has the meaning of that of Lost."""

    def __init__(self, complete: bool) -> None:
        super().__init__()
        self.complete = complete


async def _pieces(body: bytes, complete: Callable[[], None]) -> AsyncIterator[bytes]:
    last = max(0, len(body) - 1) // PIECE * PIECE
    for start in range(0, last, PIECE):
        yield body[start : start + PIECE]
    complete()
    yield body[last:]


@asynccontextmanager
async def open_client(server: str, proxy: str | None = None) -> AsyncIterator[Client]:
    """Open a client: public roots, no proxy of the environment, connections that are not kept for long."""
    connector, asked = _connector(proxy), None if is_socks(proxy) else proxy
    headers = {"User-Agent": "censorprobe"}
    async with open_foreign(connector, packing=IDENTITY, proxy=asked, headers=headers) as servers:
        yield Client(server, servers, proxy)


def is_socks(proxy: str | None) -> bool:
    """Return whether the address is one of a SOCKS5 proxy."""
    return proxy is not None and proxy.partition(":")[0] in SOCKS


def _connector(proxy: str | None) -> aiohttp.TCPConnector:
    """Return a connector that verifies with the public roots. A SOCKS proxy resolves the names (RFC 1928, 4)."""
    context = ssl.create_default_context(cafile=certifi.where())
    if proxy is None or not is_socks(proxy):
        return aiohttp.TCPConnector(ssl=context, resolver=aiohttp.ThreadedResolver(), keepalive_timeout=IDLE)
    from aiohttp_socks import ProxyConnector

    address = f"socks5:{proxy.partition(':')[2]}"
    connector: aiohttp.TCPConnector = ProxyConnector.from_url(address, rdns=True, ssl=context, keepalive_timeout=IDLE)
    return connector


def _socks_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions for a SOCKS proxy that cannot be reached, or that refuses."""
    from aiohttp_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

    return ProxyConnectionError, ProxyError, ProxyTimeoutError

"""Send one request after another to OONI's server, directly or through a proxy."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import certifi

from probe.ooni.submission.exchanges import Answer

PIECE = 1 << 16  # bytes of a request that are written at once
LONGEST_ANSWER = 1 << 16  # bytes
WAITS = aiohttp.ClientTimeout(total=None, sock_connect=20, sock_read=60)  # seconds
SOCKS = ("socks5", "socks5h")  # curl's second name says that the proxy resolves names, which is so for both here
IDLE = 2.0  # seconds. A server may close a connection that was idle for longer just when the next request arrives.
TROUBLE = (aiohttp.ClientError, TimeoutError, OSError, ValueError)
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

    def __init__(self, server: str, session: aiohttp.ClientSession, proxy: str | None) -> None:
        socks = is_socks(proxy)
        self._server, self._session, self._proxy = server, session, None if socks else proxy
        self._troubles: tuple[type[BaseException], ...] = (*TROUBLE, *(_socks_errors() if socks else ()))

    async def post(
        self, path: str, body: bytes, *, packing: str | None = None, complete: Callable[[], None] = nothing
    ) -> Answer | Lost:
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
            raise Interrupted(called) from None
        except self._troubles as error:
            return Lost(_named(error), called)

    async def get(self, path: str, most: int) -> Answer | Lost:
        """Return the answer to a request without a body, at most `most` bytes of it, or why there is none."""
        url = self._server + path
        try:
            async with self._session.get(url, proxy=self._proxy, allow_redirects=False) as response:
                return await _read(response, most)
        except self._troubles as error:
            return Lost(_named(error), complete=True)

    async def _post(self, path: str, body: AsyncIterator[bytes], headers: dict[str, str]) -> Answer:
        async with self._session.post(
            self._server + path, data=body, headers=headers, proxy=self._proxy, allow_redirects=False
        ) as response:
            return await _read(response, LONGEST_ANSWER)


async def _read(response: aiohttp.ClientResponse, most: int) -> Answer:
    content = bytearray()
    while len(content) < most and (more := await response.content.read(most - len(content))):
        content += more
    return Answer(response.status, bytes(content), response.headers.get("Retry-After", ""))


class Interrupted(asyncio.CancelledError):
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


def _named(error: BaseException) -> str:
    """Return a reason without addresses and names, which could be those of the user's proxy."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answers {error.status}"
    if type(error).__module__.startswith("aiohttp_socks"):
        return f"the proxy fails ({type(error).__name__}, {getattr(error, 'error_code', None)})"
    cause = getattr(error, "os_error", None) or error.__cause__ or error
    if isinstance(cause, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return "the certificate is not valid"
    if isinstance(cause, ssl.SSLError):  # its number is none of the system
        return f"the TLS handshake failed ({cause.reason})" if cause.reason else "the TLS handshake failed"
    if isinstance(cause, socket.gaierror):
        return cause.strerror or "the name cannot be resolved"
    number = getattr(cause, "errno", None)  # the text of asyncio has the address
    return os.strerror(number) if isinstance(number, int) and number > 0 else type(cause).__name__


@asynccontextmanager
async def open_client(server: str, proxy: str | None = None) -> AsyncIterator[Client]:
    """Open a client: public roots, no proxy of the environment, connections that are not kept for long."""
    connector = _connector(proxy)
    headers = {"User-Agent": "censorprobe", "Accept-Encoding": "identity"}
    async with aiohttp.ClientSession(
        connector=connector, trust_env=False, auto_decompress=False, timeout=WAITS, headers=headers
    ) as session:
        yield Client(server, session, proxy)


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

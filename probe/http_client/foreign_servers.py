"""Send requests to a server that is not trusted, with a deadline for each, and read a limited part of its answer.

A deadline for the whole request is needed beside one for silence: a server can send `100 Continue` without end, or one
byte each second. aiohttp would unpack a body of any size, so the body is unpacked here.
"""

import asyncio
import os
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

GZIP, IDENTITY = "gzip", "identity"  # values of Accept-Encoding
LONGEST_SILENCE = 60.0  # seconds without a byte
SLOWEST = 1000.0  # bytes per second of the slowest line on which a request is worth waiting for


class UnusableAnswer(Exception):
    """Report that a server's answer breaks the protocol. The text says how."""


def seconds_for(size: int) -> float:
    """Return the seconds after which a request is given up that carries so many bytes in either direction."""
    return LONGEST_SILENCE + size / SLOWEST


class ForeignServers:
    """Request from servers that are not trusted. No cookie is kept, and no redirect is followed."""

    def __init__(self, session: aiohttp.ClientSession, packing: str, proxy: str | None = None) -> None:
        self._session, self._packing, self._proxy = session, packing, proxy

    @asynccontextmanager
    async def request(
        self, method: str, url: Any, *, seconds: float, **more: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request, and open its answer. Raises TimeoutError after so many seconds, the reading included.

        Also raises OSError, aiohttp.ClientError, and ValueError for an answer that is no HTTP.
        """
        async with (
            asyncio.timeout(seconds),
            self._session.request(method, url, proxy=self._proxy, allow_redirects=False, **more) as response,
        ):
            yield response

    async def beginning(self, response: aiohttp.ClientResponse, most: int) -> bytes:
        """Read at most so many bytes of a body. Raises UnusableAnswer for a packed one."""
        if response.headers.get("Content-Encoding", IDENTITY).lower() != IDENTITY:
            raise UnusableAnswer("the answer is packed otherwise than asked")
        content = bytearray()
        while len(content) < most and (more := await response.content.read(most - len(content))):
            content += more
        return bytes(content)

    async def body(self, response: aiohttp.ClientResponse, most: int) -> bytes:
        """Read a body and unpack it. Raises UnusableAnswer for more than `most` bytes, or a packing not asked."""
        packing = response.headers.get("Content-Encoding", IDENTITY).lower()
        if packing not in {self._packing, IDENTITY}:
            raise UnusableAnswer("the answer is packed otherwise than asked")
        unpack = zlib.decompressobj(16 + zlib.MAX_WBITS) if packing == GZIP else None
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk if unpack is None else _unpacked(unpack, chunk, most + 1 - len(body))
            if len(body) > most:
                raise UnusableAnswer(f"the answer is longer than {most} bytes")
        if unpack is not None and not unpack.eof:
            raise UnusableAnswer("the answer breaks off")
        return bytes(body)


@asynccontextmanager
async def open_foreign(
    connector: aiohttp.BaseConnector,
    *,
    packing: str,
    proxy: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[ForeignServers]:
    """Open a client that uses no proxy of the environment. Answers may be packed as `packing`, and not otherwise."""
    async with aiohttp.ClientSession(
        connector=connector,
        trust_env=False,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=LONGEST_SILENCE / 2, sock_read=LONGEST_SILENCE),
        headers={"Accept-Encoding": packing, **(headers or {})},
    ) as session:
        yield ForeignServers(session, packing, proxy)


def reason_of(error: BaseException) -> str:
    """Return why a request failed, without addresses and names, and without a byte of the server's."""
    if isinstance(error, UnusableAnswer):
        return str(error)
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answers {error.status}"
    if type(error).__module__.startswith("aiohttp_socks"):
        return f"the proxy fails ({type(error).__name__}, {getattr(error, 'error_code', None)})"
    if isinstance(error, aiohttp.ClientResponseError):
        return "the answer is no HTTP"
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return "the connection ended before the answer was complete"
    return _reason_of_system(getattr(error, "os_error", None) or error.__cause__ or error)


def _reason_of_system(cause: BaseException) -> str:
    if isinstance(cause, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return "the certificate is not valid"
    if isinstance(cause, ssl.SSLError):  # its number is no errno of the system
        return f"the TLS handshake failed ({cause.reason})" if cause.reason else "the TLS handshake failed"
    if isinstance(cause, socket.gaierror):
        return cause.strerror or "the name cannot be resolved"
    number = getattr(cause, "errno", None)  # the text of asyncio has the address
    return os.strerror(number) if isinstance(number, int) and number > 0 else type(cause).__name__


def _unpacked(unpack: "zlib._Decompress", chunk: bytes, most: int) -> bytes:
    """Unpack the next `most` bytes. A few packed bytes may stand for gigabytes. Raises UnusableAnswer."""
    try:
        unpacked = unpack.decompress(chunk, most)
    except zlib.error:
        raise UnusableAnswer("the answer cannot be unpacked") from None
    if unpack.unused_data:
        raise UnusableAnswer("the answer goes on behind its end")
    return unpacked

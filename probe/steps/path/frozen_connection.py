"""Run the step `limited_payload` on a connection that falls silent in the middle of an answer.

A device that drops a whole connection drops our packets too. A few bytes with limited TTL are therefore reported by the
routers before the device, and not by those behind it. The bytes cannot reach the server.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from probe.formats.exchanges.hops import LimitedPayload
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.signatures.silent_streams import LEAST_ANSWER, LEAST_SILENCE
from probe.steps.connection import Connection
from probe.steps.http.http_answer import CLEAR_TEXT_BODY
from probe.steps.path.limited_ttl import LimitedStream, listening_time
from probe.steps.tcp import TCPConnection
from probe.steps.tls.tls_stream import TLSConnection
from probe.wire.http1 import HTTP1Exchange

SILENCE = 1.0  # seconds without a byte. The stop was shown before, with a longer silence.
MOST = 2 * CLEAR_TEXT_BODY  # bytes of an answer, more than any that was seen to stop
_EMPTY_LINE = b"\r\n"  # servers ignore it before a request (RFC 9112, 2.2)
_LIMIT = 30.0


@dataclass(frozen=True)
class Page:
    """Hold a request whose answer stops. `server_name` is the name in the TLS hello, "" for a page in the clear."""

    target: str
    headers: dict[str, str]
    server_name: str = ""
    alpn: tuple[str, ...] = ()


async def limited_bytes_after_silence(
    tx: Transaction, conn: TCPConnection, page: Page, ttls: Sequence[int], *, pace: Pace, slowest: float
) -> LimitedPayload:
    """Ask for the page. After the silence send an empty line with each of `ttls` (ascending), as the kernel repeats it.

    Raises StepFailed if the answer does not stop or goes on later, or if the connection ends or is silent before it.
    """
    entry = LimitedPayload(address=conn.address, transport="tcp", payload="frozen")
    async with tx.step(entry, _LIMIT):
        line = await _until_silent(conn, page)
        flow = LimitedStream(conn, listening_time(pace, slowest, patient=len(ttls) == 1))
        try:
            if await flow.send_each(line, ttls, entry, by_silence=True) or await flow.listen(_rest(conn)):
                entry.distances.clear()
                raise EOFError("the answer goes on")
        finally:
            await flow.end()
    return entry


def _rest(conn: TCPConnection) -> float:
    """Return the seconds until the silence is as long as that of a stop."""
    return max(0.0, LEAST_SILENCE - conn.silent_for())


async def _until_silent(conn: TCPConnection, page: Page) -> bytes:
    """Read until the connection is silent. Return the bytes of an empty line on it. Raises EOFError, OSError."""
    tls = TLSConnection(conn, page.server_name, page.alpn) if page.server_name else None
    exchange = HTTP1Exchange("GET", page.target, page.headers)
    stream: Connection = tls or conn
    async with asyncio.timeout(_LIMIT / 2):
        if tls is not None:
            await tls.handshake()
        await stream.write(exchange.request)
        await _read(stream, exchange)
    if conn.bytes_after_sent < LEAST_ANSWER:
        raise TimeoutError("silent before an answer")
    return tls.encrypted(_EMPTY_LINE) if tls is not None else _EMPTY_LINE


async def _read(stream: Connection, exchange: HTTP1Exchange) -> None:
    """Read the answer until nothing more comes. Raises EOFError if it does not stop."""
    while not exchange.ended and exchange.received < MOST:
        try:
            async with asyncio.timeout(SILENCE):
                data = await stream.read()
        except TimeoutError:
            return
        exchange.feed(data)
        if exchange.status is not None:
            exchange.read_body()
    raise EOFError("the answer does not stop")

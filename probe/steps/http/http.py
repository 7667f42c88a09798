"""Send one HTTP/1.1 request over an open connection (step `http_round_trip`).

The step follows no redirect and keeps no cookie. Any status is a success, because only the rules interpret it (P1).
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from probe.formats import failures as f
from probe.formats.entries import HTTPTransaction
from probe.session.classify import NETWORK_ERRORS, RemoteError, classify
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.signatures.silent_streams import LEAST_PACKETS
from probe.steps.connection import Connection
from probe.steps.http.http_answer import (
    CLEAR_TEXT_BODY,
    HTTPResult,
    headers_of,
    request_target,
    write_body,
    write_head,
    written_request,
)
from probe.wire.http1 import HTTP1Exchange, MalformedResponse, NotHTTP

__all__ = ["MALFORMED", "MALFORMED_STATUS", "HTTPResult", "http_request"]

GRACE = 1.0  # seconds that the step may exceed its deadline, so that a body cut off by it is still an answer
LATE_ANSWER = 0.2  # seconds in which an answer is read that was sent before the connection broke
MOST_RECEIVED = 262144  # bytes of one answer by default. The longest head has 192 kB.
LEAST_UNREAD = 16384  # bytes that the system holds. They hold the longest TLS record, which is read as a whole.
UNREAD_SHARE = 3 / 8  # of a long page. A smaller buffer drops segments, which a device on the way counts once more.
USUAL_PAYLOAD = 1000  # bytes of an answer for each packet that is received, some of which acknowledge or are short
LOOK = 0.02  # seconds between two looks at the number of packets
PIECE = 4096  # bytes that are read together. What the last piece has behind the limit is discarded.
MEASURED_BODY = 8192  # bytes, from which on the time of a body says something about the throughput
MALFORMED_STATUS = f"{f.UNKNOWN}: malformed HTTP version"
MALFORMED = f"{f.UNKNOWN}: malformed HTTP response"
FLOODED = f"{f.UNKNOWN}: http: flooded"


async def http_request(
    tx: Transaction,
    conn: Connection,
    method: str,
    url: str,
    *,
    pace: Pace,
    host: str | None = None,
    body: bytes = b"",
    confirm: bool = False,
    timeout: float | None = None,
    limit: int = CLEAR_TEXT_BODY,
    past: int = 0,
    more: Mapping[str, str] | None = None,
    shown_as: str | None = None,
) -> HTTPResult:
    """Send one request. Read the status line and at most `limit` bytes of the body within the deadline.

    Behind the limit the connection goes on until `LEAST_PACKETS` and `past` bytes of the answer have arrived, because
    some devices stop a connection only then. These bytes are not kept.

    The entry has the URL as given, or `shown_as` instead. `host` replaces the URL's host in the Host header. `more`
    holds additional headers. Raises StepFailed without a status line. `x_body_failure` records an incomplete body.
    """
    sent = headers_of(method, url, host, body) | dict(more or {})
    entry = HTTPTransaction(address=conn.address, request=written_request(method, shown_as or url, sent, body))
    result = HTTPResult(entry)
    seconds = pace.tls_timeout(confirm=confirm) if timeout is None else timeout
    async with tx.step(entry, seconds + GRACE):
        deadline = asyncio.get_running_loop().time() + seconds
        await _round_trip(conn, result, url, sent, body, deadline, limit, past)
    return result


async def _round_trip(
    conn: Connection,
    result: HTTPResult,
    url: str,
    sent: dict[str, str],
    body: bytes,
    deadline: float,
    limit: int,
    past: int,
) -> None:
    exchange = HTTP1Exchange(result.entry.request.method, request_target(url), sent, body)
    most = max(MOST_RECEIVED, 2 * limit)
    if limit <= CLEAR_TEXT_BODY:
        conn.limit_unread(max(limit, LEAST_UNREAD, int(UNREAD_SHARE * past)))
    try:
        async with asyncio.timeout_at(deadline):
            await _send(conn, exchange, most)
            await _read_head(conn, exchange, most)
    except TimeoutError:
        await _test_path(conn)
        raise
    except NotHTTP as error:
        raise RemoteError(MALFORMED_STATUS) from error
    except MalformedResponse as error:
        raise RemoteError(MALFORMED) from error
    write_head(result, exchange.status or 0, exchange.headers)
    is_longer = await _read_body(conn, exchange, result, deadline, limit, most)
    if is_longer:
        await _read_on(conn, exchange, result, deadline, past, most)
        conn.close_with_reset()  # the server goes on sending, while the body is looked at
    write_body(result)


async def _send(conn: Connection, exchange: HTTP1Exchange, most: int) -> None:
    """Send the request. If the connection broke, read the answer that the peer may have sent before."""
    try:
        await conn.write(exchange.request)
    except BrokenPipeError:
        return  # the peer closed before the request. Reading finds its answer or the end.
    except NETWORK_ERRORS:
        with suppress(*NETWORK_ERRORS):
            async with asyncio.timeout(LATE_ANSWER):
                await _read_head(conn, exchange, most)
        if exchange.status is None:
            raise


async def _read_head(conn: Connection, exchange: HTTP1Exchange, most: int) -> None:
    while exchange.status is None:
        await _receive(conn, exchange, most)


async def _read_body(
    conn: Connection, exchange: HTTP1Exchange, result: HTTPResult, deadline: float, limit: int, most: int
) -> bool:
    """Read the body until its end, the limit or the deadline. The step has already succeeded with the status line.

    Return whether the body goes on behind the limit.
    """
    written, began = result.entry.response, conn.answered_at or asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(deadline):
            exchange.read_body()
            while not exchange.ended and len(exchange.body) < limit:
                await _receive(conn, exchange, most)
    except MalformedResponse:
        written.x_body_failure = MALFORMED if len(exchange.body) < limit else None
    except NETWORK_ERRORS as error:
        written.x_body_failure = classify(error)
        if written.x_body_failure == f.TIMEOUT:
            await _test_path(conn)
    written.body_is_truncated = not exchange.ended or len(exchange.body) >= limit
    result.body = bytes(exchange.body[:limit])
    if len(result.body) >= MEASURED_BODY:
        written.x_body_time = round(asyncio.get_running_loop().time() - began, 6)
    return not exchange.ended and len(exchange.body) >= limit


async def _read_on(
    conn: Connection, exchange: HTTP1Exchange, result: HTTPResult, deadline: float, past: int, most: int
) -> None:
    """Let the rest arrive until there are enough packets and bytes. Of what happens only silence is recorded."""
    reading = asyncio.create_task(_read_rest(conn, exchange, most))
    try:
        async with asyncio.timeout_at(deadline):
            while not reading.done() and not _has_come_far(conn, exchange, past):
                await asyncio.wait({reading}, timeout=LOOK)
    except TimeoutError:
        if conn.fell_silent():
            result.entry.response.x_body_failure = f.TIMEOUT
            await _test_path(conn)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _has_come_far(conn: Connection, exchange: HTTP1Exchange, past: int) -> bool:
    """Return whether enough has arrived. Where the system counts no packets, they are estimated from the bytes."""
    counted = conn.packets_received()
    packets = exchange.received // USUAL_PAYLOAD if counted is None else counted
    return packets >= LEAST_PACKETS and exchange.received >= past


async def _read_rest(conn: Connection, exchange: HTTP1Exchange, most: int) -> None:
    while not exchange.ended:
        await _receive(conn, exchange, most)


async def _test_path(conn: Connection) -> None:
    """Send an empty line on a connection that fell silent. A server ignores it before a request (RFC 9112, 2.2)."""
    if conn.fell_silent():
        with suppress(*NETWORK_ERRORS):
            await conn.test_path(b"\r\n")


async def _receive(conn: Connection, exchange: HTTP1Exchange, most: int) -> None:
    """Read one piece of the answer, of at most `most` bytes in all. Raises what `conn` and `exchange` raise."""
    try:
        data = await conn.read(PIECE)
    except NETWORK_ERRORS:
        if not exchange.until_close:
            raise
        data = b""  # however the connection ends, a body without a length is then complete (RFC 9112, 8)
    if exchange.received + len(data) > most:
        raise RemoteError(FLOODED)
    exchange.feed(data)

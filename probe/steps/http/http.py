"""Send one HTTP/1.1 request over an open connection (step `http_round_trip`).

The step follows no redirect and keeps no cookie. Any status is a success, because only the rules interpret it (P1).
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from probe.formats import failures as f
from probe.formats.entries import HTTPTransaction
from probe.session.classify import NETWORK_ERRORS, RemoteError, classify
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import Connection
from probe.steps.http.http_answer import BODY_LIMIT, HTTPResult, headers_of, write_body, write_head, written_request

if TYPE_CHECKING:
    import aiohttp

    from probe.steps.http.aiohttp_transport import Session

__all__ = ["BODY_LIMIT", "MALFORMED", "MALFORMED_STATUS", "HTTPResult", "http_request"]

GRACE = 1.0  # seconds that the step may exceed its deadline, so that a body cut off by it is still an answer
MALFORMED_STATUS = f"{f.UNKNOWN}: malformed HTTP version"
MALFORMED = f"{f.UNKNOWN}: malformed HTTP response"


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
    limit: int = BODY_LIMIT,
    more: Mapping[str, str] | None = None,
    shown_as: str | None = None,
) -> HTTPResult:
    """Send one request. Read the status line and at most `limit` bytes of the body within the deadline.

    The entry has the URL as given, or `shown_as` instead. `host` replaces the URL's host in the Host header. `more`
    holds additional headers. Raises StepFailed without a status line. `x_body_failure` records an incomplete body.
    """
    sent = headers_of(method, url, host, body) | dict(more or {})
    entry = HTTPTransaction(address=conn.address, request=written_request(method, shown_as or url, sent, body))
    result = HTTPResult(entry)
    seconds = pace.tls_timeout(confirm=confirm) if timeout is None else timeout
    async with tx.step(entry, seconds + GRACE):
        deadline = asyncio.get_running_loop().time() + seconds
        await _round_trip(conn, result, url, sent, body, deadline, limit)
    return result


async def _round_trip(
    conn: Connection, result: HTTPResult, url: str, sent: dict[str, str], body: bytes, deadline: float, limit: int
) -> None:
    import aiohttp

    from probe.steps.http.aiohttp_transport import MOST_RECEIVED, session_over

    async with session_over(conn, most=max(MOST_RECEIVED, 2 * limit)) as session:
        try:
            async with asyncio.timeout_at(deadline):
                response = await session.send(result.entry.request.method, url, sent, body)
        except aiohttp.ClientError as error:
            raise _without_aiohttp(error, session) from error
        write_head(result, response.status, response.headers.items())
        await _read_body(session, response, result, deadline, limit)
    write_body(result)


def _without_aiohttp(error: "aiohttp.ClientError", session: "Session") -> Exception:
    """Return the original error: the parser's, else that of the connection, which aiohttp wraps."""
    from aiohttp import ClientResponseError, http_exceptions

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, http_exceptions.BadStatusLine):
            return RemoteError(MALFORMED_STATUS)
        cause = cause.__cause__
    if isinstance(error, ClientResponseError):
        return RemoteError(MALFORMED)
    return session.broken_by or (error if isinstance(error, OSError) else RemoteError(MALFORMED))


async def _read_body(
    session: "Session", response: "aiohttp.ClientResponse", result: HTTPResult, deadline: float, limit: int
) -> None:
    """Read the body until its end, the limit or the deadline. The step has already succeeded with the status line."""
    import aiohttp

    written, body = result.entry.response, bytearray()
    try:
        async with asyncio.timeout_at(deadline):
            while len(body) < limit:
                piece = await response.content.read(limit - len(body))
                if not piece:
                    written.body_is_truncated = False
                    break
                body += piece
    except aiohttp.ClientError as error:
        written.x_body_failure = classify(_without_aiohttp(error, session))
    except NETWORK_ERRORS as error:
        written.x_body_failure = classify(error)
    result.body = bytes(body)

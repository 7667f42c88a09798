"""The step `http_round_trip`: one HTTP/1.1 request over a connection that is already open.

No redirect is followed, no cookie kept. Any status is success: what it means is for the judge. Of the answer only a
few headers, the title, the length and a digest of the body are written down.
"""

import asyncio
import hashlib
import html
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from probe.classify import NETWORK_ERRORS, RemoteError, classify
from probe.formats import failures as f
from probe.formats.entries import HTTPRequest, HTTPTransaction
from probe.pacing import Pace
from probe.steps.blockpages import matching
from probe.steps.connection import Connection
from probe.trace import Transaction

if TYPE_CHECKING:
    import aiohttp

    from probe.steps.handover import Session

BODY_LIMIT = 65536
TITLE_LIMIT = 200
HEADER_LIMIT = 200
GRACE = 1.0  # seconds that the step outlives its own deadline, so that a body cut by it is still an answer
WRITTEN_HEADERS = ("Server", "Content-Type", "Content-Length")
MALFORMED_STATUS = f"{f.UNKNOWN}: malformed HTTP version"
MALFORMED = f"{f.UNKNOWN}: malformed HTTP response"

# What a common browser sends, as in OONI's web tests (reference/ooni.md 2.4).
BROWSER = {
    "User-Agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.10 Safari/605.1.1",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.9",
}

_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)


@dataclass
class HTTPResult:
    """What came back. Only `entry` is ever written; the rest stays in memory (preflight needs it)."""

    entry: HTTPTransaction
    date: datetime | None = None
    body: bytes = b""
    location: str = ""
    headers: dict[str, str] = field(default_factory=dict)  # as received, last of each name, names in lower case


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
) -> HTTPResult:
    """Send one request and read the answer: its status line, and at most `limit` bytes of body within the deadline.

    `url` is written as given; `host` replaces its host in the Host header. Without a status line the step fails and
    StepFailed is raised; a body that broke off is told by `x_body_failure`.
    """
    sent = _headers(method, url, host, body)
    entry = HTTPTransaction(address=conn.address, request=_request(method, url, sent, body))
    result = HTTPResult(entry)
    seconds = pace.tls_timeout(confirm=confirm) if timeout is None else timeout
    async with tx.step(entry, seconds + GRACE):
        deadline = asyncio.get_running_loop().time() + seconds
        await _round_trip(conn, result, sent, body, deadline, limit)
    return result


def _headers(method: str, url: str, host: str | None, body: bytes) -> dict[str, str]:
    named = host if host is not None else urlsplit(url).netloc
    length = {"Content-Length": str(len(body))} if body or method not in {"GET", "HEAD"} else {}
    return {"Host": named, **BROWSER, **length}


def _request(method: str, url: str, sent: dict[str, str], body: bytes) -> HTTPRequest:
    return HTTPRequest(
        url=url, method=method, headers=sent, headers_list=sorted(sent.items()), body=body.decode("utf-8", "replace")
    )


async def _round_trip(
    conn: Connection, result: HTTPResult, sent: dict[str, str], body: bytes, deadline: float, limit: int
) -> None:
    import aiohttp

    from probe.steps.handover import session_over

    request = result.entry.request
    async with session_over(conn) as session:
        try:
            async with asyncio.timeout_at(deadline):
                response = await session.send(request.method, request.url, sent, body)
        except aiohttp.ClientError as error:
            raise _without_aiohttp(error, session) from error
        _write_head(response, result)
        await _read_body(session, response, result, deadline, limit)
    _write_body(result)


def _without_aiohttp(error: "aiohttp.ClientError", session: "Session") -> Exception:
    """What really happened: the parser's complaint, else what the connection itself met, which aiohttp re-wraps."""
    from aiohttp import ClientResponseError, http_exceptions

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, http_exceptions.BadStatusLine):
            return RemoteError(MALFORMED_STATUS)
        cause = cause.__cause__
    if isinstance(error, ClientResponseError):
        return RemoteError(MALFORMED)
    return session.broken_by or (error if isinstance(error, OSError) else RemoteError(MALFORMED))


def _write_head(response: "aiohttp.ClientResponse", result: HTTPResult) -> None:
    result.headers = {name.lower(): _clean(value) for name, value in response.headers.items()}
    result.location = result.headers.get("location", "")
    with suppress(ValueError, TypeError):
        date = parsedate_to_datetime(result.headers.get("date", ""))
        result.date = date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    kept = {name: value for name in WRITTEN_HEADERS if (value := result.headers.get(name.lower())) is not None}
    kept = {name: _scrub(value)[:HEADER_LIMIT] for name, value in kept.items()}
    written = result.entry.response
    written.code, written.headers, written.headers_list = response.status, kept, sorted(kept.items())
    if 300 <= response.status < 400:
        with suppress(ValueError):
            written.x_redirect_host = _scrub(urlsplit(result.location).hostname or "")[:HEADER_LIMIT]


async def _read_body(
    session: "Session", response: "aiohttp.ClientResponse", result: HTTPResult, deadline: float, limit: int
) -> None:
    """Read the body until its end, the limit or the deadline; the status line has already made the step a success."""
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


def _write_body(result: HTTPResult) -> None:
    written = result.entry.response
    text = result.body.decode("utf-8", "surrogateescape")
    written.x_body_length = len(result.body)
    written.x_body_sha256 = hashlib.sha256(_scrub(text).encode("utf-8", "surrogateescape")).hexdigest()
    written.x_title = _title(result)
    written.x_fingerprints = matching(result.body, result.headers)


def _title(result: HTTPResult) -> str:
    found = _TITLE.search(_decode(result))
    return _scrub(" ".join(html.unescape(found[1]).split()))[:TITLE_LIMIT] if found else ""


def _decode(result: HTTPResult) -> str:
    charset = _CHARSET.search(result.headers.get("content-type", ""))
    try:
        return result.body.decode(charset[1] if charset else "utf-8", "replace")
    except (LookupError, ValueError):  # a charset that nobody knows, or that is no text encoding
        return result.body.decode("utf-8", "replace")


def _clean(value: str) -> str:
    """Header bytes that are no UTF-8 would not survive in JSON."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _scrub(text: str) -> str:
    from probe.redact import scrub_text

    return scrub_text(text)

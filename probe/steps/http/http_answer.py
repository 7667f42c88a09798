"""Build requests and record responses of HTTP/1.1 and HTTP/3 alike.

Of a response only a few headers, the title, and the length and digest of the body are written to the entry.
"""

import hashlib
import html
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import urlsplit

from probe.formats.entries import HTTPRequest, HTTPTransaction
from probe.privacy.redact import scrub_text
from probe.privacy.scrub import SCRUBBED
from probe.signatures.block_pages import matching

# Bytes of a body that are read. Every byte more costs a user on a metered line.
CLEAR_TEXT_BODY = 32768  # any device may have sent it. Titles and texts of block pages are in this part.
VERIFIED_BODY = 16000  # the server proved its identity. A flow that is cut off after 16 kB still shows.
KEPT = 32  # digests of bodies. Further attempts, addresses and flows to the same host get the same body
TITLE_LIMIT = 200
HEADER_LIMIT = 200
WRITTEN_HEADERS = ("Server", "Content-Type", "Content-Length")

# Headers of a common browser, the same as in OONI's web tests (ooni/probe-cli 7cb22410).
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
    """Hold one response. Only `entry` is written to a file. The rest stays in memory, and the preflight needs it."""

    entry: HTTPTransaction
    date: datetime | None = None
    body: bytes = b""
    location: str = ""
    headers: dict[str, str] = field(default_factory=dict)  # as received, the last of each name, names in lower case
    cookies: list[str] = field(default_factory=list)  # values of Set-Cookie


def request_target(url: str) -> str:
    """Return the path and the query of `url`, as they stand in the request line (RFC 9112, 3.2.1)."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def headers_of(method: str, url: str, host: str | None, body: bytes) -> dict[str, str]:
    """Return a browser's headers for the request, with `host` instead of the URL's host if given."""
    named = host if host is not None else urlsplit(url).netloc
    length = {"Content-Length": str(len(body))} if body or method not in {"GET", "HEAD"} else {}
    return {"Host": named, **BROWSER, **length}


def written_request(method: str, url: str, sent: dict[str, str], body: bytes) -> HTTPRequest:
    """Return the request as it is written. A cookie is left out, because it is an identifier that a server gave the
    user.
    """
    kept = {name: SCRUBBED if name == "Cookie" else value for name, value in sent.items()}
    return HTTPRequest(
        url=url, method=method, headers=kept, headers_list=sorted(kept.items()), body=body.decode("utf-8", "replace")
    )


def write_head(result: HTTPResult, status: int, headers: Iterable[tuple[str, str]]) -> None:
    """Keep all headers in memory. Record the status and the allowed headers, scrubbed."""
    headers = [(name.lower(), _clean(value)) for name, value in headers]
    result.headers = dict(headers)
    result.cookies = [value for name, value in headers if name == "set-cookie"]
    result.location = result.headers.get("location", "")
    with suppress(ValueError, TypeError):
        date = parsedate_to_datetime(result.headers.get("date", ""))
        # RFC 9110, 5.6.7 demands GMT, so a date without a zone is taken for UTC.
        result.date = date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    kept = {name: value for name in WRITTEN_HEADERS if (value := result.headers.get(name.lower())) is not None}
    kept = {name: _scrub(value)[:HEADER_LIMIT] for name, value in kept.items()}
    written = result.entry.response
    written.code, written.headers, written.headers_list = status, kept, sorted(kept.items())
    if 300 <= status < 400:
        with suppress(ValueError):
            written.x_redirect_host = _scrub(urlsplit(result.location).hostname or "")[:HEADER_LIMIT]


def write_body(result: HTTPResult) -> None:
    """Record length, digest, title and matching block pages of `result.body`."""
    written = result.entry.response
    written.x_body_length = len(result.body)
    written.x_body_sha256 = _digest(result.body)
    written.x_title = _title(result)
    written.x_fingerprints = matching(result.body, result.headers)


@lru_cache(maxsize=KEPT)
def _digest(body: bytes) -> str:
    """Return the SHA-256 of a body without its addresses. To remove them takes 0.6 ms for 16 kB."""
    text = _scrub(body.decode("utf-8", "surrogateescape"))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _title(result: HTTPResult) -> str:
    found = _TITLE.search(_decode(result))
    return _scrub(" ".join(html.unescape(found[1]).split()))[:TITLE_LIMIT] if found else ""


def _decode(result: HTTPResult) -> str:
    charset = _CHARSET.search(result.headers.get("content-type", ""))
    try:
        return result.body.decode(charset[1] if charset else "utf-8", "replace")
    except (LookupError, ValueError):  # an unknown charset, or one that is no text encoding
        return result.body.decode("utf-8", "replace")


def _clean(value: str) -> str:
    """Replace bytes that are not UTF-8, because JSON cannot hold them."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _scrub(text: str) -> str:
    return scrub_text(text)

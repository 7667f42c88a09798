"""Make responses that are not framed and not stored."""

import hashlib
import json
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from probe.explore.api_endpoints import API
from probe.explore.compare_page import NOTICE_POLICY, notice
from probe.local_server.request_origin import TOKEN

_PAGE_POLICY = "frame-ancestors 'none'"  # the page has the rest in its head, with the digests of style and script
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
RETRY_AFTER = 2  # seconds
Response = TypeVar("Response", bound=web.StreamResponse)


def html(page: str | bytes, *, status: int = 200, tag: str = "") -> web.Response:
    return _made(page, "text/html", _PAGE_POLICY, status, tag)


def notice_page(title: str, sentence: str, *, status: int, **more: object) -> web.Response:
    return _made(notice(title, sentence, **more), "text/html", NOTICE_POLICY, status)  # type: ignore[arg-type]


def data(body: bytes, kind: str = "application/json", *, tag: str = "", file: str = "") -> web.Response:
    """Return an answer of the API. With `file` a browser saves it under this name."""
    response = _made(body, kind, _DATA_POLICY, 200, tag)
    if file:
        response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
    return response


def unchanged(tag: str) -> web.Response:
    """Return the response without a body for a client that has this answer."""
    return web.Response(status=304, headers={"ETag": tag, "Content-Security-Policy": _DATA_POLICY})


def error(path: str, status: int, sentence: str) -> web.Response:
    """Return a refusal: JSON below the API's address, and else a page."""
    if path.startswith(f"{API}/"):
        response = _made(json.dumps({"error": sentence}), "application/json", _DATA_POLICY, status)
    else:
        response = notice_page("This cannot be shown", sentence, status=status)
    if status == 405:
        response.headers["Allow"] = "GET, HEAD"
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status in {429, 503}:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def cached(response: Response, *, bearer: bool) -> Response:
    """Say whether a response may be stored. Without a bearer the address has the token, and nothing is stored."""
    response.headers["Cache-Control"] = "private, no-cache" if bearer else "no-store"
    return response


def tag_of(request: web.Request, state: str) -> str:
    """Return the ETag of an answer: the state of the store, and the question without the token."""
    pairs = sorted(pair for pair in parse_qsl(request.rel_url.raw_query_string) if pair[0] != TOKEN)
    return f'"{hashlib.sha256(f"{state} {request.path}?{urlencode(pairs)}".encode()).hexdigest()[:32]}"'


def has_tag(request: web.Request, tag: str) -> bool:
    """Return True if the client has the answer with this ETag already."""
    given = [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]
    return tag in given or "*" in given


def _made(body: str | bytes, kind: str, policy: str, status: int, tag: str = "") -> web.Response:
    raw = body.encode(errors="replace") if isinstance(body, str) else body
    charset = "utf-8" if kind.startswith("text/") else None
    headers = {"Content-Security-Policy": policy} | ({"ETag": tag} if tag else {})
    return web.Response(body=raw, status=status, content_type=kind, charset=charset, headers=headers)

"""Serve HTTP/1.1: a page per host, the status codes of the real services, and portal checks."""

import asyncio
import itertools
from dataclasses import dataclass, replace
from email.utils import format_datetime
from html import escape

from probe.lab.scenario.scenario_keys import Page
from probe.lab.services.server_streams import Stream, read_exactly, read_until
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import Host, Stall

METHODS = (b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ")
REASONS = {200: "OK", 204: "No Content", 301: "Moved Permanently", 302: "Found", 400: "Bad Request", 404: "Not Found"}
REASONS |= {405: "Method Not Allowed", 501: "Not Implemented", 411: "Length Required"}
# Status of the real hosts for a plain GET (OONI ts-018). The registration host has no page.
STATUS = {"v.whatsapp.net": 400}


@dataclass(frozen=True)
class Request:
    """Hold one request with its body."""

    method: str
    path: str
    host: str
    body: bytes
    keep: bool
    cookie: str = ""


@dataclass(frozen=True)
class Response:
    """Hold one answer, without Date and Content-Length."""

    status: int
    body: bytes = b""
    location: str = ""
    cookie: str = ""
    kind: str = "text/html; charset=utf-8"


async def read_request(stream: Stream) -> Request:
    """Return the next request. Raises Ended."""
    head = (await read_until(stream, b"\r\n\r\n")).decode("latin-1")
    lines = head.split("\r\n")
    method, path, version = [*lines[0].split(" "), "", ""][:3]
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    length = fields.get("content-length", "0")
    body = await read_exactly(stream, min(int(length), 1 << 16)) if length.isdigit() and length != "0" else b""
    keep = version == "HTTP/1.1" and fields.get("connection", "").lower() != "close"
    return Request(
        method, path or "/", fields.get("host", "").rsplit(":", 1)[0].lower(), body, keep, fields.get("cookie", "")
    )


async def serve_http(stream: Stream, host: Host, world: World, *, secure: bool, client: str = "") -> None:
    """Answer the requests of a client's address until either side closes. Raises Ended and TimeoutError."""
    seconds, most = host.closes_after
    async with asyncio.timeout(seconds or None):
        await _answer_all(stream, host, world, secure, client, most)


async def _answer_all(stream: Stream, host: Host, world: World, secure: bool, client: str, most: int) -> None:
    for number in itertools.count(1):
        request = await read_request(stream)
        if host.down == "hangs_up":
            return
        response = answer(request, host, world, secure=secure, client=client)
        whole = _bytes(response, request, world, _alternative_services(host) if secure else [])
        await _send(stream, whole, host.stalls(client))
        if not request.keep or number == most:
            return


async def _send(stream: Stream, whole: bytes, stall: Stall | None) -> None:
    """Send an answer, in pieces with pauses if the server stalls. Raises Ended."""
    first = len(whole) if stall is None else stall.bytes
    await stream.write(whole[:first])
    while stall is not None and first < len(whole):
        await asyncio.sleep(stall.pause)
        last = first + (stall.piece or len(whole))
        await stream.write(whole[first:last])
        first = last


def answer(request: Request, host: Host, world: World, *, secure: bool, client: str = "") -> Response:
    """Return the host's answer to a request of a client's address."""
    check = None if secure or not host.names else world.pages.get((request.host, request.path.partition("?")[0]))
    if check is not None:
        return Response(check[0], check[1].encode(), kind="text/plain")
    page = _page_of(host, request, world, "https" if secure else "http")
    if page is not None:
        return _scenario_page(page, request)
    if odd := host.answers_oddly(client):
        usual = _page(odd.status, odd.title)
        return replace(usual, location=odd.location, body=b"" if odd.bare else usual.body)
    if not host.names:
        return _literal(request, host)
    if request.host not in host.names:
        return _page(404, "Not found")
    if not secure and "https" in host.ports.get(443, ()):
        return Response(301, location=f"https://{request.host}{request.path}")
    usual = _page(STATUS.get(request.host, 200), _title(host))
    return replace(usual, body=usual.body.ljust(host.page_bytes))


def _page_of(host: Host, request: Request, world: World, scheme: str) -> Page | None:
    """Return the scenario's page for the request: that of the requested host and path, else the one for all."""
    if request.host in host.names and (page := world.web.get((scheme, request.host, request.path))):
        return page
    own = (page for (other, name, _), page in world.web.items() if other == scheme and name in host.names)
    return next((page for page in own if page.for_all), None)


def _scenario_page(page: Page, request: Request) -> Response:
    if page.wants_cookie and page.wants_cookie not in request.cookie.split("; "):
        return _page(403, "No cookie")
    response = _page(page.status, page.title or request.host, page.body)
    return replace(response, location=page.location, cookie=page.gives_cookie)


def _literal(request: Request, host: Host) -> Response:
    """Return the answer of a host without a name. Telegram's data centres refuse requests without MTProto."""
    if any("mtproto" in dialects for dialects in host.ports.values()) or request.method == "POST":
        return _page(501, "Not implemented")
    return _page(200, host.title)


def _title(host: Host) -> str:
    web = any(service.endswith("/web") for service in host.services)
    return f"{host.title} Web" if web else host.title


def _page(status: int, title: str, more: str = "") -> Response:
    text = escape(title)
    body = f"<!doctype html><html><head><title>{text}</title></head><body><h1>{text}</h1>{more}</body></html>\n"
    return Response(status, body.encode())


def _alternative_services(host: Host) -> list[str]:
    """Return the Alt-Svc header for the host's QUIC ports (RFC 7838 3)."""
    ports = [port for port, dialects in host.ports.items() if "quic" in dialects and not host.no_quic]
    return [f'Alt-Svc: h3=":{port}"; ma=86400' for port in ports]


def _bytes(response: Response, request: Request, world: World, more: list[str]) -> bytes:
    body = b"" if response.status == 204 else response.body
    lines = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Other')}", "Server: lab"]
    lines += [f"Date: {format_datetime(world.now(), usegmt=True)}", f"Content-Length: {len(body)}"]
    lines += [f"Content-Type: {response.kind}"] if body else []
    lines += [f"Location: {response.location}"] if response.location else []
    lines += [f"Set-Cookie: {response.cookie}"] if response.cookie else []
    lines += more
    lines += [] if request.keep else ["Connection: close"]
    head = "\r\n".join([*lines, "", ""]).encode()
    return head if request.method == "HEAD" else head + body

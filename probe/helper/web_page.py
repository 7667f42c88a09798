"""Fetch the page behind a URL as OONI's helper does: with redirects, and without connections to private addresses."""

import errno
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError
from typing import Any

import aiohttp
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from probe.formats import failures as f
from probe.formats.ooni_helper import said_of_http
from probe.session.classify import NETWORK_ERRORS, LocalFailure, classify
from probe.steps.sockets import open_socket
from probe.steps.tls.certificate_checks import Roots
from probe.targets.address_guard import Contacts, Elsewhere

SECONDS = 15.0
LONGEST_BODY = 2**22  # bytes after decompression. They are counted and not kept.
TITLE_WITHIN = 2**18  # bytes in which the title is searched
MOST_REDIRECTS = 10
MOST_HEADERS, LONGEST_HEADER = 64, 1024

_TITLE = re.compile(rb"<title>([^<]{1,512})</title>", re.IGNORECASE)
_H3 = re.compile(r'(?:^|[,\s])h3="?([^",;\s]*):(\d{1,5})')


class _NotContacted(PermissionError):
    """Report to aiohttp that the guard refused an address. It then tries the name's other addresses."""


TROUBLE = (*NETWORK_ERRORS, aiohttp.ClientError, CookieError, ValueError)


@dataclass
class FetchedPage:
    """Hold the last response of a chain. `failure` is a df-007 string, `dns_…` if no name resolved."""

    failure: str | None = None
    status: int = -1
    length: int = -1
    title: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    h3: str = ""  # HOST:PORT at which the first response offers HTTP/3

    def written(self) -> dict[str, Any]:
        """Return the form that OONI's helper writes."""
        fine = self.failure is None
        return {
            "body_length": self.length if fine else -1,
            "discovered_h3_endpoint": self.h3 if fine else "",
            "failure": said_of_http(self.failure),
            "title": self.title if fine else "",
            "headers": self.headers if fine else {},
            "status_code": self.status if fine else -1,
        }


async def fetch(url: URL, headers: dict[str, str], *, roots: Roots, contacts: Contacts | Elsewhere) -> FetchedPage:
    """GET `url`. The guard is asked for every address, also of redirects, just before the connection."""
    page = FetchedPage()
    connector = aiohttp.TCPConnector(
        ssl=roots.client_context(), resolver=ThreadedResolver(), socket_factory=_sockets(contacts), force_close=True
    )
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session,
            session.get(
                url, headers=headers, max_redirects=MOST_REDIRECTS, skip_auto_headers=("User-Agent", "Accept")
            ) as response,
        ):
            await _read(response, page)
    except TROUBLE as error:
        page.failure = _failure(error)
    return page


def _sockets(contacts: Contacts | Elsewhere) -> Callable[[Any], socket.socket]:
    """Return a socket factory for addresses that may be contacted. The address is certain at no earlier point."""

    def make(info: Any) -> socket.socket:
        _, kind, _, _, where = info
        try:
            return open_socket(where[0], kind, contacts)
        except LocalFailure as refused:
            raise _NotContacted(errno.EACCES, str(refused)) from refused

    return make


async def _read(response: aiohttp.ClientResponse, page: FetchedPage) -> None:
    page.status, page.length = response.status, 0
    pairs = list(response.headers.items())[:MOST_HEADERS]
    page.headers = {name: value.encode("utf-8", "replace").decode()[:LONGEST_HEADER] for name, value in reversed(pairs)}
    first = response.history[0] if response.history else response
    page.h3 = offered_h3(first.headers.get("Alt-Svc", ""), first.url.raw_host or "")
    start = bytearray()
    async for piece in response.content.iter_any():
        page.length = min(page.length + len(piece), LONGEST_BODY)
        start += piece[: TITLE_WITHIN - len(start)]
        if page.length == LONGEST_BODY:
            break
    found = _TITLE.search(start)
    page.title = found[1].decode("utf-8", "replace") if found else ""


def offered_h3(value: str, host: str) -> str:
    """Return HOST:PORT of the first HTTP/3 alternative in an Alt-Svc header (RFC 7838, 3), or ""."""
    found = _H3.search(value[:LONGEST_HEADER])
    return f"{found[1] or host}:{found[2]}" if found else ""


def _failure(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, _NotContacted):
        return f.NOT_CONTACTED
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f.DNS_MISBEHAVING
    if isinstance(error, aiohttp.ClientSSLError):  # the endpoints report TLS errors more precisely
        return f"{f.UNKNOWN}: tls"
    return classify(error) if isinstance(error, NETWORK_ERRORS) else f"{f.UNKNOWN}: {type(error).__name__}"

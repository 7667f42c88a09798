"""Send requests to app stores, one after another, slowly. Redirects are not followed, and no proxy is used."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from socket import AddressFamily
from urllib.parse import urlencode, urlsplit

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from probe.formats import failures as f
from probe.http_client.foreign_servers import GZIP, ForeignServers, UnusableAnswer, open_foreign, reason_of
from probe.session.classify import NETWORK_ERRORS, classify
from probe.steps.tls.certificate_checks import Roots
from probe.targets.address_guard import Contacts, may_contact

INTERVAL = 3.0  # seconds between the beginnings of two requests: "approximately 20 calls per minute"
REST = 60.0  # seconds without a request after a refusal
MOST_REFUSALS = 3  # in a row. Then nothing more is asked.
LONGEST = 4 * 1024 * 1024  # bytes of an answer. 25 apps take about 150 kB.
SECONDS = 30.0  # of one request
REFUSALS = frozenset({403, 429, 503})
"""Statuses of a store that has enough of our requests. Apple's has answered 403 with an empty body.

Source: https://github.com/facundoolano/app-store-scraper/issues/157, opened 2026-11-28.
"""


class StoreRefuses(Exception):
    """Report that a store refused several requests in a row."""


@dataclass(frozen=True)
class StoreAnswer:
    """Hold an answer. `began` and `ended` are times of the monotonic clock."""

    began: float
    ended: float
    status: int | None = None
    body: bytes = b""
    location: str | None = None
    failure: str | None = None


class StoreClient:
    """Ask stores with one session. `interval` and `rest` are seconds."""

    def __init__(self, servers: ForeignServers, interval: float = INTERVAL, rest: float = REST) -> None:
        self._servers, self._interval, self._rest = servers, interval, rest
        self._free_at = 0.0
        self._refused = 0

    async def get(self, address: str, query: Mapping[str, str]) -> StoreAnswer:
        """Request an address with a query and with a parameter that no cache knows. Network errors become failures.

        The request waits for its turn. Raise StoreRefuses in place of a request after three refusals in a row.
        """
        if self._refused >= MOST_REFUSALS:
            raise StoreRefuses
        await asyncio.sleep(self._free_at - time.monotonic())
        began = time.monotonic()
        self._free_at = began + self._interval
        answer = await self._ask(began, _with_query(address, query))
        if answer.status in REFUSALS:
            self._refused += 1
            self._free_at = answer.ended + self._rest
        elif answer.status is not None:
            self._refused = 0
        return answer

    async def _ask(self, began: float, url: URL) -> StoreAnswer:
        try:
            async with self._servers.request("GET", url, seconds=SECONDS) as response:
                body = await self._servers.body(response, LONGEST)
                status = response.status
                location = _host(response.headers.get("Location"))
        except (*NETWORK_ERRORS, UnusableAnswer, aiohttp.ClientError, ValueError) as error:
            return StoreAnswer(began, time.monotonic(), failure=_named(error))
        failure = None if status == 200 else f"{f.UNKNOWN}: store: status {status}"
        return StoreAnswer(began, time.monotonic(), status, body, location, failure)


@asynccontextmanager
async def open_client(roots: Roots, contacts: Contacts = Contacts.PUBLIC) -> AsyncIterator[StoreClient]:
    """Open a client that verifies certificates with the public roots and contacts only these addresses."""
    connector = aiohttp.TCPConnector(ssl=roots.client_context(), resolver=GuardedResolver(contacts))
    async with open_foreign(connector, packing=GZIP, headers={"User-Agent": "censorprobe"}) as servers:
        yield StoreClient(servers, INTERVAL, REST)


class GuardedResolver(ThreadedResolver):
    """Resolve names with the system's resolver, and leave out addresses that may not be contacted."""

    def __init__(self, contacts: Contacts) -> None:
        super().__init__()
        self._allowed: Callable[[str], bool] = lambda address: may_contact(address, contacts)

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_INET
    ) -> list[ResolveResult]:
        """Return the allowed addresses. Raise OSError if there is none."""
        found = [one for one in await super().resolve(host, port, family) if self._allowed(one["host"])]
        if not found:
            raise NotContacted
        return found


class NotContacted(OSError):
    """Report that a name has no address that may be contacted."""


def _with_query(address: str, query: Mapping[str, str]) -> URL:
    """Return the URL with a random parameter, so that no cache answers. The query is ASCII and stays as it is."""
    whole = {**query, "_cb": secrets.token_hex(8)}
    return URL(f"{address}?{urlencode(whole, safe=',')}", encoded=True)


def _host(location: str | None) -> str | None:
    """Return the host of a redirect, "" if it has none, None without a redirect."""
    if location is None:
        return None
    try:
        return (urlsplit(location).hostname or "")[:253]
    except ValueError:
        return ""


def _named(error: BaseException) -> str:
    """Return the failure string for an error of a request."""
    if isinstance(error, aiohttp.ClientSSLError):
        return f.SSL_INVALID_CERTIFICATE
    cause = getattr(error, "os_error", None)
    if isinstance(cause, NotContacted) or isinstance(error, NotContacted):
        return f.NOT_CONTACTED
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return classify(error.os_error)
    if isinstance(error, NETWORK_ERRORS):
        return classify(error)
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return f.EOF
    return f"{f.UNKNOWN}: store: {reason_of(error)}"

"""Limit the connections of clients: how many, for how long, and how many of one peer."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from probe.http_server.bug_reports import report
from probe.http_server.client_shares import TIMES, ClientCounts, PacketShares
from probe.http_server.peers import Client, Network, client_at, parse_address

PER_PEER = 64  # connections of a client. A run of our probe opens one per target.
ACCEPTED_RATE, ACCEPTED_BURST = 200.0, 2000.0  # connections per second of all clients, and after a pause at once
TRUSTED: Client = (b"trusted",)  # all trusted proxies
REQUEST_SECONDS = 10.0  # for the head of a request, and again for its body
TAKE_SECONDS = 30.0  # for a client to take the answer and to send the next request
ANSWER_SECONDS = 60.0  # more than any answer takes
IDLE_SECONDS = 20.0
OWN_DELAY, AFTER_OWN_DELAY = 0.2, 1.0  # seconds: a deadline that this process noticed so late gets so many more
CONTINUE = "100-continue"  # the only expectation of RFC 9110, section 10.1.1
SERVER = "censorprobe"  # the value of the header Server, without versions
ACCEPTED_AT_ONCE = 128  # connections that asyncio accepts before it looks at them
WAITING_TO_BE_ACCEPTED = 4096  # in the kernel, without a descriptor. A SYN beyond them is lost, and repeated after 1 s
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nServer: censorprobe\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: 59\r\n\r\n"
    b'{"error": "too many connections are open; ask again later"}'
)


class ServedConnections:
    """Hold the open connections. A full table closes one of the network that has most.

    It closes the connection whose request has been incomplete for longest. If all are complete, a client whose network
    has none gets the place of the newest.
    A client has at most PER_PEER connections, and its networks TIMES as many. Trusted proxies carry many clients and
    have no limit of their own.
    """

    def __init__(self, most: int, trusted: Sequence[Network] = ()) -> None:
        self._most, self._trusted = most, trusted
        self._open: dict[ServedConnection, Client] = {}
        self._counts = ClientCounts()
        self._accepted = PacketShares(ACCEPTED_RATE, ACCEPTED_BURST, time.monotonic)
        self._incomplete: dict[bytes, OrderedDict[ServedConnection, None]] = {}  # least recently used first
        self._complete: dict[bytes, OrderedDict[ServedConnection, None]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, connection: "ServedConnection", address: str) -> bool:
        """Add a connection. Return False for too many of its network, or if the table is full of complete requests."""
        ip = parse_address(address)
        trusted = ip is not None and any(ip in network for network in self._trusted)
        client = TRUSTED if trusted else client_at(address)
        if not trusted and not self._accepted.take(client):
            return False
        if not trusted and not self._counts.admits(client, PER_PEER) and not self._close_own(client):
            return False
        if len(self._open) >= self._most and not self._close_for(client):
            return False
        self._open[connection] = client
        for prefix in client:
            self._incomplete.setdefault(prefix, OrderedDict())[connection] = None
        self._counts.add(client)
        return True

    def leave(self, connection: "ServedConnection") -> None:
        """Remove a connection that is closed. A second call does nothing."""
        if connection in self._open:
            client = self._open.pop(connection)
            _remove(self._incomplete, client, connection)
            _remove(self._complete, client, connection)
            self._counts.add(client, -1)

    def incomplete(self, connection: "ServedConnection") -> None:
        """Note that the connection waits for its client, and was used now."""
        self._move(connection, self._complete, self._incomplete)

    def complete(self, connection: "ServedConnection") -> None:
        """Note that the connection's client waits for an answer. It is closed only for a network that has none."""
        self._move(connection, self._incomplete, self._complete)

    def _move(self, connection: "ServedConnection", source: "_Table", target: "_Table") -> None:
        client = self._open.get(connection, ())
        _remove(source, client, connection)
        for prefix in client:
            target.setdefault(prefix, OrderedDict())[connection] = None
            target[prefix].move_to_end(connection)

    def _close_own(self, client: Client) -> bool:
        """Close the longest incomplete connection of the client, or of its network that has too many."""
        held = self._counts.held(client)
        full = [prefix for prefix, count, times in zip(client, held, TIMES, strict=False) if count >= PER_PEER * times]
        return self._cut(next(iter(self._incomplete.get(full[-1], ())), None))

    def _close_for(self, client: Client) -> bool:
        """Close the longest incomplete connection of the network with most, else a complete one if it has several."""
        slow = (network for network in self._counts.networks() if network in self._incomplete)
        network = max(slow, key=self._counts.of_network, default=None)
        if network is not None:
            return self._cut(next(iter(self._incomplete[network])))
        heaviest = self._counts.heaviest()
        if self._counts.of_network(client[-1]) or self._counts.of_network(heaviest) < 2:
            return False
        return self._cut(next(reversed(self._complete[heaviest])))

    def _cut(self, connection: "ServedConnection | None") -> bool:
        if connection is None:
            return False
        self.leave(connection)
        connection.cut()
        return True


_Table = dict[bytes, "OrderedDict[ServedConnection, None]"]


def _remove(table: _Table, client: Client, connection: "ServedConnection") -> None:
    """Remove a connection from the tables of a client, and empty tables too."""
    for prefix in client:
        mine = table.get(prefix)
        if mine is not None:
            mine.pop(connection, None)
            if not mine:
                del table[prefix]


class ServedConnection(web.RequestHandler):
    """Serve one connection of a client with deadlines, and without a word about it in any log."""

    def __init__(
        self, table: ServedConnections, refusal: Callable[[int], web.Response], *args: Any, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self._table, self._refusal = table, refusal
        self._deadline: asyncio.TimerHandle | None = None
        self._wire: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection if the table is not full, and start the deadline of its first request."""
        assert isinstance(transport, asyncio.Transport)
        self._wire = transport
        if not self._table.enter(self, (transport.get_extra_info("peername") or ("",))[0]):
            transport.write(BUSY)
            transport.close()
            return
        super().connection_made(transport)
        self.waits_for_client(REQUEST_SECONDS)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        self._table.leave(self)
        self._cancel_deadline()
        super().connection_lost(exc)
        self._wire = None

    def waits_for_client(self, seconds: float) -> None:
        """Close the connection in so many seconds, or earlier if others need its place."""
        self._table.incomplete(self)
        self._set_deadline(seconds)

    def works_for_client(self, seconds: float) -> None:
        """Keep the connection open for so many seconds."""
        self._table.complete(self)
        self._set_deadline(seconds)

    def cut(self) -> None:
        """Close the connection at once, without sending what is still buffered."""
        if self._wire is not None:
            self._wire.abort()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Return one sentence for a request that is no HTTP. Its bytes are not repeated. Raises ConnectionError."""
        if status >= 500 and exc is not None and not isinstance(exc, ConnectionError):
            report(exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun")
        return _last_answer(self._refusal(status))

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Report a bug in our code or in aiohttp by class and place. A client that broke off is none."""
        bug = kw.get("exc_info")
        if isinstance(bug, BaseException) and not isinstance(bug, web.RequestPayloadError | ConnectionError):
            report(bug)

    def _set_deadline(self, seconds: float) -> None:
        self._cancel_deadline()
        if self._wire is not None:
            loop = asyncio.get_running_loop()
            due = loop.time() + seconds
            self._deadline = loop.call_at(due, self._expire, due)

    def _expire(self, due: float) -> None:
        """Close the connection, but not because of our own delay: the client's bytes may wait in the kernel."""
        late = asyncio.get_running_loop().time() - due
        if late > OWN_DELAY:
            self._set_deadline(AFTER_OWN_DELAY)
        else:
            self.cut()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class HTTPServer(web.Server):
    """Make a Connection for each client that connects."""

    def __init__(self, served: web.Server, table: ServedConnections, refusal: Callable[[int], web.Response]) -> None:
        super().__init__(self._handle, request_factory=served.request_factory)
        self._table, self._refusal, self._served = table, refusal, served
        self._unheard = logging.Logger(
            "probe.http_server", logging.CRITICAL + 1
        )  # in no hierarchy, so without handlers

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Pass the request on. aiohttp repeats an unknown `Expect`, and fails if that is not ASCII."""
        if request.headers.get("Expect", CONTINUE).lower() != CONTINUE:
            return _last_answer(self._refusal(417))
        return await self._served.request_handler(request)

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of one connection."""
        return ServedConnection(
            self._table,
            self._refusal,
            self,
            loop=asyncio.get_running_loop(),
            logger=self._unheard,
            access_log=None,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=2.0,
        )


def _last_answer(response: web.Response) -> web.Response:
    """Name the server, and close the connection after this answer."""
    response.headers["Server"] = SERVER
    response.force_close()
    return response


def waits_for_client(request: web.Request, seconds: float) -> None:
    """Set the deadline of the request's connection while its client has to send or to take something."""
    if isinstance(request.protocol, ServedConnection):
        request.protocol.waits_for_client(seconds)


def works_for_client(request: web.Request) -> None:
    """Keep the request's connection open while its answer is found."""
    if isinstance(request.protocol, ServedConnection):
        request.protocol.works_for_client(ANSWER_SECONDS)

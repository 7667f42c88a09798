"""The step `http_round_trip` over QUIC: one HTTP/3 request (RFC 9114) on a connection that is already open.

No redirect is followed, no cookie kept; what is written down is the same as of HTTP/1.1.
"""

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from probe.formats import failures as f
from probe.formats.entries import HTTPTransaction
from probe.session.classify import NETWORK_ERRORS, RemoteError, classify
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.http.http import GRACE, MALFORMED
from probe.steps.http.http_answer import BODY_LIMIT, HTTPResult, headers_of, write_body, write_head, written_request
from probe.steps.quic.quic_socket import QUICConnection

if TYPE_CHECKING:
    from aioquic.h3.events import H3Event, HeadersReceived

STREAM_RESET = f"{f.UNKNOWN}: quic: stream reset"


async def http3_request(
    tx: Transaction,
    conn: QUICConnection,
    method: str,
    url: str,
    *,
    pace: Pace,
    confirm: bool = False,
    timeout: float | None = None,
    limit: int = BODY_LIMIT,
) -> HTTPResult:
    """Send one request without a body and read the answer: its status, and at most `limit` bytes within the deadline.

    `url` is an `https://` URL. Without a status the step fails and StepFailed is raised; a body that broke off is told
    by `x_body_failure`.
    """
    sent = headers_of(method, url, None, b"")
    request = written_request(method, url, sent, b"")
    request.x_transport = "quic"
    result = HTTPResult(HTTPTransaction(network="udp", alpn="h3", address=conn.address, request=request))
    seconds = pace.tls_timeout(confirm=confirm) if timeout is None else timeout
    async with tx.step(result.entry, seconds + GRACE):
        deadline = asyncio.get_running_loop().time() + seconds
        exchange = Exchange(conn, result, limit)
        exchange.send(method, url, sent)
        async with asyncio.timeout_at(deadline):
            await conn.until(exchange.has_status)
        await _read_body(conn, exchange, deadline)
        write_body(result)
    return result


async def _read_body(conn: QUICConnection, exchange: "Exchange", deadline: float) -> None:
    """Read the body until its end, the limit or the deadline; the status has already made the step a success."""
    written = exchange.result.entry.response
    try:
        async with asyncio.timeout_at(deadline):
            await conn.until(exchange.has_body)
    except NETWORK_ERRORS as error:
        written.x_body_failure = classify(error)
    written.body_is_truncated = not exchange.ended
    exchange.result.body = bytes(exchange.body)


class Exchange:
    """One request and what has come of its answer so far."""

    def __init__(self, conn: QUICConnection, result: HTTPResult, limit: int) -> None:
        from aioquic.h3.connection import H3Connection

        self.result, self.body, self.ended = result, bytearray(), False
        self._conn, self._limit = conn, limit
        self._http: H3Connection = H3Connection(conn.engine)
        self._stream = conn.engine.get_next_available_stream_id()
        self._reset = False

    def send(self, method: str, url: str, headers: dict[str, str]) -> None:
        """Send the request, its names as HTTP/3 wants them (RFC 9114 4.3.1)."""
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        pseudo = {":method": method, ":scheme": parts.scheme, ":authority": headers["Host"], ":path": path}
        fields = {**pseudo, **{name.lower(): value for name, value in headers.items() if name != "Host"}}
        encoded = [(name.encode(), value.encode()) for name, value in fields.items()]
        self._http.send_headers(self._stream, encoded, end_stream=True)
        self._conn.flush()

    def has_status(self) -> bool:
        """Whether the answer's head is there. Raises RemoteError when it will never be."""
        self._take_events()
        if not self.result.entry.response.code:
            if self._reset:
                raise RemoteError(STREAM_RESET)
            if self.ended:
                raise RemoteError(MALFORMED)
        return self.result.entry.response.code > 0

    def has_body(self) -> bool:
        """Whether the body is there, or as much of it as is wanted. Raises RemoteError when the rest will not come."""
        self._take_events()
        if self._reset and not self.ended:
            raise RemoteError(STREAM_RESET)
        return self.ended or len(self.body) >= self._limit

    def _take_events(self) -> None:
        from aioquic.quic.events import StreamReset

        events = self._conn.events
        while events:
            event = events.popleft()
            if isinstance(event, StreamReset) and event.stream_id == self._stream:
                self._reset = True
            for told in self._http.handle_event(event):
                self._take(told)
        self._conn.flush()  # what HTTP/3 itself has to answer: acknowledged headers, or that it was broken

    def _take(self, told: "H3Event") -> None:
        from aioquic.h3.events import DataReceived, HeadersReceived

        if not isinstance(told, DataReceived | HeadersReceived) or told.stream_id != self._stream:
            return
        if isinstance(told, HeadersReceived):
            self._take_headers(told)
        else:
            self.body += told.data[: self._limit - len(self.body)]
        self.ended = self.ended or told.stream_ended

    def _take_headers(self, told: "HeadersReceived") -> None:
        fields = [(name.decode("latin-1"), value.decode("utf-8", "surrogateescape")) for name, value in told.headers]
        status = next((value for name, value in fields if name == ":status"), "")
        code = int(status) if status.isascii() and status.isdigit() else 0
        if code >= 200 and not self.result.entry.response.code:  # below: an interim answer; later: trailers
            write_head(self.result, code, [(name, value) for name, value in fields if not name.startswith(":")])

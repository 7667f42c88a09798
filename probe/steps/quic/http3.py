"""Send one HTTP/3 request on an open QUIC connection (step `http_round_trip`, RFC 9114).

The step follows no redirect and keeps no cookie. It records the same facts as over HTTP/1.1.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from probe.formats import failures as f
from probe.formats.entries import HTTPTransaction
from probe.session.classify import NETWORK_ERRORS, RemoteError, classify
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.http.http import GRACE, MALFORMED, MEASURED_BODY
from probe.steps.http.http_answer import VERIFIED_BODY, HTTPResult, headers_of, write_body, write_head, written_request
from probe.steps.quic.quic_socket import QUICConnection

if TYPE_CHECKING:
    from aioquic.h3.events import H3Event, HeadersReceived

STREAM_RESET = f"{f.UNKNOWN}: quic: stream reset"
REQUEST_CANCELLED = 0x10C  # H3_REQUEST_CANCELLED (RFC 9114, 8.1)


async def http3_request(
    tx: Transaction,
    conn: QUICConnection,
    method: str,
    url: str,
    *,
    pace: Pace,
    confirm: bool = False,
    timeout: float | None = None,
    limit: int = VERIFIED_BODY,
) -> HTTPResult:
    """Send one request without a body. Read the status and at most `limit` bytes of the body within the deadline.

    Further requests may follow on the connection. The server is asked not to send the rest of a longer body. `url` is
    an `https://` URL. Raises StepFailed without a status. `x_body_failure` records an incomplete body.
    """
    sent = headers_of(method, url, None, b"")
    request = written_request(method, url, sent, b"")
    request.x_transport = "quic"
    result = HTTPResult(HTTPTransaction(network="udp", alpn="h3", address=conn.address, request=request))
    seconds = pace.tls_timeout(confirm=confirm) if timeout is None else timeout
    async with tx.step(result.entry, seconds + GRACE):
        deadline = asyncio.get_running_loop().time() + seconds
        exchange = HTTP3Exchange(conn, result, limit)
        exchange.send(method, url, sent)
        await conn.until_answered(exchange.has_status, deadline)
        await _read_body(conn, exchange, deadline)
        write_body(result)
    return result


async def _read_body(conn: QUICConnection, exchange: "HTTP3Exchange", deadline: float) -> None:
    """Read the body until its end, the limit or the deadline. The step has already succeeded with the status."""
    written, loop = exchange.result.entry.response, asyncio.get_running_loop()
    began = loop.time()
    try:
        await conn.until_answered(exchange.has_body, deadline)
    except NETWORK_ERRORS as error:
        written.x_body_failure = classify(error)
    written.body_is_truncated = not exchange.ended
    exchange.result.body = bytes(exchange.body)
    if len(exchange.body) >= MEASURED_BODY:
        written.x_body_time = round(loop.time() - began, 6)
    exchange.cancel_rest()


class HTTP3Exchange:
    """Hold one request and the part of its answer that was received."""

    def __init__(self, conn: QUICConnection, result: HTTPResult, limit: int) -> None:
        self.result, self.body, self.ended = result, bytearray(), False
        self._conn, self._limit = conn, limit
        self._http = conn.http3()
        self._stream = conn.engine.get_next_available_stream_id()
        self._reset = False

    def send(self, method: str, url: str, headers: dict[str, str]) -> None:
        """Send the request with HTTP/3's pseudo-headers (RFC 9114, 4.3.1)."""
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        pseudo = {":method": method, ":scheme": parts.scheme, ":authority": headers["Host"], ":path": path}
        fields = {**pseudo, **{name.lower(): value for name, value in headers.items() if name != "Host"}}
        encoded = [(name.encode(), value.encode()) for name, value in fields.items()]
        self._conn.answers.request_sent()
        self._http.send_headers(self._stream, encoded, end_stream=True)
        self._conn.flush()

    def cancel_rest(self) -> None:
        """Ask the server to send no more of a body that was not read to its end (RFC 9000, 3.5)."""
        if self.ended or self._reset:
            return
        with suppress(ValueError):  # the engine has forgotten a stream whose end it received after the limit
            self._conn.engine.stop_stream(self._stream, REQUEST_CANCELLED)
            self._conn.flush()

    def has_status(self) -> bool:
        """Tell whether the status was received. Raises RemoteError if it cannot arrive any more."""
        self._take_events()
        if not self.result.entry.response.code:
            if self._reset:
                raise RemoteError(STREAM_RESET)
            if self.ended:
                raise RemoteError(MALFORMED)
        return self.result.entry.response.code > 0

    def has_body(self) -> bool:
        """Tell whether the body is complete, or as much of it as is wanted. Raises RemoteError if the rest cannot
        arrive.
        """
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
        self._conn.flush()  # HTTP/3's own answers: header acknowledgements or an error

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
        # lower codes are interim answers, and later headers are trailers
        if code >= 200 and not self.result.entry.response.code:
            write_head(self.result, code, [(name, value) for name, value in fields if not name.startswith(":")])

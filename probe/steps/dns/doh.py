"""Ask DNS questions over HTTPS on an open HTTP/2 connection, several at a time (step `resolve`, RFC 8484)."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from probe.formats import failures as f
from probe.formats.entries import DNSQuery
from probe.session.classify import RemoteError
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import Connection
from probe.steps.dns.multiplexing import Multiplexer
from probe.wire.dns.dns_message import build_query, read_response

_TYPE = "application/dns-message"
_PADDING = 128  # bytes (RFC 8467)
_MOST_BODY = 65535  # bytes of one DNS message


@dataclass
class _Reply:
    status: str = ""
    content_type: str = ""
    body: bytes = b""


class DoHResolver:
    """Query a resolver at `url` (https://…) on an open connection with ALPN h2. Questions may overlap."""

    def __init__(self, conn: Connection, url: str, *, pace: Pace) -> None:
        self.conn, self.url, self._pace = conn, url, pace
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
        self._started = False
        self._goaway: int | None = None
        self._greeted = False
        self._writing = asyncio.Lock()
        self._replies: dict[int, _Reply] = {}
        self._streams: Multiplexer[_Reply] = Multiplexer(self._receive)

    async def query(
        self, tx: Transaction, hostname: str, query_type: str, *, confirm: bool = False, timeout: float | None = None
    ) -> DNSQuery:
        """Ask one question and write its entry into `tx`. Raises StepFailed."""
        entry = DNSQuery(engine="doh", hostname=hostname, query_type=query_type, resolver_address=self.url)
        limit = self._pace.tls_timeout(confirm=confirm) if timeout is None else timeout
        async with tx.step(entry, limit):
            query = build_query(hostname, query_type, 0, padding=_PADDING)  # id 0 (RFC 8484, 4.1)
            reply = await self._post(query)
            _check(reply)
            response = read_response(reply.body, query).response
            entry.answers, entry.raw_response = list(response.answers), response.raw_response
            entry.rcode = response.rcode or None
            if response.failure is not None:
                raise RemoteError(response.failure)
        return entry

    async def _post(self, query: bytes) -> _Reply:
        self._streams.raise_if_broken()
        try:
            stream = self._open_stream(query)
        except h2.exceptions.ProtocolError as error:
            raise RemoteError(f"{f.UNKNOWN}: http2: connection is closed") from error
        try:
            return await self._streams.ask(stream, self._flush)
        finally:
            self._replies.pop(stream, None)

    def _open_stream(self, query: bytes) -> int:
        """Write the request into h2's buffer without a pause, so that streams open in the order of their numbers."""
        if not self._started:
            self._h2.initiate_connection()
            self._started = True
        stream = self._h2.get_next_available_stream_id()
        where = urlsplit(self.url)
        self._h2.send_headers(
            stream,
            [
                *((":method", "POST"), (":scheme", "https"), (":authority", where.netloc)),
                (":path", (where.path or "/") + (f"?{where.query}" if where.query else "")),
                *(("accept", _TYPE), ("content-type", _TYPE), ("content-length", str(len(query)))),
            ],
        )
        self._h2.send_data(stream, query, end_stream=True)
        self._replies[stream] = _Reply()
        return stream

    async def _flush(self) -> None:
        async with self._writing:
            if pending := self._h2.data_to_send():
                await self.conn.write(pending)

    async def _receive(self) -> list[tuple[int, _Reply | RemoteError]]:
        if self._goaway is not None:
            raise RemoteError(f"{f.UNKNOWN}: http2: goaway {self._goaway}")
        data = await self.conn.read()
        if not data:
            raise EOFError("closed before the reply")
        self._check_preface(data)
        try:
            events = self._h2.receive_data(data)
            done = [outcome for event in events for outcome in self._see(event)]
        except h2.exceptions.ProtocolError as error:
            raise RemoteError(f"{f.UNKNOWN}: http2: protocol error") from error
        await self._flush()
        return done

    def _check_preface(self, data: bytes) -> None:
        """Check that the first frame is SETTINGS (RFC 9113, 3.4).

        An HTTP/1.1 answer starts with "HTT". As a frame header this announces megabytes, and h2 would wait for them.
        """
        if not self._greeted and data[3:4] not in (b"", b"\x04"):
            raise RemoteError(f"{f.UNKNOWN}: http2: protocol error")
        self._greeted = True

    def _see(self, event: h2.events.Event) -> list[tuple[int, _Reply | RemoteError]]:
        if isinstance(event, h2.events.ConnectionTerminated):
            self._goaway = _number(event.error_code)
        stream = getattr(event, "stream_id", None) or 0
        if isinstance(event, h2.events.DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, stream)
        reply = self._replies.get(stream)
        if reply is None:
            return []
        if isinstance(event, h2.events.ResponseReceived):
            _read_headers(reply, {bytes(name): bytes(value) for name, value in event.headers or ()})
        elif isinstance(event, h2.events.DataReceived):
            reply.body += (event.data or b"")[: _MOST_BODY + 1 - len(reply.body)]
        elif isinstance(event, h2.events.StreamReset):
            return [(stream, RemoteError(f"{f.UNKNOWN}: http2: stream reset {_number(event.error_code)}"))]
        elif isinstance(event, h2.events.StreamEnded):
            return [(stream, reply)]
        return []


def _read_headers(reply: _Reply, headers: dict[bytes, bytes]) -> None:
    reply.status = headers.get(b":status", b"").decode("latin-1")
    reply.content_type = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()


def _number(code: h2.errors.ErrorCodes | int | None) -> int:
    return int(code or 0)


def _check(reply: _Reply) -> None:
    """Check status and content type. Everything except 200 and a DNS message is a failure, as in OONI's probe."""
    if reply.status != "200":
        status = reply.status if reply.status.isdecimal() and len(reply.status) == 3 else "none"
        raise RemoteError(f"{f.UNKNOWN}: doh: status {status}")
    if reply.content_type != _TYPE or len(reply.body) > _MOST_BODY:
        raise RemoteError(f"{f.UNKNOWN}: doh: no DNS message")

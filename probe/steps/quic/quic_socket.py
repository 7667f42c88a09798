"""Run aioquic's engine on our own UDP socket, with its timer and with the ICMP errors that aioquic cannot see.

Count the datagrams of a QUIC connection, and note when an answer stops and whether the path is tested then.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from probe.formats import failures as f
from probe.formats.exchanges.tls import QUICHandshake
from probe.formats.transactions import StreamEnd
from probe.session.classify import RemoteError
from probe.session.pacing import Pace
from probe.signatures.silent_streams import LEAST_SILENCE, is_in_midst_of_answer
from probe.steps.connection import address_of
from probe.steps.udp_socket import UDPSocket

if TYPE_CHECKING:
    from aioquic.h3.connection import H3Connection
    from aioquic.quic.events import QuicEvent


class AnswerWatch:
    """Hold what a connection carried up to its last packet. `clock` returns seconds.

    An acknowledgement of a PING that tests the path is no part of an answer. It ends no silence and is not counted.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._opened_at = self._heard_at = self._tested_at = clock()
        self._sent = self._received = self._bytes_sent = self._bytes_received = 0
        self._counted = StreamEnd(segments_in=0, segments_out=0)  # up to the last packet before a test of the path
        self._received_before = 0  # bytes, when the last request was sent
        self._tests = 0  # since the answer stopped
        self.acknowledged = 0  # PING frames

    def sent(self, size: int) -> None:
        """Count a datagram that was sent."""
        self._sent += 1
        self._bytes_sent += size

    def came(self, size: int, *, has_data: bool) -> None:
        """Count a readable datagram. `has_data`: it had a frame of a stream or of the handshake."""
        self._received += 1
        self._bytes_received += size
        if self._tests and not has_data:
            return
        self._tests, self._heard_at = 0, self._clock()
        self._counted = StreamEnd(
            bytes_received=self._bytes_received,
            bytes_sent=self._bytes_sent,
            bytes_after_sent=self._bytes_received - self._received_before,
            reads=self._received,
            last_byte=round(self._heard_at - self._opened_at, 6),
            segments_in=self._received,
            segments_out=self._sent,
        )

    def request_sent(self) -> None:
        """Count the bytes of an answer from now on."""
        self._received_before = self._bytes_received
        self._counted.bytes_after_sent = 0

    def tested(self) -> None:
        """Note a PING that tests the path."""
        if not self._tests:
            self.acknowledged = 0
        self._tests += 1
        self._tested_at = self._clock()

    @property
    def next_test(self) -> float:
        """Return the time of the next test if nothing more arrives."""
        return max(self._heard_at, self._tested_at) + LEAST_SILENCE

    @property
    def awaits_acknowledgement(self) -> bool:
        """Return whether the path was tested, and nothing came back."""
        return self._tests > 0 and not self.acknowledged

    def fell_silent(self) -> bool:
        """Return whether an answer began and nothing has arrived for some time."""
        return is_in_midst_of_answer(self._counted.bytes_after_sent, self._clock() - self._heard_at)

    def end(self) -> StreamEnd:
        """Return how far the connection got until now."""
        return self._counted.model_copy(
            update={
                "silence": round(self._clock() - self._heard_at, 6),
                "ping_acknowledged": self.acknowledged > 0 if self._tests else None,
            }
        )


MOST_EVENTS = 1024  # unread events. More are a flood.
LAST_TEST = 0.8  # seconds in which the acknowledgement of a PING must arrive
CONNECTION_REFUSED, CRYPTO_ERROR = 0x2, 0x100  # RFC 9000, 20.1. The alert is the low byte (RFC 9001, 4.8).
NO_ERROR_OF_HTTP3 = 0x100  # H3_NO_ERROR (RFC 9114, 8.1)
_ALERTS = {  # OONI's failure strings for QUIC (ooni/probe-cli 7cb22410, `netxlite`)
    40: f.SSL_FAILED_HANDSHAKE,
    51: f.SSL_FAILED_HANDSHAKE,
    **dict.fromkeys(range(42, 47), f.SSL_INVALID_CERTIFICATE),
    48: f.SSL_UNKNOWN_AUTHORITY,
    112: f.SSL_INVALID_HOSTNAME,
}


class QUICConnection(UDPSocket):
    """Represent a connection to ip:port. The opener must close it. `events` holds unread events.

    Datagrams go only to the connected address. A server's preferred address is ignored.
    """

    entry: QUICHandshake

    def __init__(
        self, ip: str, port: int, pace: Pace, server_name: str | None, alpn: tuple[str, ...], window: int | None = None
    ) -> None:
        from probe.steps.quic.quic_engine import open_engine

        self.ip, self.port, self.address = ip, port, address_of(ip, port)
        self.events: deque[QuicEvent] = deque()
        self.engine, self.watch = open_engine(server_name, alpn, *([] if window is None else [window]))
        self._peer = (ip, port)
        self._timer: asyncio.TimerHandle | None = None
        self._http3: H3Connection | None = None
        self._broken_by: Exception | None = None
        self._news = asyncio.Event()
        super().__init__(ip, port, pace)
        self.answers = AnswerWatch(self._loop.time)

    def open(self) -> None:
        self.engine.connect(self._peer, self._loop.time())
        self.flush()

    def http3(self) -> "H3Connection":
        """Return HTTP/3 on this connection. All its requests share it."""
        from aioquic.h3.connection import H3Connection

        if self._http3 is None:
            self._http3 = H3Connection(self.engine)
        return self._http3

    async def until(self, there: Callable[[], bool]) -> None:
        """Wait until `there` returns True. Raises OSError for an ICMP error and RemoteError for a closed connection."""
        while not there():
            if self._broken_by is not None:
                raise self._broken_by
            self._news.clear()
            await self._news.wait()

    async def until_answered(self, there: Callable[[], bool], deadline: float) -> None:
        """Wait like `until`, and test the path whenever an answer pauses. Raises TimeoutError after the deadline."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(deadline, self.answers.next_test)):
                    return await self.until(there)
            if self.answers.fell_silent() and self._loop.time() >= self.answers.next_test:
                self.answers.tested()
                self._ping()
            if self._loop.time() >= deadline:
                await self._end_test()
                raise TimeoutError

    async def _end_test(self) -> None:
        """Give the last PING its time to be acknowledged."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_TEST):
                await self.until(lambda: not self.answers.awaits_acknowledgement)

    async def send_pings(self, count: int, at_once: int) -> None:
        """Send PING frames in datagrams of their own, `at_once` for each acknowledgement. Raises TimeoutError."""
        for acknowledged in range(at_once, count + 1, at_once):
            for _ in range(at_once):
                self._ping()
            await self._until_acknowledged(acknowledged)

    async def _until_acknowledged(self, pings: int) -> None:
        async with asyncio.timeout(LEAST_SILENCE):
            await self.until(lambda: self.answers.acknowledged >= pings)

    def _ping(self) -> None:
        """Send a PING frame, which the peer must acknowledge (RFC 9000, 13.2.1)."""
        self.engine.send_ping(0)
        self.flush()

    def flush(self) -> None:
        """Send the engine's datagrams, take its events and restart its timer."""
        from aioquic.quic.events import ConnectionTerminated, PingAcknowledged

        now = self._loop.time()
        for datagram, address in self.engine.datagrams_to_send(now):
            if address == self._peer and self.is_open:
                self._send_or_break(datagram)
        self.watch.datagram_done()
        while (event := self.engine.next_event()) is not None:
            if isinstance(event, ConnectionTerminated):
                self._break(RemoteError(self._closing_failure(event.reason_phrase)))
            elif isinstance(event, PingAcknowledged):
                self.answers.acknowledged += 1
            elif len(self.events) < MOST_EVENTS:
                self.events.append(event)
        if self.watch.closed_by_peer is not None or self.watch.closed_by_us is not None:
            self._break(RemoteError(self._closing_failure("")))
        self._set_timer()
        self._news.set()

    def close(self) -> None:
        """Send one CONNECTION_CLOSE without waiting. A second call has no effect."""
        if not self.is_open:
            return
        if self._timer is not None:
            self._timer.cancel()
        self.engine.close(error_code=NO_ERROR_OF_HTTP3)
        for datagram, address in self.engine.datagrams_to_send(self._loop.time()):
            if address == self._peer:
                self._send_or_break(datagram)
        self._close()

    def _send_or_break(self, datagram: bytes) -> None:
        try:
            self._send(datagram)
            self.answers.sent(len(datagram))
        except BlockingIOError:
            return  # a full buffer is a lost packet, and the engine repeats it
        except OSError as error:
            self._break(error)

    def _received(self, raw: bytes, ip_ttl: int | None) -> None:
        watch, before = self.watch, self.watch.received.total()
        watch.has_data = False
        try:
            self.engine.receive_datagram(raw, self._peer, self._loop.time())
            self.flush()
            if watch.received.total() > before:
                self.answers.came(len(raw), has_data=watch.has_data)
        except Exception as bug:  # an exception in a callback would be lost, so the waiting step gets it
            self._break(bug)

    def _refused(self, error: OSError) -> None:
        self._break(error)

    def _break(self, error: Exception) -> None:
        self._broken_by = self._broken_by or error
        self._news.set()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self.engine.get_timer()
        if due is not None and self._broken_by is None:
            self._timer = self._loop.call_at(due, self._timer_due)

    def _timer_due(self) -> None:
        if self.is_open:
            self.engine.handle_timer(self._loop.time())
            self.flush()

    def _closing_failure(self, reason: str) -> str:
        """Return the failure of a closed connection: the peer's close, our engine's close, or silence."""
        watch = self.watch
        if watch.closed_by_peer is not None:
            return close_failure(watch.closed_by_peer.code, of_application=watch.closed_by_peer.of_application)
        if watch.closed_by_us is not None:
            return broken_failure(watch.closed_by_us.code, of_application=watch.closed_by_us.of_application)
        if reason == "Idle timeout":
            return f.TIMEOUT
        return f.QUIC_VERSION if watch.received["version_negotiation"] else f"{f.UNKNOWN}: quic: ended"


def alert_in(code: int, *, of_application: bool = False) -> int | None:
    """Return the TLS alert inside a transport error code (RFC 9001, 4.8), or None."""
    return code & 0xFF if code & ~0xFF == CRYPTO_ERROR and not of_application else None


def close_failure(code: int, *, of_application: bool = False) -> str:
    """Return the failure string for a received CONNECTION_CLOSE (RFC 9000, 19.19 and 20)."""
    alert = alert_in(code, of_application=of_application)
    if alert is not None:
        return _ALERTS.get(alert, f"{f.UNKNOWN}: quic: remote error: alert {alert}")
    if of_application:
        return f"{f.UNKNOWN}: quic: closed by the application with 0x{code:x}"
    return f.REFUSED if code == CONNECTION_REFUSED else f"{f.UNKNOWN}: quic: closed with 0x{code:x}"


def broken_failure(code: int, *, of_application: bool = False) -> str:
    """Return the failure string for an error of our engine: the peer broke QUIC or HTTP/3."""
    alert = alert_in(code, of_application=of_application)
    if alert is not None:
        return _ALERTS.get(alert, f"{f.UNKNOWN}: quic: tls: alert {alert}")
    return (
        f"{f.UNKNOWN}: malformed HTTP response" if of_application else f"{f.UNKNOWN}: quic: protocol error 0x{code:x}"
    )

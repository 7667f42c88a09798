"""Receive a transfer of the test helper with a given name, and record when its bytes arrived (step `transfer`).

The name is in a TLS hello, or in the Host header of a request without TLS. The certificate is the helper's own and is
known by its digest. No certificate of the public is involved, so that the name is all that differs between two
transfers.
"""

import asyncio
import hashlib
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress

from probe.formats import failures as f
from probe.formats.exchanges.transfer import Transfer
from probe.platforms.sockets import tcp_state
from probe.session.classify import NETWORK_ERRORS, LocalFailure, RemoteError
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.signatures.silent_streams import LARGEST_FRAME, SMALL_SEGMENT, is_in_midst_of_answer
from probe.steps.connection import Connection
from probe.steps.http.http_answer import headers_of
from probe.steps.sockets import limit_segments, open_socket
from probe.steps.tcp import TCPConnection
from probe.steps.tls.tls import naming_failure
from probe.steps.tls.tls_stream import TLSConnection, peer_chain
from probe.targets.target import family_of
from probe.wire.http1 import HTTP1Exchange
from probe.wire.transfer import (
    ACCEPTED,
    BUSY,
    END,
    END_OF_HEAD,
    LONGEST_REQUEST,
    PACE,
    SECONDS,
    TOTAL,
    FrameReader,
    request_path,
)

INTERVAL = 0.05  # seconds of one number in the entry
HANDSHAKE = 4.0  # seconds for TCP and TLS
FIRST_BYTE = 3.0  # seconds from the token to the first byte
PATH_TEST, LOOKS = 0.8, 8  # seconds in which an acknowledgement must arrive, and how often it is looked for
GRACE = 1.0 + PATH_TEST  # seconds that the step may exceed its limits, so that they are handled inside
ALPN = ("h2", "http/1.1")  # as a usual client of the web offers. The helper answers none.


async def transfer(
    tx: Transaction,
    ip: str,
    port: int,
    token: bytes,
    name: str,
    *,
    sha256: str,
    pace: Pace,
    in_clear: bool = False,
    before_name: Callable[[], None] = lambda: None,
    pair: int = 0,
    rank: int = 0,
    seconds: float = SECONDS,
    upload: bool = False,
    small: bool = False,
    rate: int = PACE,
) -> Transfer:
    """Connect, send a hello with `name` and then the token, and read for at most `seconds`.

    With `in_clear` a request over HTTP has the name and the token. With `upload` the token is one of uploads, and bytes
    are sent at the helper's pace. `rate` is the token's pace in bytes a second. `before_name` counts the trigger. The
    entry holds no address, because the helper's address could identify a group of users. It succeeds if bytes came and
    the connection did not break. `small` limits the segments of both directions. Raises StepFailed.
    """
    entry = Transfer(port=port, upload=upload or None, pair=pair, rank=rank, pace=rate, interval=INTERVAL)
    entry.http_host, entry.server_name = (name, "") if in_clear else (None, name)
    async with tx.step(entry, HANDSHAKE + max(FIRST_BYTE, seconds) + GRACE):
        async with asyncio.timeout(HANDSHAKE):
            tcp, sock = await _connected(tx, ip, port, pace, SMALL_SEGMENT if small else 0)
            entry.segment_size = tcp.end().segment_size
            conn: Connection = tcp
            before_name()
            if not in_clear:
                conn = await _secured(conn, name, sha256)
        reading = _Uploading(tx, entry, conn, seconds, sock) if upload else _Reading(tx, entry, conn, seconds)
        await reading.run(_request(token, name) if in_clear else token)
        if has_stopped(entry):
            entry.acknowledged = await _acknowledges(tcp, sock, b"" if upload else b"\r\n")
    return entry


def has_stopped(entry: Transfer) -> bool:
    """Return whether bytes came, then none for some time, and the helper did not end the transfer."""
    return not entry.complete and is_in_midst_of_answer(entry.total, entry.lasted - len(entry.received) * INTERVAL)


async def _acknowledges(tcp: TCPConnection, sock: socket.socket, data: bytes) -> bool | None:
    """Send `data`, and return whether the peer's system acknowledges any byte more. None if this system tells nothing.

    The bytes are no TLS record, since the connection is not used any more.
    """
    before = tcp_state.traffic(sock)
    if before is None:
        return None
    with suppress(*NETWORK_ERRORS):
        if data:
            await tcp.write(data)
        for _ in range(LOOKS):
            await asyncio.sleep(PATH_TEST / LOOKS)
            now = tcp_state.traffic(sock)
            if now is not None and now.bytes_acked > before.bytes_acked:
                return True
    return False


def _request(token: bytes, name: str) -> bytes:
    """Return a request as a browser sends it."""
    return HTTP1Exchange("GET", request_path(token), headers_of("GET", f"http://{name}/", None, b"")).request


async def _connected(
    tx: Transaction, ip: str, port: int, pace: Pace, segment_size: int
) -> tuple[TCPConnection, socket.socket]:
    """Return the connection and its socket. `segment_size` 0 is the run's. Raises what sockets raise."""
    way = pace.way_to(ip)
    sock = open_socket(ip, socket.SOCK_STREAM, pace.contacts, way=way)
    conn = TCPConnection(sock, ip, port, pace)
    tx.connections.callback(conn.close)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    size = segment_size or pace.segment_sizes.get(family_of(ip), 0)
    if size and not limit_segments(sock, size):
        raise LocalFailure(f.SEGMENT_SIZE)
    await asyncio.get_running_loop().sock_connect(sock, (way, port))
    return conn, sock


async def _secured(conn: Connection, name: str, sha256: str) -> TLSConnection:
    """Return the TLS connection. Raises RemoteError for another certificate, and what sockets raise."""
    tls = TLSConnection(conn, name, ALPN)
    with naming_failure(tls.watch, lenient=False):
        await tls.handshake()
    leaf = next(iter(peer_chain(tls.engine)), b"")
    if hashlib.sha256(leaf).hexdigest() != sha256:
        raise RemoteError(f.SSL_UNKNOWN_AUTHORITY)
    return tls


class _Reading:
    """Read the frames of one transfer, and write what arrived when to its entry."""

    def __init__(self, tx: Transaction, entry: Transfer, conn: Connection, seconds: float) -> None:
        self._tx, self._entry, self._conn, self._seconds = tx, entry, conn, seconds
        self._loop, self._frames, self._asked = asyncio.get_running_loop(), FrameReader(), 0.0
        self._intervals: dict[int, int] = {}
        # The head of the answer over HTTP as far as it has arrived. None once it is read, and over TLS, which has none.
        self._head: bytes | None = b"" if entry.http_host is not None else None

    async def run(self, request: bytes) -> None:
        """Send the token or the request with it, and read to the end.

        Raises TimeoutError without a byte, and what breaks a connection.
        """
        entry = self._entry
        entry.secured = round(self._tx.trace.elapsed() - entry.t0, 6)
        await self._conn.write(request)
        self._asked, entry.asked = self._loop.time(), self._tx.trace.elapsed()
        try:
            await self._first()
            await self._others()
        finally:
            self._write()
        if self._frames.newest is not None and self._frames.newest.kind == BUSY:
            raise LocalFailure(f.HELPER_BUSY)

    async def _first(self) -> None:
        async with asyncio.timeout(min(FIRST_BYTE, self._seconds)):
            await self._read()
        self._entry.first_byte = round(self._loop.time() - self._asked, 6)

    async def _others(self) -> None:
        """Read until the helper ends the transfer or the time is over."""
        try:
            async with asyncio.timeout_at(self._asked + self._seconds):
                while not self._frames.ended:
                    await self._read()
        except TimeoutError:
            return

    async def _read(self) -> None:
        """Read once. Raises EOFError if the connection ends before the transfer."""
        data = await self._conn.read()
        if not data:
            raise EOFError("closed during the transfer")
        try:
            self._frames.feed(self._behind_head(data))
        except ValueError:
            raise RemoteError(f"{f.UNKNOWN}: malformed transfer") from None
        finally:
            self._count(len(data))

    def _count(self, size: int) -> None:
        place = int((self._loop.time() - self._asked) / INTERVAL)
        self._intervals[place] = self._intervals.get(place, 0) + size

    def _behind_head(self, data: bytes) -> bytes:
        """Return the bytes behind the head of an answer over HTTP. Raises ValueError for another answer."""
        if self._head is None:
            return data
        self._head += data
        if not self._head.startswith(ACCEPTED[: len(self._head)]) or len(self._head) > LONGEST_REQUEST:
            raise ValueError("no transfer")
        head, end, body = self._head.partition(END_OF_HEAD)
        self._head = None if end else head
        return body

    def _write(self) -> None:
        entry, newest = self._entry, self._frames.newest
        entry.lasted = round(self._loop.time() - self._asked, 6)
        entry.total = sum(self._intervals.values())
        entry.received = [self._intervals.get(place, 0) for place in range(max(self._intervals, default=-1) + 1)]
        if newest is not None:
            entry.complete = newest.kind == END
            entry.segments, entry.repeated = newest.known.segments, newest.known.repeated
            entry.round_trip = _seconds(newest.known.round_trip)
            entry.least_round_trip = _seconds(newest.known.least_round_trip)


class _Uploading(_Reading):
    """Send bytes, and read what the helper reports of them. The figures of the kernel are those of this computer."""

    def __init__(self, tx: Transaction, entry: Transfer, conn: Connection, seconds: float, sock: socket.socket) -> None:
        super().__init__(tx, entry, conn, seconds)
        self._sock, self._reported = sock, 0

    async def _first(self) -> None:
        sending = asyncio.create_task(self._send())
        self._tx.connections.callback(sending.cancel)
        await super()._first()

    async def _send(self) -> None:
        """Send at most TOTAL random bytes at the pace. A connection that breaks ends it, which reading records."""
        sent, began = 0, self._loop.time()
        with suppress(*NETWORK_ERRORS):
            while sent < TOTAL and self._loop.time() - began < self._seconds:
                await asyncio.sleep(max(0.0, began + sent / PACE - self._loop.time()))
                await self._conn.write(secrets.token_bytes(LARGEST_FRAME))
                sent += LARGEST_FRAME

    def _count(self, size: int) -> None:
        newest = self._frames.newest
        if newest is not None and newest.sent > self._reported:
            super()._count(newest.sent - self._reported)
            self._reported = newest.sent

    def _write(self) -> None:
        super()._write()
        entry, sock = self._entry, self._sock
        entry.segments, entry.repeated = tcp_state.data_segments(sock), tcp_state.retransmissions(sock)
        entry.round_trip, entry.least_round_trip = tcp_state.round_trip(sock), tcp_state.least_round_trip(sock)
        traffic = tcp_state.traffic(sock)
        entry.acked = traffic.bytes_acked if traffic is not None else None


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1e6

"""Open a TCP connection to one address (step `connect`)."""

import asyncio
import errno
import socket
import struct
import time

from probe.formats import failures as f
from probe.formats.entries import TCPConnect
from probe.formats.transactions import StreamEnd
from probe.platforms.event_loop import forget
from probe.platforms.sockets import tcp_state
from probe.platforms.sockets.ttl import hear_from_afar, keep_errors, set_ttl
from probe.session.classify import LocalFailure
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.signatures.parallel_hellos import network_of
from probe.signatures.silent_streams import is_in_midst_of_answer
from probe.steps.connection import Connection, address_of
from probe.steps.sockets import limit_segments, limit_unread, open_socket
from probe.targets.address_guard import Contacts, Elsewhere
from probe.targets.target import family_of

PATH_TEST, LOOKS = 0.8, 8  # seconds in which an acknowledgement must arrive, and how often it is looked for
DROPS_NOTHING = 8192  # bytes of an answer that every limited buffer holds
_WEIGHT = 8  # the kernel's smoothed round trip takes an eighth of each new sample (RFC 6298, 2.3)


class TCPConnection(Connection):
    """Hold an open TCP connection on a non-blocking socket. `pace` counts its bytes."""

    def __init__(self, sock: socket.socket, ip: str, port: int, pace: Pace) -> None:
        self.ip, self.port, self.address = ip, port, address_of(ip, port)
        self._sock, self._pace = sock, pace
        self._loop = asyncio.get_running_loop()
        self._connected_in: float | None = None  # seconds of the handshake, None after the first answer
        self._counted = StreamEnd()
        self._traffic: tcp_state.Traffic | None = None  # what had been transferred when the test of the path began
        self._before_limit: tuple[int, int] | None = None  # bytes and segments that came before `limit_unread`
        self._end: StreamEnd | None = None  # set when it is closed
        self._opened_at = self._loop.time()
        self.restart_silence()

    async def read(self, limit: int = 65536) -> bytes:
        data = await self._loop.sock_recv(self._sock, limit)
        self.restart_silence()
        self._count(len(data))
        self._pace.received(len(data))
        if self._connected_in is not None:
            self._tell_wait(self._connected_in)
            self._connected_in = None
        return data

    def _count(self, received: int) -> None:
        """Count the bytes of one read. The end of the stream has none."""
        counted = self._counted
        counted.bytes_received += received
        counted.bytes_after_sent += received
        counted.reads += bool(received)
        if received:
            counted.last_byte = self._heard_at - self._opened_at

    def end(self) -> StreamEnd:
        """Return how far the connection got until now or until its close, with what the kernel knows of it."""
        if self._end is not None:
            return self._end
        counted, now = self._counted, tcp_state.traffic(self._sock)
        before = self._traffic or now
        return counted.model_copy(
            update={
                "bytes_acked": now.bytes_acked if now else None,
                "segments_in": before.segments_in if before else None,
                "segments_out": before.segments_out if before else None,
                "last_byte": round(counted.last_byte, 6),
                "silence": round(self.silent_for(), 6),
                "segment_size": self._known_segment_size(),
                "retransmissions": tcp_state.retransmissions(self._sock),
            }
        )

    def _known_segment_size(self) -> int | None:
        """Return the largest number of bytes in one segment, or None on systems without the option."""
        try:
            return self.segment_size()
        except (AttributeError, OSError):
            return None

    def connected(self) -> float | None:
        """Return the handshake's round trip in seconds as the kernel measured it. None if unknown or if two SYNs were
        sent.

        Our own clock would include the time in which this process was busy. A slow computer would look like a crowded
        line (P8).
        """
        self._connected_in = tcp_state.round_trip(self._sock)
        return self._connected_in

    def opened(self) -> None:
        """Count times from now on, at the end of TCP's handshake."""
        self.restart_silence()
        self._opened_at = self._heard_at

    def restart_silence(self) -> None:
        """Count the time without a byte from now on."""
        self._heard_at = self._loop.time()

    def silent_for(self) -> float:
        """Return the seconds since the last byte arrived, or since the connect."""
        return self._loop.time() - self._heard_at

    def _tell_wait(self, connected_in: float) -> None:
        """Report how much longer than the handshake the first answer took."""
        now = tcp_state.round_trip(self._sock)
        if now is not None:
            self._pace.saw_wait(max(0.0, _WEIGHT * (now - connected_in)), network_of(self.ip))

    async def write(self, data: bytes) -> None:
        self._pace.bytes_sent += len(data)
        self._counted.bytes_sent += len(data)
        self._counted.bytes_after_sent = 0
        await self._loop.sock_sendall(self._sock, data)

    @property
    def bytes_after_sent(self) -> int:
        """Return the number of bytes that were received since the last ones were sent."""
        return self._counted.bytes_after_sent

    def fell_silent(self, least: float | None = None) -> bool:
        return is_in_midst_of_answer(self._counted.bytes_after_sent, self.silent_for(), least)

    def packets_received(self) -> int | None:
        counted = tcp_state.traffic(self._sock)
        return counted.segments_in if counted else None

    async def test_path(self, data: bytes) -> None:
        self._traffic = traffic = tcp_state.traffic(self._sock)
        if traffic is None:
            return
        received = self._counted.bytes_after_sent
        await self.write(data)
        self._counted.bytes_after_sent = received  # the test is no request, so it begins no new answer
        for _ in range(LOOKS):
            await asyncio.sleep(PATH_TEST / LOOKS)
            if self._acknowledges_since(traffic):
                return

    def _acknowledges_since(self, before: tcp_state.Traffic) -> bool:
        now = tcp_state.traffic(self._sock)
        return now is not None and now.bytes_acked > before.bytes_acked

    def limit(self, ttl: int) -> None:
        """Limit all later packets, retransmissions included, to `ttl` hops."""
        set_ttl(self._sock, ttl)

    def hear_from_afar(self, least: int) -> None:
        """Ignore segments that arrive with a TTL below `least`. Over IPv4 this also hides ICMP time exceeded."""
        hear_from_afar(self._sock, least)

    def unlimited(self) -> None:
        """Remove the TTL limit, so that closing reaches the server. A closed connection is left alone."""
        if self._sock.fileno() >= 0:
            set_ttl(self._sock, -1)

    def keep_errors(self, *, kept: bool = True) -> None:
        """Make `read` raise ICMP errors, or no longer. The connection continues and can be read again."""
        keep_errors(self._sock, kept=kept)

    def segment_size(self) -> int:
        """Return the largest number of bytes in one segment."""
        return self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)

    def retransmissions(self) -> int:
        """Return the number of segments that the kernel sent again."""
        return tcp_state.retransmissions(self._sock) or 0

    def was_reset(self) -> bool:
        """Return whether a reset ended the connection. After a FIN it would be half open.

        The kernel keeps one error per socket. An ICMP error that comes after the reset takes its place, and the next
        read then ends as after a FIN.
        """
        return bool(tcp_state.is_closed(self._sock))

    def limit_unread(self, size: int) -> None:
        if self._before_limit is None and (traffic := tcp_state.traffic(self._sock)) is not None:
            self._before_limit = traffic.bytes_received, tcp_state.received_segments(self._sock) or 0
        limit_unread(self._sock, size)

    def _count_unread(self) -> None:
        """Count what came and no step read. A metered line counts it too."""
        traffic = tcp_state.traffic(self._sock)
        if traffic is not None:
            came = max(traffic.bytes_received, self._most_received(traffic.bytes_received))
            self._pace.bytes_received += max(0, came - self._counted.bytes_received)

    def _most_received(self, kept: int) -> int:
        """Return the bytes that came at most. The kernel counts the segments that a full buffer dropped, not their
        bytes.

        If fewer bytes were kept than one full flight has, nothing was dropped.
        """
        if self._before_limit is None or kept - self._before_limit[0] < DROPS_NOTHING:
            return kept
        segments = (tcp_state.received_segments(self._sock) or 0) - self._before_limit[1]
        return self._before_limit[0] + segments * (tcp_state.received_segment_size(self._sock) or 0)

    def close(self) -> None:
        if self._sock.fileno() >= 0:
            self._end = self.end()
            self._count_unread()
            forget(self._loop, self._sock)
            self._sock.close()

    def close_with_reset(self) -> None:
        self.reset_at_close()
        self.close()

    def reset_at_close(self) -> None:
        if self._sock.fileno() >= 0:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def tcp_connect(
    tx: Transaction,
    ip: str,
    port: int,
    *,
    pace: Pace,
    confirm: bool = False,
    timeout: float | None = None,
    far: bool = False,
    segment_size: int | None = None,
) -> TCPConnection:
    """Connect to `ip` (an IPv4 or IPv6 literal) at `port`. The transaction closes the connection at its end.

    `timeout` is in seconds, by default from `pace`. `confirm` selects the longer default. A `far` host's round trip
    says nothing about the access line, so `pace` does not see it. `segment_size` is the longest segment in bytes, 0 for
    the system's own, by default the run's. Raises StepFailed.
    """
    entry = TCPConnect(ip=ip, port=port)
    async with tx.step(entry, pace.tcp_timeout(confirm=confirm) if timeout is None else timeout):
        way = pace.way_to(ip)
        sock = open_socket(ip, socket.SOCK_STREAM, pace.contacts, way=way)
        conn = TCPConnection(sock, ip, port, pace)
        tx.connections.callback(conn.close)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        size = pace.segment_sizes.get(family_of(ip), 0) if segment_size is None else segment_size
        if size and not limit_segments(sock, size):
            raise LocalFailure(f.SEGMENT_SIZE)
        began = time.monotonic()
        try:
            await asyncio.get_running_loop().sock_connect(sock, (way, port))
        except PermissionError as error:
            raise _forbidden_by(error, way, port, pace.contacts) from error
        finally:
            tx.opened("tcp", sock.getsockname()[1], way, port)
        conn.local = sock.getsockname()[:2]
        conn.opened()
        tx.connections.callback(_record_end, tx, conn)
        entry.x_syn_repeats = tcp_state.retransmissions(sock)  # nothing but SYNs was sent so far
        if not far:
            pace.saw_round_trip(conn.connected() or time.monotonic() - began)
    return conn


def _record_end(tx: Transaction, conn: TCPConnection) -> None:
    """Record how far the last connection of a transaction got, before it is closed."""
    if tx.record.stream is None:
        tx.record.stream = conn.end()


def _forbidden_by(error: PermissionError, ip: str, port: int, contacts: Contacts | Elsewhere) -> OSError:
    """Decide whether a router or our own system forbade an IPv6 connection. Linux has one errno for both.

    If the kernel lets a datagram go there, a router sent ICMPv6 "prohibited". Over IPv4 this is called host
    unreachable.
    """
    if error.errno != errno.EACCES or ":" not in ip:
        return error
    with open_socket(ip, socket.SOCK_DGRAM, contacts) as datagrams:
        try:
            datagrams.connect((ip, port))
        except OSError:
            return error
    return OSError(errno.EHOSTUNREACH, "prohibited")

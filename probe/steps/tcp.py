"""The step `connect`: opens a TCP connection to one address."""

import asyncio
import errno
import ipaddress
import socket
import struct
import time
from pathlib import Path

from probe.formats.entries import TCPConnect
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import Connection, address_of
from probe.steps.ttl import hear_from_afar, keep_errors, set_ttl

TIMESTAMPS = Path("/proc/sys/net/ipv4/tcp_timestamps")  # of IPv6 too; Linux
# Of struct tcp_info in <linux/tcp.h>, behind 8 bytes: the 16th and the 24th number of 4.
_NUMBER, _RTT_AT, _TOTAL_RETRANS_AT = struct.Struct("=I"), 68, 100
_WEIGHT = 8  # the kernel's smoothed round trip takes in an eighth of each new one (RFC 6298 2.3)


class TCPConnection(Connection):
    """An open TCP connection on a non-blocking socket; its bytes are counted in `pace`."""

    def __init__(self, sock: socket.socket, ip: str, port: int, pace: Pace) -> None:
        self.ip, self.port, self.address = ip, port, address_of(ip, port)
        self._sock, self._pace = sock, pace
        self._loop = asyncio.get_running_loop()
        self._connected_in: float | None = None  # seconds, until the first answer has come

    async def read(self, limit: int = 65536) -> bytes:
        data = await self._loop.sock_recv(self._sock, limit)
        self._pace.bytes_received += len(data)
        if self._connected_in is not None:
            self._tell_wait(self._connected_in)
            self._connected_in = None
        return data

    def connected(self) -> float | None:
        """The handshake's round trip in seconds as the kernel saw it; None where it does not say, or sent two SYNs.

        Our own clock would count the time in which this process had other things to do, and law 8 would take a slow
        computer for a crowded line.
        """
        self._connected_in = _round_trip(self._sock)
        return self._connected_in

    def _tell_wait(self, connected_in: float) -> None:
        """Tell how much longer than the handshake the first answer took."""
        now = _round_trip(self._sock)
        if now is not None:
            self._pace.saw_wait(max(0.0, _WEIGHT * (now - connected_in)))

    async def write(self, data: bytes) -> None:
        self._pace.bytes_sent += len(data)
        await self._loop.sock_sendall(self._sock, data)

    def limit(self, ttl: int) -> None:
        """Have everything that leaves from now on, retransmissions included, travel `ttl` hops."""
        set_ttl(self._sock, ttl)

    def hear_from_afar(self, least: int) -> None:
        """Be deaf to segments that come with a TTL below `least`; over IPv4 then also to time exceeded."""
        hear_from_afar(self._sock, least)

    def unlimited(self) -> None:
        """Have it travel as far as any; closing must reach the server. A closed connection stays as it is."""
        if self._sock.fileno() >= 0:
            set_ttl(self._sock, -1)

    def keep_errors(self) -> None:
        """Have `read` raise what ICMP tells; the connection goes on all the same, and may be read again."""
        keep_errors(self._sock)

    def segment_size(self) -> int:
        """The most bytes that one segment may carry."""
        return self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)

    def retransmissions(self) -> int:
        """How many segments the kernel has sent again."""
        return _tcp_info(self._sock, _TOTAL_RETRANS_AT) or 0

    def close(self) -> None:
        if (descriptor := self._sock.fileno()) >= 0:
            # The selector must forget the number before the kernel gives it to somebody else's socket.
            self._loop.remove_reader(descriptor)
            self._loop.remove_writer(descriptor)
            self._sock.close()

    def close_with_reset(self) -> None:
        if self._sock.fileno() >= 0:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


async def tcp_connect(
    tx: Transaction, ip: str, port: int, *, pace: Pace, confirm: bool = False, timeout: float | None = None
) -> TCPConnection:
    """Connect to `ip` (an IPv4 or IPv6 literal) at `port`; the transaction closes the connection when it ends.

    `timeout` in seconds, by default the pace's; `confirm` asks for the longer one. Raises StepFailed.
    """
    entry = TCPConnect(ip=ip, port=port)
    async with tx.step(entry, pace.tcp_timeout(confirm=confirm) if timeout is None else timeout):
        sock = _open_socket(ip)
        conn = TCPConnection(sock, ip, port, pace)
        tx.connections.callback(conn.close)
        began = time.monotonic()
        try:
            await asyncio.get_running_loop().sock_connect(sock, (ip, port))
        except PermissionError as error:
            raise _forbidden_by(error, ip, port) from error
        finally:
            tx.opened("tcp", sock.getsockname()[1], ip, port)
        conn.local = sock.getsockname()[:2]
        pace.saw_round_trip(conn.connected() or time.monotonic() - began)
    return conn


def sends_timestamps() -> bool | None:
    """Say whether this machine's connections carry timestamps (RFC 7323), behind which some boxes read no name."""
    try:
        return TIMESTAMPS.read_text().strip() != "0"
    except OSError:
        return None


def _round_trip(sock: socket.socket) -> float | None:
    """The kernel's smoothed round trip in seconds; None where it has none."""
    microseconds = _tcp_info(sock, _RTT_AT)
    return microseconds / 1e6 if microseconds else None


def _tcp_info(sock: socket.socket, at: int) -> int | None:
    """One number of the kernel's struct tcp_info; None where the system has none."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, at + _NUMBER.size)
        return int(_NUMBER.unpack_from(info, at)[0])
    except (OSError, AttributeError, struct.error):
        return None


def _forbidden_by(error: PermissionError, ip: str, port: int) -> OSError:
    """Over IPv6 Linux has one errno for an ICMPv6 "prohibited" and for a route of our own that forbids the way.

    Where the kernel lets a datagram go there it was the former, which over IPv4 is called host unreachable.
    """
    if error.errno != errno.EACCES or ":" not in ip:
        return error
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as datagrams:
        try:
            datagrams.connect((ip, port))
        except OSError:
            return error
    return OSError(errno.EHOSTUNREACH, "prohibited")


def _open_socket(ip: str) -> socket.socket:
    family = socket.AF_INET6 if ipaddress.ip_address(ip).version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock

"""A connected UDP socket with a random port of its own, and the errors that ICMP tells it."""

import asyncio
import errno
import ipaddress
import socket
import struct
import sys

from probe.session.pacing import Pace
from probe.steps.ttl import keep_errors, told_by_icmp

_MOST_AT_ONCE = 64  # datagrams read before the event loop gets its turn

_IP_RECVTTL = 12  # <linux/in.h>; Python's socket module has no name for it
_TTL_MESSAGES = {(socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, getattr(socket, "IPV6_HOPLIMIT", 52))}


class UDPSocket:
    """Reads whatever comes and gives it to `_received`, errors to `_refused`; whoever opens it must close it.

    `ip` is a literal. Raises OSError where the kernel knows no way there.
    """

    def __init__(self, ip: str, port: int, pace: Pace) -> None:
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._sock = _open_socket(ip, port)
        self._loop.add_reader(self._sock.fileno(), self._readable)

    @property
    def is_open(self) -> bool:
        return self._sock.fileno() >= 0

    @property
    def local(self) -> tuple[str, int]:
        """Our own address and port, as the socket knows them: for comparing, never for writing down."""
        name = self._sock.getsockname()
        return name[0], name[1]

    def _send(self, datagram: bytes) -> None:
        if told := self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):  # else the sending would fail with it
            self._told(told)
        self._pace.bytes_sent += self._sock.send(datagram)

    def _close(self) -> None:
        if self.is_open:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()

    def _received(self, raw: bytes, ip_ttl: int | None) -> None:
        """Take a datagram; `ip_ttl` is the TTL (hop limit) with which it arrived."""
        raise NotImplementedError

    def _refused(self, error: OSError) -> None:
        """Take an error that ICMP or the kernel told."""
        raise NotImplementedError

    def _readable(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            try:
                raw, ancillary, _, _ = self._sock.recvmsg(65535, 256)
            except BlockingIOError:
                break
            except OSError as error:
                self._told(error.errno)
                break
            self._pace.bytes_received += len(raw)
            self._received(raw, _received_ttl(ancillary))
        self._read_error_queue()

    def _read_error_queue(self) -> None:
        """ICMP errors wait in a queue of their own; unless it is emptied the selector never rests."""
        for told in told_by_icmp(self._sock):
            self._told(told.number)

    def _told(self, number: int | None) -> None:
        """Take an error that ICMP told, by its errno.

        "Too big" is the kernel's business: the next datagram goes out in pieces. "Prohibited" over IPv6 is called what
        it is called over IPv4, because a router forbids, and not our own system.
        """
        if number != errno.EMSGSIZE:
            self._refused(OSError(errno.EHOSTUNREACH if number == errno.EACCES else number or 0, "ICMP"))


def _open_socket(ip: str, port: int) -> socket.socket:
    version6 = ipaddress.ip_address(ip).version == 6
    sock = socket.socket(socket.AF_INET6 if version6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if sys.platform == "linux":
            level = socket.IPPROTO_IPV6 if version6 else socket.IPPROTO_IP
            sock.setsockopt(level, socket.IPV6_RECVHOPLIMIT if version6 else _IP_RECVTTL, 1)
            keep_errors(sock)
        sock.connect((ip, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _received_ttl(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, data in ancillary:
        if (level, kind) in _TTL_MESSAGES and len(data) >= 4:
            return int(struct.unpack("=i", data[:4])[0])
    return None

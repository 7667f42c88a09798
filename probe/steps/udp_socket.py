"""Open a connected UDP socket with a random port, and read its ICMP errors."""

import asyncio
import errno
import socket
from abc import ABC, abstractmethod

from probe.platforms.event_loop import forget, watch
from probe.platforms.sockets.datagram_sockets import ask_for_ttl, datagram_error, receive_late
from probe.platforms.sockets.ttl import keep_errors, told_by_icmp
from probe.session.pacing import Pace
from probe.steps.sockets import open_socket
from probe.targets.address_guard import Contacts, Elsewhere

_MOST_AT_ONCE = 64  # datagrams read in one turn of the event loop


class UDPSocket(ABC):
    """Pass received datagrams to `_received` and errors to `_refused`. The opener must close it.

    `ip` is a literal. `contacts` replaces the run's. Raises OSError if the kernel has no route, and LocalFailure if the
    run may not contact the address.
    """

    def __init__(self, ip: str, port: int, pace: Pace, contacts: Contacts | Elsewhere | None = None) -> None:
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._waited = 0.0  # seconds until the datagram that `_received` gets was read, if this was asked for
        self._sock = _connected(ip, pace.way_to(ip), port, contacts or pace.contacts)
        watch(self._sock, self._readable)

    @property
    def is_open(self) -> bool:
        return self._sock.fileno() >= 0

    @property
    def local(self) -> tuple[str, int]:
        """Return our own address and port. They are compared and never written to a file."""
        name = self._sock.getsockname()
        return name[0], name[1]

    def _send(self, datagram: bytes) -> None:
        if told := self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):  # otherwise sending would raise it
            self._told(told)
        self._pace.bytes_sent += self._sock.send(datagram)

    def _close(self) -> None:
        if self.is_open:
            forget(self._loop, self._sock)
            self._sock.close()

    @abstractmethod
    def _received(self, raw: bytes, ip_ttl: int | None) -> None:
        """Take a datagram. `ip_ttl` is the TTL (hop limit) with which it arrived."""

    @abstractmethod
    def _refused(self, error: OSError) -> None:
        """Take an error from ICMP or the kernel."""

    def _readable(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            try:
                raw, ip_ttl, self._waited = receive_late(self._sock)
            except BlockingIOError:
                break
            except OSError as error:
                self._told(error.errno)
                break
            self._pace.received(len(raw))
            self._received(raw, ip_ttl)
        self._read_error_queue()

    def _read_error_queue(self) -> None:
        """Empty the queue of ICMP errors, else the selector would fire without end."""
        for told in told_by_icmp(self._sock):
            self._told(told.number)

    def _told(self, number: int | None) -> None:
        """Take an ICMP error by its errno.

        "Too big" is left to the kernel, which fragments the next datagram. "Prohibited" over IPv6 gets the name that it
        has over IPv4, because a router forbids the way and not our own system.
        """
        if number != errno.EMSGSIZE:
            self._refused(OSError(errno.EHOSTUNREACH if number == errno.EACCES else datagram_error(number), "ICMP"))


def _connected(ip: str, way: str, port: int, contacts: Contacts | Elsewhere) -> socket.socket:
    sock = open_socket(ip, socket.SOCK_DGRAM, contacts, way=way)
    try:
        ask_for_ttl(sock)
        keep_errors(sock)
        sock.connect((way, port))
    except BaseException:
        sock.close()
        raise
    return sock

"""Receive datagrams with the TTL at which they arrived, and with the errors that ICMP reported."""

import errno
import socket
import struct
import time

from probe.platforms.sockets import ttl as sent_ttl
from probe.platforms.sockets.ttl import ttl_in
from probe.platforms.systems import has_linux_kernel

LARGEST = 65535  # bytes
_SO_TIMESTAMP = 29  # from <asm-generic/socket.h>. A datagram then comes with a struct timeval.


def tells_ttl() -> bool:
    """Return whether this system says at which TTL a datagram arrived."""
    return has_linux_kernel() and hasattr(socket.socket, "recvmsg")


def ask_for_ttl(sock: socket.socket) -> None:
    """Let `receive` return the TTL (hop limit) of datagrams. Elsewhere nothing changes."""
    if tells_ttl():
        sent_ttl.ask_for_ttl(sock)


def ask_for_arrival(sock: socket.socket) -> None:
    """Let `receive_late` tell how long a datagram waited to be read. Elsewhere nothing changes."""
    if tells_ttl():
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMP, 1)


def receive_late(sock: socket.socket) -> tuple[bytes, int | None, float]:
    """Return the next datagram, its TTL if known, and the seconds since the kernel received it, else 0.

    Raises OSError.
    """
    if not tells_ttl():
        return sock.recv(LARGEST), None, 0.0
    raw, ancillary, _, _ = getattr(sock, "recvmsg")(LARGEST, 256)  # noqa: B009  # Windows has none
    return raw, ttl_in(ancillary), _waited(ancillary)


def receive(sock: socket.socket) -> tuple[bytes, int | None]:
    """Return the next datagram of a non-blocking socket, and its TTL if known. Raises OSError."""
    raw, ip_ttl, _ = receive_late(sock)
    return raw, ip_ttl


def datagram_error(number: int | None) -> int:
    """Return the errno that Linux has for an error of a datagram socket.

    Windows calls a closed port (ICMP port unreachable) a reset, which no datagram can cause.
    """
    return errno.ECONNREFUSED if number == errno.ECONNRESET else number or 0


def _waited(ancillary: list[tuple[int, int, bytes]]) -> float:
    """Return the seconds since the time of arrival, 0 where none is told or the clock was set back."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMP) and len(data) == struct.calcsize("@ll"):
            seconds, microseconds = struct.unpack("@ll", data)
            waited: float = time.time() - seconds - microseconds / 1e6
            return max(0.0, waited)
    return 0.0

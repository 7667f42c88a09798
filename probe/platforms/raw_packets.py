"""Receive raw packets of this computer (Linux, with CAP_NET_RAW)."""

import socket
import struct
import time
from array import array
from contextlib import suppress

BUFFER = 4 * 1024 * 1024
_ALL, _OUTGOING, _TIMESTAMP, _FILTER = 3, 4, 35, 26  # <linux/if_ether.h>, <linux/if_packet.h>, <asm/socket.h>


def may_capture() -> bool:
    """Return True if this process may see raw packets (CAP_NET_RAW, Linux)."""
    try:
        _packet_socket(0).close()
    except (AttributeError, OSError):
        return False
    return True


def open_packets() -> socket.socket:
    """Open a socket for all IP packets of this computer, without link headers. Raises OSError."""
    sock = _packet_socket(_ALL)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
    sock.setblocking(False)
    return sock


def filter_packets(sock: socket.socket, program: bytes) -> None:
    """Let the kernel drop packets of a socket, by an array of `struct sock_filter`. Without filters it drops none."""
    code = array("B", program)
    with suppress(OSError):  # the kernel has no filters, or the sandbox forbids them
        sock.setsockopt(socket.SOL_SOCKET, _FILTER, struct.pack("@HP", len(code) // 8, code.buffer_info()[0]))


def receive_packet(sock: socket.socket) -> tuple[bytes, float, bool]:
    """Return the next packet, its time in seconds since the epoch, and whether it goes out. Raises OSError."""
    raw, ancillary, _, sender = getattr(sock, "recvmsg")(65535, 64)  # noqa: B009  # Windows has none
    return raw, stamp(ancillary), sender[2] == _OUTGOING


def stamp(ancillary: list[tuple[int, int, bytes]]) -> float:
    """Return the time when the kernel saw the packet, in seconds since the epoch."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMP and len(data) >= struct.calcsize("@ll"):
            seconds, nanoseconds = map(int, struct.unpack_from("@ll", data))
            return seconds + nanoseconds / 1e9
    return time.time()


def _packet_socket(protocol: int) -> socket.socket:
    return socket.socket(getattr(socket, "AF_PACKET"), socket.SOCK_DGRAM, socket.htons(protocol))  # noqa: B009

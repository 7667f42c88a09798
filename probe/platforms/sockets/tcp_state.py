"""Read what the kernel knows of a TCP connection: its state, its round trip, its retransmissions (Linux, Android)."""

import socket
import struct
import sys
from pathlib import Path
from typing import NamedTuple

from probe.platforms.systems import has_linux_kernel

TIMESTAMPS = Path("/proc/sys/net/ipv4/tcp_timestamps")  # for IPv6 too
# Offsets in struct tcp_info of <linux/tcp.h>: after 8 bytes, the 16th and the 24th number of 4 bytes.
_NUMBER, _RTT_AT, _TOTAL_RETRANS_AT = struct.Struct("=I"), 68, 100
_RCV_MSS_AT = 20
# After 104 bytes: two rates of 8 bytes, bytes acked, bytes received, segments sent, segments received.
_TRAFFIC, _TRAFFIC_AT = struct.Struct("=QQII"), 120
_MIN_RTT_AT, _DATA_SEGS_IN_AT, _DATA_SEGS_OUT_AT = 148, 152, 156  # from Linux 4.6
_UNMEASURED = 2**32 - 1  # tcpi_min_rtt before the first sample
_CLOSED = 7  # tcpi_state, the first byte of the struct: TCP_CLOSE of <net/tcp_states.h>


class Traffic(NamedTuple):
    """Hold what the kernel has counted on a connection.

    The segments include those without payload, and repeated ones.
    """

    bytes_acked: int
    bytes_received: int
    segments_out: int
    segments_in: int


def tells_tcp_state() -> bool:
    """Return whether this system shows the state of a connection. Other systems order the struct in other ways."""
    return has_linux_kernel() and hasattr(socket, "TCP_INFO")


def round_trip(sock: socket.socket) -> float | None:
    """Return the kernel's smoothed round trip in seconds, or None."""
    microseconds = _number_at(sock, _RTT_AT)
    return microseconds / 1e6 if microseconds else None


def retransmissions(sock: socket.socket) -> int | None:
    """Return how many segments were sent again, or None."""
    return _number_at(sock, _TOTAL_RETRANS_AT)


def traffic(sock: socket.socket) -> Traffic | None:
    """Return the bytes and segments of both directions, or None. Linux has them since version 4.2."""
    info = _info(sock, _TRAFFIC_AT + _TRAFFIC.size)
    return None if info is None else Traffic(*_TRAFFIC.unpack_from(info, _TRAFFIC_AT))


def least_round_trip(sock: socket.socket) -> float | None:
    """Return the least round trip of the last minutes in seconds, or None."""
    microseconds = _number_at(sock, _MIN_RTT_AT)
    return microseconds / 1e6 if microseconds and microseconds < _UNMEASURED else None


def data_segments(sock: socket.socket) -> int | None:
    """Return how many segments with data were sent, repeated ones included, or None."""
    return _number_at(sock, _DATA_SEGS_OUT_AT)


def received_segments(sock: socket.socket) -> int | None:
    """Return how many segments with data arrived, or None. Those that a full buffer dropped are included."""
    return _number_at(sock, _DATA_SEGS_IN_AT)


def received_segment_size(sock: socket.socket) -> int | None:
    """Return the kernel's estimate of the bytes in the peer's full segments, or None."""
    return _number_at(sock, _RCV_MSS_AT)


def is_closed(sock: socket.socket) -> bool | None:
    """Return whether the connection has ended in both directions, or None."""
    state = _number_at(sock, 0)
    return None if state is None else state.to_bytes(4, sys.byteorder)[0] == _CLOSED


def sends_timestamps() -> bool | None:
    """Tell whether this machine's connections carry timestamps (RFC 7323). Some middleboxes then read no name."""
    try:
        return TIMESTAMPS.read_text().strip() != "0"
    except OSError:
        return None


def _number_at(sock: socket.socket, at: int) -> int | None:
    """Return one number of the kernel's struct tcp_info, or None if the system has none."""
    info = _info(sock, at + _NUMBER.size)
    return None if info is None else int(_NUMBER.unpack_from(info, at)[0])


def _info(sock: socket.socket, size: int) -> bytes | None:
    """Return the first `size` bytes of the kernel's struct tcp_info, or None if the system has fewer."""
    if not tells_tcp_state():
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, "TCP_INFO"), size)  # noqa: B009
    except OSError:
        return None
    return info if len(info) == size else None

"""Send or receive the frames of one transfer at a fixed pace.

What a limit on the path held back is sent as fast as it allows.
"""

import asyncio
import secrets
import socket

from probe.platforms.sockets import tcp_state
from probe.signatures.silent_streams import LARGEST_FRAME
from probe.steps.connection import Connection
from probe.wire.transfer import (
    BUSY,
    DATA,
    END,
    FAST_PACE,
    HEADER,
    PACE,
    REPORT,
    SECONDS,
    TOTAL,
    SenderCounters,
    write_frame,
)


async def send_frames(conn: Connection, sock: socket.socket, *, fast: bool = False) -> None:
    """Send frames of LARGEST_FRAME bytes for SECONDS, at most TOTAL bytes, and the one that ends them. Raises OSError.

    A `fast` transfer has twice the pace and twice the bytes.
    """
    loop, sent = asyncio.get_running_loop(), 0
    began, times = loop.time(), FAST_PACE // PACE if fast else 1
    while sent < times * TOTAL and loop.time() - began < SECONDS:
        await asyncio.sleep(max(0.0, began + sent / (times * PACE) - loop.time()))
        sent += LARGEST_FRAME
        await conn.write(write_frame(DATA, secrets.token_bytes(LARGEST_FRAME - HEADER), sent, known_of(sock)))
    await conn.write(write_frame(END, b"", sent, known_of(sock)))


async def receive_upload(conn: Connection, sock: socket.socket) -> None:
    """Read at most TOTAL bytes within SECONDS, not faster than the pace, and report how many came. Raises OSError.

    Nothing of the bytes is kept. An empty frame every REPORT seconds has their number so far.
    """
    loop, received = asyncio.get_running_loop(), 0
    began = reported = loop.time()
    while received < TOTAL and loop.time() - began < SECONDS:
        await asyncio.sleep(max(0.0, began + received / PACE - loop.time()))
        data = await conn.read(min(LARGEST_FRAME, TOTAL - received))
        if not data:
            return
        received += len(data)
        if loop.time() - reported >= REPORT:
            reported = loop.time()
            await conn.write(write_frame(DATA, b"", received, known_of(sock)))
    await conn.write(write_frame(END, b"", received, known_of(sock)))


async def send_busy(conn: Connection) -> None:
    """Tell the client that there is no place for a transfer. Raises OSError."""
    await conn.write(write_frame(BUSY, b"", 0, SenderCounters()))


def known_of(sock: socket.socket) -> SenderCounters:
    """Return what the kernel knows of the connection."""
    return SenderCounters(
        tcp_state.data_segments(sock),
        tcp_state.retransmissions(sock),
        _microseconds(tcp_state.round_trip(sock)),
        _microseconds(tcp_state.least_round_trip(sock)),
    )


def _microseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e6)

"""Run the step `path_sweep`: send innocuous packets with rising TTL and record the routers that report the expiry.

All packets leave from one port, so that load balancers keep them on one path. Only one packet is in flight at a time.
The answers of routers that quote no more than RFC 792 demands can then still be assigned.
"""

import asyncio
import errno
import secrets
import socket
import struct
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from probe.formats.exchanges.hops import Hop, PathSweep
from probe.platforms.event_loop import forget
from probe.platforms.sockets.ttl import Told, keep_errors, set_ttl, told_by_icmp
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import address_of
from probe.steps.path.tracing_socket import TracingSocket
from probe.steps.sockets import open_socket

FURTHEST = 30
PASSES = 2  # a silent router gets a second packet at the end
MOST_SILENT = 5  # silent hops in a row, after which the sweep ends
_SIZE = 40  # bytes of a datagram without a protocol
_LIMIT = 30.0

End = Literal["", "connected", "refused", "unreachable", "answered"]
Show = Callable[[Iterable[tuple[int, str]]], dict[int, tuple[str, int | None]]]
"""Takes pairs of TTL and router. Returns address and AS by TTL, for routers that may be recorded (P6)."""


@dataclass(frozen=True)
class Reply:
    """Hold the reply to one packet. `sender`: the router where the TTL expired."""

    sender: str = ""
    end: End = ""
    round_trip: float | None = None


def patience(pace: Pace) -> float:
    """Return the seconds to wait for the reply to one packet. Routers are nearer than the server."""
    return 0.15 + 1.5 * pace.round_trip


async def sweep_path(
    tx: Transaction, ip: str, port: int, *, transport: Literal["tcp", "udp"], pace: Pace, show: Show
) -> PathSweep:
    """Sweep the path to address `ip` at `port`. Over UDP, the end is found only if the port is closed.

    Raises StepFailed if the system sends no packet.
    """
    entry = PathSweep(address=address_of(ip, port), transport=transport)
    async with tx.step(entry, _LIMIT):
        sender = _SynSender(ip, port, pace) if transport == "tcp" else _DatagramSender(ip, port, pace)
        tx.connections.callback(sender.close)
        replies, late = await _sweep(sender)
        entry.flow_stable = sender.flow_stable
        entry.end_ttl = min((ttl for ttl, reply in replies.items() if reply.end), default=None)
        entry.end = replies[entry.end_ttl].end if entry.end_ttl else ""
        entry.hops = _hops(replies, late, show)
    return entry


async def _sweep(sender: "_SynSender | _DatagramSender") -> tuple[dict[int, Reply], set[int]]:
    """Return the replies by TTL, up to the end or the last answer, and the TTLs answered only at the second packet."""
    replies: dict[int, Reply] = {}
    for ttl in range(1, FURTHEST + 1):
        replies[ttl] = await sender.send(ttl)
        silent = ttl - max((t for t, reply in replies.items() if reply.sender), default=0)
        if replies[ttl].end or silent >= MOST_SILENT:
            break
    late: set[int] = set()
    known = max((ttl for ttl, reply in replies.items() if reply.sender or reply.end), default=0)
    for _ in range(PASSES - 1):
        for ttl in [t for t, reply in replies.items() if t < known and not reply.sender]:
            replies[ttl] = await sender.send(ttl)
            late |= {ttl} if replies[ttl].sender else set()
    return replies, late


def _hops(replies: dict[int, Reply], late: set[int], show: Show) -> list[Hop]:
    shown = show([(ttl, reply.sender) for ttl, reply in replies.items() if reply.sender])
    last = max((ttl for ttl, reply in replies.items() if reply.sender), default=0)
    return [
        Hop(
            ttl=ttl,
            answered=bool(reply.sender),
            late=ttl in late,
            address=shown[ttl][0] if ttl in shown else None,
            asn=shown[ttl][1] if ttl in shown else None,
            round_trip=reply.round_trip,
        )
        for ttl, reply in replies.items()
        if ttl <= last
    ]


class _SynSender:
    """Send SYNs one after the other, all from the port of the first one."""

    def __init__(self, ip: str, port: int, pace: Pace) -> None:
        self._ip, self._port, self._patience = ip, port, patience(pace)
        self._contacts = pace.contacts
        self._local = 0
        self.flow_stable = True

    async def send(self, ttl: int) -> Reply:
        """Send one SYN and return the reply to it."""
        sock = self._open(ttl)
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._patience):
                await asyncio.get_running_loop().sock_connect(sock, (self._ip, self._port))
        except TimeoutError:
            return Reply()
        except OSError as error:
            return _read(told_by_icmp(sock), error, round(time.monotonic() - began, 6))
        else:
            return Reply(end="connected", round_trip=round(time.monotonic() - began, 6))
        finally:
            _reset(sock)

    def _open(self, ttl: int) -> socket.socket:
        sock = open_socket(self._ip, socket.SOCK_STREAM, self._contacts)
        try:
            keep_errors(sock)
            set_ttl(sock, ttl)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._bind(sock)
        except BaseException:
            sock.close()
            raise
        return sock

    def _bind(self, sock: socket.socket) -> None:
        try:
            sock.bind(("::" if ":" in self._ip else "", self._local))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not self._local:
                raise
            self.flow_stable = False
            sock.bind(("::" if ":" in self._ip else "", 0))
        self._local = sock.getsockname()[1]

    def close(self) -> None:
        """Do nothing, since no socket stays open between two SYNs."""


def _read(reports: list[Told], error: OSError, round_trip: float) -> Reply:
    """Return the reply to a failed connect. `reports` are the ICMP errors that the kernel kept for it.

    Raises `error` if it came from the kernel itself.
    """
    for report in reports:
        if report.expired:
            return Reply(sender=report.sender, round_trip=round_trip)
    if error.errno in {errno.ECONNREFUSED, errno.ECONNRESET}:
        return Reply(end="refused", round_trip=round_trip)
    if not reports:
        raise error
    return Reply(end="unreachable", round_trip=round_trip)


def _reset(sock: socket.socket) -> None:
    """Close with a reset, because the port is used again at once."""
    with suppress(OSError):
        set_ttl(sock, -1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    forget(asyncio.get_running_loop(), sock)
    sock.close()


class _DatagramSender:
    """Send datagrams without a protocol from one socket. Each contains its TTL, for routers that quote enough."""

    flow_stable = True

    def __init__(self, ip: str, port: int, pace: Pace) -> None:
        self._socket, self._patience = TracingSocket(ip, port, pace), patience(pace)
        self._mark = bytes([4 + secrets.randbelow(12)]) + secrets.token_bytes(7)  # in no protocol's range (RFC 7983)
        self._senders: dict[int, str] = {}
        self._seen = 0

    async def send(self, ttl: int) -> Reply:
        """Send one datagram and return the reply to it."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._socket.send(self._mark + bytes([ttl]) + secrets.token_bytes(_SIZE - 9), ttl)
        while (left := began + self._patience - loop.time()) > 0:
            await self._socket.wait(left)
            end = self._read_errors(ttl)
            if end or ttl in self._senders:
                return Reply(self._senders.get(ttl, ""), end, round(loop.time() - began, 6))
        return Reply()

    def _read_errors(self, ttl: int) -> End:
        """Record new ICMP errors. Return the end of the path if one of them, or an answer, came from it."""
        new, self._seen = self._socket.errors[self._seen :], len(self._socket.errors)
        for error in new:
            if error.expired:
                has_ttl = len(error.quoted) > 8 and error.quoted[:8] == self._mark
                self._senders.setdefault(error.quoted[8] if has_ttl else ttl, error.sender)
            else:
                return "refused" if error.number == errno.ECONNREFUSED else "unreachable"
        echoed = self._mark + bytes([ttl])
        return "answered" if any(echoed in raw for raw, _ in self._socket.answers) else ""

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

"""The step `path_sweep`: harmless packets with rising TTL, one flow, and the routers that say where they ended.

One packet is under way at a time: all of them leave from one port, so that a load balancer keeps them on one path, and
a router that quotes no more than RFC 792 demands can still be told from its neighbours.
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

from probe.formats.hops import Hop, PathSweep
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import address_of
from probe.steps.path.tracing_socket import TracingSocket
from probe.steps.ttl import Told, keep_errors, set_ttl, told_by_icmp

FURTHEST = 30
PASSES = 2  # a router that says nothing is asked once more, at the end
MOST_SILENT = 5  # in a row, after which nothing further is looked for
_SIZE = 40  # bytes of a datagram of no protocol
_LIMIT = 30.0

End = Literal["", "connected", "refused", "unreachable", "answered"]
Show = Callable[[Iterable[tuple[int, str]]], dict[int, tuple[str, int | None]]]
"""Pairs of TTL and router → TTL → address and network, of those that may be written (law 6)."""


@dataclass(frozen=True)
class Reply:
    """What came back for one packet. `sender`: the router in whose hands its TTL ended."""

    sender: str = ""
    end: End = ""
    round_trip: float | None = None


def patience(pace: Pace) -> float:
    """Seconds that one packet is waited for: a router's word comes sooner than the server's."""
    return 0.15 + 1.5 * pace.round_trip


async def sweep_path(
    tx: Transaction, ip: str, port: int, *, transport: Literal["tcp", "udp"], pace: Pace, show: Show
) -> PathSweep:
    """Walk the path to `ip` (a literal) at `port`. Over UDP its end is met only where the port says that it is closed.

    Raises StepFailed where the system lets no packet out.
    """
    entry = PathSweep(address=address_of(ip, port), transport=transport)
    async with tx.step(entry, _LIMIT):
        walk = _SynWalk(ip, port, pace) if transport == "tcp" else _DatagramWalk(ip, port, pace)
        tx.connections.callback(walk.close)
        replies, late = await _walk(walk)
        entry.flow_stable = walk.flow_stable
        entry.end_ttl = min((ttl for ttl, reply in replies.items() if reply.end), default=None)
        entry.end = replies[entry.end_ttl].end if entry.end_ttl else ""
        entry.hops = _hops(replies, late, show)
    return entry


async def _walk(walk: "_SynWalk | _DatagramWalk") -> tuple[dict[int, Reply], set[int]]:
    """TTL → reply, from 1 to the end or to where nobody answers any more; and who answered only when asked again."""
    replies: dict[int, Reply] = {}
    for ttl in range(1, FURTHEST + 1):
        replies[ttl] = await walk.ask(ttl)
        silent = ttl - max((t for t, reply in replies.items() if reply.sender), default=0)
        if replies[ttl].end or silent >= MOST_SILENT:
            break
    late: set[int] = set()
    known = max((ttl for ttl, reply in replies.items() if reply.sender or reply.end), default=0)
    for _ in range(PASSES - 1):
        for ttl in [t for t, reply in replies.items() if t < known and not reply.sender]:
            replies[ttl] = await walk.ask(ttl)
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


class _SynWalk:
    """One SYN after the other, all from the port that the first one got."""

    def __init__(self, ip: str, port: int, pace: Pace) -> None:
        self._ip, self._port, self._patience = ip, port, patience(pace)
        self._local = 0
        self.flow_stable = True

    async def ask(self, ttl: int) -> Reply:
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
        sock = socket.socket(socket.AF_INET6 if ":" in self._ip else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
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
        """Nothing stays open between two SYNs."""


def _read(told: list[Told], error: OSError, round_trip: float) -> Reply:
    """What an attempt to connect says that failed: whose word it was, the kernel keeps beside the errno.

    Raises the error where it was nobody's but the kernel's own.
    """
    for one in told:
        if one.expired:
            return Reply(sender=one.sender, round_trip=round_trip)
    if error.errno in {errno.ECONNREFUSED, errno.ECONNRESET}:
        return Reply(end="refused", round_trip=round_trip)
    if not told:
        raise error
    return Reply(end="unreachable", round_trip=round_trip)


def _reset(sock: socket.socket) -> None:
    """Close without a trace: the port is used again at once."""
    with suppress(OSError):
        set_ttl(sock, -1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    asyncio.get_running_loop().remove_writer(sock.fileno())
    sock.close()


class _DatagramWalk:
    """Datagrams of no protocol from one socket, each with its TTL inside, where a router quotes as much."""

    flow_stable = True

    def __init__(self, ip: str, port: int, pace: Pace) -> None:
        self._socket, self._patience = TracingSocket(ip, port, pace), patience(pace)
        self._mark = bytes([4 + secrets.randbelow(12)]) + secrets.token_bytes(7)  # of no protocol: RFC 7983
        self._senders: dict[int, str] = {}
        self._seen = 0

    async def ask(self, ttl: int) -> Reply:
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._socket.send(self._mark + bytes([ttl]) + secrets.token_bytes(_SIZE - 9), ttl)
        while (left := began + self._patience - loop.time()) > 0:
            await self._socket.hear(left)
            end = self._learn(ttl)
            if end or ttl in self._senders:
                return Reply(self._senders.get(ttl, ""), end, round(loop.time() - began, 6))
        return Reply()

    def _learn(self, asked: int) -> End:
        """Take note of what came; says whether it came from the end of the path."""
        new, self._seen = self._socket.told[self._seen :], len(self._socket.told)
        for one in new:
            if one.expired:
                quotes_us = len(one.quoted) > 8 and one.quoted[:8] == self._mark
                self._senders.setdefault(one.quoted[8] if quotes_us else asked, one.sender)
            else:
                return "refused" if one.number == errno.ECONNREFUSED else "unreachable"
        echoed = self._mark + bytes([asked])
        return "answered" if any(echoed in raw for raw, _ in self._socket.answers) else ""

    def close(self) -> None:
        self._socket.close()

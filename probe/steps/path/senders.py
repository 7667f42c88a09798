"""Send single packets with limited TTL to one address, and return which router or host replied to each."""

import asyncio
import errno
import secrets
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from probe.platforms.event_loop import forget
from probe.platforms.sockets.ttl import Told, ask_for_ttl, hear_from_afar, keep_errors, set_ttl, told_by_icmp
from probe.session.pacing import Pace
from probe.steps.path.tracing_socket import TracingSocket
from probe.steps.sockets import open_socket

_SIZE = 40  # bytes of a datagram without a protocol
_NOTHING = Told(0, False, "", b"")

End = Literal["", "connected", "refused", "unreachable", "answered"]


@dataclass(frozen=True)
class SenderReply:
    """Hold the reply to one packet. `sender`: the router where the TTL expired.

    `reporter`: the sender of an ICMP error that is not about the TTL, "" without one. `ttl`: that of the router's error
    on arrival, 0 if unknown.
    """

    sender: str = ""
    end: End = ""
    round_trip: float | None = None
    reporter: str = ""
    ttl: int = 0


def patience(pace: Pace) -> float:
    """Return the seconds to wait for the reply to one packet. Routers are nearer than the server."""
    return 0.15 + 1.5 * pace.round_trip


class SynSender:
    """Send SYNs one after the other, all from the port of the first one."""

    def __init__(self, ip: str, port: int, pace: Pace) -> None:
        self._ip, self._way, self._port, self._patience = ip, pace.way_to(ip), port, patience(pace)
        self._contacts = pace.contacts
        self._local = 0
        self.flow_stable = True

    async def send(self, ttl: int, *, least: int = 0) -> SenderReply:
        """Send one SYN and return the reply to it. Segments that arrive with a TTL below `least` are ignored.

        Over IPv4 `least` also hides ICMP time exceeded.
        """
        sock = self._open(ttl)
        if least:
            hear_from_afar(sock, least)
        began = time.monotonic()
        connecting = asyncio.ensure_future(asyncio.get_running_loop().sock_connect(sock, (self._way, self._port)))
        try:
            # If a timeout cancelled the connect, a reply that arrives in that moment would be lost.
            await asyncio.wait({connecting}, timeout=self._patience)
            if not connecting.done():
                return SenderReply()
            connecting.result()
        except OSError as error:
            return _read(told_by_icmp(sock), error, round(time.monotonic() - began, 6))
        else:
            return SenderReply(end="connected", round_trip=round(time.monotonic() - began, 6))
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            _reset(sock)

    def _open(self, ttl: int) -> socket.socket:
        sock = open_socket(self._ip, socket.SOCK_STREAM, self._contacts, way=self._way)
        try:
            keep_errors(sock)
            ask_for_ttl(sock)
            set_ttl(sock, ttl)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._bind(sock)
        except BaseException:
            sock.close()
            raise
        return sock

    def _bind(self, sock: socket.socket) -> None:
        try:
            sock.bind(("::" if ":" in self._way else "", self._local))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not self._local:
                raise
            self.flow_stable = False
            sock.bind(("::" if ":" in self._way else "", 0))
        self._local = sock.getsockname()[1]

    def close(self) -> None:
        """Do nothing, since no socket stays open between two SYNs."""


def _read(reports: list[Told], error: OSError, round_trip: float) -> SenderReply:
    """Return the reply to a failed connect. `reports` are the ICMP errors that the kernel kept for it.

    Raises `error` if it came from the kernel itself.
    """
    for report in reports:
        if report.expired:
            return SenderReply(sender=report.sender, round_trip=round_trip, ttl=report.ttl)
    if error.errno in {errno.ECONNREFUSED, errno.ECONNRESET}:
        return SenderReply(end="refused", round_trip=round_trip, reporter=reports[0].sender if reports else "")
    if not reports:
        raise error
    return SenderReply(end="unreachable", round_trip=round_trip, reporter=reports[0].sender)


def _reset(sock: socket.socket) -> None:
    """Close with a reset, because the port is used again at once."""
    with suppress(OSError):
        set_ttl(sock, -1)  # the usual one, so that the reset reaches the other end
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    forget(asyncio.get_running_loop(), sock)
    sock.close()


class DatagramSender:
    """Send datagrams without a protocol from one socket. Each contains its TTL, for routers that quote enough."""

    flow_stable = True

    def __init__(self, ip: str, port: int, pace: Pace) -> None:
        self._socket, self._patience = TracingSocket(ip, port, pace), patience(pace)
        self._mark = bytes([4 + secrets.randbelow(12)]) + secrets.token_bytes(7)  # in no protocol's range (RFC 7983)
        self._senders: dict[int, Told] = {}
        self._seen = 0
        self._reporter = ""

    async def send(self, ttl: int, *, least: int = 0) -> SenderReply:
        """Send one datagram and return the reply to it. `least` changes nothing, since datagrams cause no reset."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._socket.send(self._mark + bytes([ttl]) + secrets.token_bytes(_SIZE - 9), ttl)
        while (left := began + self._patience - loop.time()) > 0:
            await self._socket.wait(left)
            end = self._read_errors(ttl)
            if end or ttl in self._senders:
                told, seconds = self._senders.get(ttl, _NOTHING), round(loop.time() - began, 6)
                return SenderReply(told.sender, end, seconds, self._reporter, told.ttl)
        return SenderReply()

    def _read_errors(self, ttl: int) -> End:
        """Record new ICMP errors. Return the end of the path if one of them, or an answer, came from it."""
        new, self._seen = self._socket.errors[self._seen :], len(self._socket.errors)
        for error in new:
            if error.expired:
                has_ttl = len(error.quoted) > 8 and error.quoted[:8] == self._mark
                self._senders.setdefault(error.quoted[8] if has_ttl else ttl, error)
            else:
                self._reporter = error.sender
                return "refused" if error.number == errno.ECONNREFUSED else "unreachable"
        echoed = self._mark + bytes([ttl])
        return "answered" if any(echoed in raw for raw, _ in self._socket.answers) else ""

    def close(self) -> None:
        self._socket.close()

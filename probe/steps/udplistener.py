"""A UDP socket for one DNS question that hears everything: early, late, conflicting and forged answers, and ICMP."""

import asyncio
import ipaddress
import socket
import struct
import sys

from probe.formats import failures as f
from probe.formats.entries import DNSResponse
from probe.pacing import Pace
from probe.trace import Trace
from probe.wire.dnsmessage import Reading, read_response

_TAIL_SECONDS, _TAIL_ROUND_TRIPS = (
    0.5,
    3,
)  # how long to go on listening after the first answer (reference: peers.md 2.1)
_MOST_RESPONSES = 64  # kept; a flood must not fill the memory
_MOST_AT_ONCE = 64  # datagrams read before the event loop gets its turn

# <linux/in.h>, <linux/in6.h>: not all of them have names in Python's socket module.
_IP_RECVERR, _IP_RECVTTL, _IPV6_RECVERR = 11, 12, 25
_TTL_MESSAGES = {(socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, getattr(socket, "IPV6_HOPLIMIT", 52))}
_ERROR_MESSAGES = {(socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)}


class UDPListener:
    """A connected socket with a random port of its own. `first` is done with the first answer that is ours.

    Every datagram goes into `responses`, also those after `first`, until `close`.
    """

    def __init__(self, ip: str, port: int, query: bytes, trace: Trace, pace: Pace) -> None:
        self.responses: list[DNSResponse] = []
        self.sent = 0
        self.round_trip: float | None = None
        self.listened = 0.0
        self._query, self._trace, self._pace = query, trace, pace
        self._loop = asyncio.get_running_loop()
        self.first: asyncio.Future[DNSResponse] = self._loop.create_future()
        self._began = self._loop.time()
        self._sock = _open_socket(ip, port)
        self._loop.add_reader(self._sock.fileno(), self._readable)

    def send(self) -> None:
        """Send the question, the first time or again: same id, same port. Raises OSError."""
        if self.sent == 0:
            self._began = self._loop.time()
        self.sent += 1
        self._pace.bytes_sent += self._sock.send(self._query)

    def what_came_instead(self) -> str:
        """The failure of a question that got no answer of its own in time."""
        seen = {response.failure for response in self.responses}
        return next((failure for failure in (f.DNS_MISBEHAVING, f.DNS_WRONG_ID) if failure in seen), f.TIMEOUT)

    async def listen_on(self) -> None:
        """Go on listening after the first answer, then close."""
        try:
            await asyncio.sleep(max(_TAIL_SECONDS, _TAIL_ROUND_TRIPS * (self.round_trip or 0.0)))
        finally:
            self.close()

    def close(self) -> None:
        """Stop listening; closing twice is harmless."""
        if self._sock.fileno() >= 0:
            self.listened = round(self._loop.time() - self._began, 6)
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()
        if self.first.done() and not self.first.cancelled():
            self.first.exception()  # seen, so that asyncio does not complain when the question was given up meanwhile

    def _readable(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            try:
                raw, ancillary, _, _ = self._sock.recvmsg(65535, 256)
            except BlockingIOError:
                break
            except OSError as error:
                self._refused(error)
                break
            self._received(raw, ancillary)
        self._read_error_queue()

    def _received(self, raw: bytes, ancillary: list[tuple[int, int, bytes]]) -> None:
        self._pace.bytes_received += len(raw)
        response, ours = self._read(raw)
        response.t = self._trace.elapsed()
        response.ip_ttl = _received_ttl(ancillary)
        if len(self.responses) < _MOST_RESPONSES:
            self.responses.append(response)
        if ours and not self.first.done():
            self.round_trip = round(self._loop.time() - self._began, 6)
            self.first.set_result(response)

    def _read(self, raw: bytes) -> Reading:
        return read_response(raw, self._query)

    def _read_error_queue(self) -> None:
        """ICMP errors wait in a queue of their own; unless it is emptied the selector never rests."""
        for _ in range(_MOST_AT_ONCE):
            try:
                _, ancillary, _, _ = self._sock.recvmsg(0, 512, getattr(socket, "MSG_ERRQUEUE", 0))
            except OSError:
                return
            for level, kind, data in ancillary:
                if (level, kind) in _ERROR_MESSAGES and len(data) >= 4:
                    self._refused(OSError(struct.unpack("=I", data[:4])[0], "ICMP"))

    def _refused(self, error: OSError) -> None:
        if not self.first.done():
            self.first.set_exception(error)


def _open_socket(ip: str, port: int) -> socket.socket:
    version6 = ipaddress.ip_address(ip).version == 6
    sock = socket.socket(socket.AF_INET6 if version6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if sys.platform == "linux":
            level = socket.IPPROTO_IPV6 if version6 else socket.IPPROTO_IP
            sock.setsockopt(level, socket.IPV6_RECVHOPLIMIT if version6 else _IP_RECVTTL, 1)
            sock.setsockopt(level, _IPV6_RECVERR if version6 else _IP_RECVERR, 1)
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

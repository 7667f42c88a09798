"""Send UDP datagrams with different TTLs over one socket, and collect answers and ICMP errors."""

import asyncio

from probe.platforms.sockets.ttl import Told, set_ttl, told_by_icmp
from probe.session.pacing import Pace
from probe.steps.udp_socket import UDPSocket


class TracingSocket(UDPSocket):
    """Collect at most `MOST` ICMP errors, and as many answers, each with its TTL (0: unknown)."""

    MOST = 256

    def __init__(self, ip: str, port: int, pace: Pace) -> None:
        self.errors: list[Told] = []
        self.answers: list[tuple[bytes, int]] = []
        self.peer = pace.way_to(ip)
        self._news = asyncio.Event()
        super().__init__(ip, port, pace)

    def send(self, datagram: bytes, ttl: int) -> None:
        """Send a datagram with a TTL. -1: the usual TTL. Raises OSError if the kernel refuses it."""
        set_ttl(self._sock, ttl)
        self._send(datagram)

    async def wait(self, seconds: float) -> None:
        """Wait until an answer or an error arrives, or the time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return
        finally:
            self._news.clear()

    def close(self) -> None:
        """Close the socket. It may be closed twice."""
        self._close()

    def _received(self, raw: bytes, ip_ttl: int | None) -> None:
        self.answers = [*self.answers, (raw, ip_ttl or 0)][: self.MOST]
        self._news.set()

    def _refused(self, error: OSError) -> None:
        """Ignore the error, since the queue of ICMP errors has it too, with its sender."""

    def _read_error_queue(self) -> None:
        if new := told_by_icmp(self._sock):
            self.errors = [*self.errors, *new][: self.MOST]
            self._news.set()

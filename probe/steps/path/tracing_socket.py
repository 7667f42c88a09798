"""A UDP socket whose datagrams may each travel another number of hops, and that hears what becomes of them."""

import asyncio

from probe.session.pacing import Pace
from probe.steps.ttl import Told, set_ttl, told_by_icmp
from probe.steps.udp_socket import UDPSocket


class TracingSocket(UDPSocket):
    """Keeps every ICMP error in `told` and every datagram in `answers`, with its TTL (0: unknown), at most `MOST`."""

    MOST = 64

    def __init__(self, ip: str, port: int, pace: Pace) -> None:
        self.told: list[Told] = []
        self.answers: list[tuple[bytes, int]] = []
        self._news = asyncio.Event()
        super().__init__(ip, port, pace)

    def send(self, datagram: bytes, ttl: int) -> None:
        """Send a datagram that travels `ttl` hops; -1: as far as any. Raises OSError for what the kernel refuses."""
        set_ttl(self._sock, ttl)
        self._send(datagram)

    async def hear(self, seconds: float) -> None:
        """Wait until something came, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return
        finally:
            self._news.clear()

    def close(self) -> None:
        """Stop hearing; closing twice is harmless."""
        self._close()

    def _received(self, raw: bytes, ip_ttl: int | None) -> None:
        self.answers = [*self.answers, (raw, ip_ttl or 0)][: self.MOST]
        self._news.set()

    def _refused(self, error: OSError) -> None:
        """What ICMP told stands in the queue too, with who told it."""

    def _read_error_queue(self) -> None:
        if told := told_by_icmp(self._sock):
            self.told = [*self.told, *told][: self.MOST]
            self._news.set()

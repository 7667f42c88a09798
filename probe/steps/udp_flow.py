"""One transaction over UDP: a datagram, sent again on a schedule, and the first answer that is ours."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from probe.session.pacing import Pace
from probe.steps.first_bytes import first_bytes
from probe.steps.udp_socket import UDPSocket

IsOurs = Callable[[bytes], bool | None]
"""True: the answer. False: somebody else's. None: ours, and more must follow (a provisional response)."""


class UDPFlow(UDPSocket):
    """A connected socket for one transaction; open it with `udp_flow`. What it counted stays readable afterwards."""

    def __init__(self, ip: str, port: int, pace: Pace) -> None:
        self.sent = 0
        self.round_trip: float | None = None  # seconds from the last sending to the answer
        self.foreign = 0  # datagrams that were not ours
        self.first_foreign: bytes | None = None  # of the first of them, at most 64 bytes, scrubbed
        self._sent_at = 0.0
        self._is_ours: IsOurs = lambda raw: False
        self._answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        super().__init__(ip, port, pace)

    async def ask(self, datagram: bytes, offsets: Iterable[float], is_ours: IsOurs) -> bytes:
        """Send `datagram` at each of `offsets` (seconds from now, ascending) until its answer comes; return that.

        Waits without end after the last sending: the step's deadline ends it. Called once per flow. Raises OSError
        for an ICMP error (ConnectionRefusedError: nobody listens there) and for what the kernel refuses to send.
        """
        self._is_ours = is_ours
        began = self._loop.time()
        for offset in offsets:
            await asyncio.wait({self._answer}, timeout=max(0.0, began + offset - self._loop.time()))
            if self._answer.done():
                break
            self._sent_at = self._loop.time()
            self.sent += 1
            self._send(datagram)
        return await self._answer

    def close(self) -> None:
        """Stop hearing; closing twice is harmless."""
        self._close()
        self._answer.cancel()  # also quiet about an error that nobody waited for any more

    def _received(self, raw: bytes, ip_ttl: int | None) -> None:
        if self._answer.done():
            return
        try:
            ours = self._is_ours(raw)
        except Exception as bug:  # raised where the answer is awaited, as it would be without a socket in between
            self._answer.set_exception(bug)
            return
        if ours:
            self.round_trip = round(self._loop.time() - self._sent_at, 6)
            self._answer.set_result(raw)
        elif ours is False:
            self.foreign += 1
            self.first_foreign = first_bytes(raw) if self.first_foreign is None else self.first_foreign

    def _refused(self, error: OSError) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)


@contextmanager
def udp_flow(ip: str, port: int, pace: Pace) -> Iterator[UDPFlow]:
    """Open a flow to `ip` (a literal) at `port`, its bytes counted in `pace`, and close it whatever happens.

    Raises OSError where the kernel knows no way there.
    """
    flow = UDPFlow(ip, port, pace)
    try:
        yield flow
    finally:
        flow.close()


def doubling(first: float, longest: float, limit: float) -> Iterator[float]:
    """Offsets whose distances double from `first` up to `longest`, as far as `limit` (all in seconds): 0, T, 3T, …"""
    at, distance = 0.0, first
    while at < limit:
        yield at
        at, distance = at + distance, min(longest, 2 * distance)

"""Send one datagram on a schedule and wait for the first answer to it, or for further ones."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from probe.session.pacing import Pace
from probe.steps.first_bytes import first_bytes
from probe.steps.udp_socket import UDPSocket

IsOurs = Callable[[bytes], bool | None]
"""True: the answer. False: another sender's datagram. None: our answer, and more must follow (a provisional response).
"""
SIZE_STEP = 32  # bytes
_MOST_LATE = 16  # datagrams after the answer that are kept for `another`


class UDPFlow(UDPSocket):
    """Hold a connected socket for one transaction. Open it with `udp_flow`. The counters stay readable after it is
    closed.
    """

    def __init__(self, ip: str, port: int, pace: Pace) -> None:
        self.sent = 0
        self.round_trip: float | None = None  # seconds from the last transmission to the answer
        self.answer_size: int | None = None  # of the longest datagram that answered ours, see `rounded_size`
        self.foreign = 0  # datagrams that did not answer ours
        self.first_foreign: bytes | None = None  # at most 64 bytes of the first foreign datagram, scrubbed
        self.ip_ttl: int | None = None  # TTL (hop limit) at which the last answer arrived, None if unknown
        self._sent_at = 0.0
        self._is_ours: IsOurs = lambda raw: False
        self._late: list[tuple[bytes, int | None]] = []
        self._answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        super().__init__(ip, port, pace)

    async def ask(self, datagram: bytes, offsets: Iterable[float], is_ours: IsOurs) -> bytes:
        """Send `datagram` at each of `offsets` (seconds from now, ascending) until its answer arrives. Return the
        answer.

        After the last transmission only the step's deadline ends the wait. Call it once per flow. Raises OSError for an
        ICMP error (ConnectionRefusedError for a closed port) and for a datagram that the kernel refuses.
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

    async def another(self, is_ours: IsOurs, seconds: float, again: bytes = b"") -> bytes | None:
        """Return the next answer within `seconds`, None without one. The datagram `again` is sent before.

        Datagrams that arrived together with the last answer count. An ICMP error is no answer. Call it after `ask`.
        """
        self._is_ours, self._answer = is_ours, self._loop.create_future()
        late, self._late = self._late, []
        for raw, ip_ttl in late:
            self._received(raw, ip_ttl)
        if again:
            self.sent += 1
            self._send(again)
        await asyncio.wait({self._answer}, timeout=seconds)
        if not self._answer.done() or isinstance(self._answer.exception(), OSError):
            return None
        return self._answer.result()

    def close(self) -> None:
        """Stop receiving. A second call has no effect."""
        self._close()
        self._answer.cancel()  # also marks an unread error as seen

    def _received(self, raw: bytes, ip_ttl: int | None) -> None:
        if self._answer.done():
            self._late = [*self._late, (raw, ip_ttl)][:_MOST_LATE]
            return
        try:
            ours = self._is_ours(raw)
        except Exception as bug:  # raised in the task that awaits the answer
            self._answer.set_exception(bug)
            return
        if ours is not False:
            self.answer_size = max(self.answer_size or 0, rounded_size(len(raw)))
        if ours:
            self.ip_ttl = ip_ttl
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
    """Open a flow to `ip` (a literal) at `port`, count its bytes in `pace`, and always close it.

    Raises OSError if the kernel has no route.
    """
    flow = UDPFlow(ip, port, pace)
    try:
        yield flow
    finally:
        flow.close()


def rounded_size(size: int) -> int:
    """Return a size in bytes, rounded up. An exact one shows how many digits the user's address has in an answer."""
    return -(-size // SIZE_STEP) * SIZE_STEP


def doubling(first: float, longest: float, limit: float) -> Iterator[float]:
    """Yield offsets in seconds up to `limit` (0, T, 3T, …). Their distances double from `first` to `longest`."""
    at, distance = 0.0, first
    while at < limit:
        yield at
        at, distance = at + distance, min(longest, 2 * distance)

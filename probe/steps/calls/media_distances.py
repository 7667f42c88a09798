"""Find the hop from which on call packets disappear (step `limited_payload`), after a flow fell silent.

The packets leave from the flow's own port, because a device may have dropped the whole flow. Random bytes of equal size
leave beside them. Routers before the device report the expiry of both, routers behind it of random bytes alone. The
helper's address is not recorded, and neither are the routers before it.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import ExitStack

from probe.formats.exchanges.hops import Distance, LimitedPayload
from probe.session.pacing import Pace
from probe.session.session import HELPER
from probe.session.trace import Transaction
from probe.signatures.ttl_distance import STEADY, STEADY_OF
from probe.steps.path.senders import patience
from probe.steps.path.tracing_socket import TracingSocket

FURTHEST, MOST_SILENT = 30, 5  # TTLs, and random packets in a row that no router reports, after which the path ends
FURTHER_PORTS = 5  # new ports whose packets must be reported too. By chance five may pass one of two routers.
_APART = 0.2  # seconds between two rounds, because routers limit the rate of their reports
_LIMIT = 40.0

Open = Callable[[], TracingSocket]
"""Opens a socket to the helper's same port from a new port."""


async def media_distances(
    tx: Transaction, own: TracingSocket, write: Callable[[], bytes], open_socket: Open, *, pace: Pace
) -> LimitedPayload:
    """Send a call packet and random bytes with each TTL, then several of both around the last report of a call packet.

    `own` is the flow's socket and `write` returns its next packet. `compared` has the TTL behind the last report. A
    router there must have reported nearly all random packets from the same port, or all from new ports. A load balancer
    may lead other ports over another router. Raises StepFailed if the system sends no packet.
    """
    entry = LimitedPayload(address=HELPER, transport="udp", payload="media", compared=[])
    async with tx.step(entry, _LIMIT):
        with ExitStack() as opened:
            search = _Search(own, write, open_socket, opened, patience(pace))
            await search.sweep(entry)
            await search.repeat(entry)
    return entry


class _Search:
    """Hold the sockets of one search. One packet is in flight at a time."""

    def __init__(
        self, own: TracingSocket, write: Callable[[], bytes], open_socket: Open, opened: ExitStack, seconds: float
    ) -> None:
        self._own, self._write, self._open, self._opened, self._seconds = own, write, open_socket, opened, seconds

    async def sweep(self, entry: LimitedPayload) -> None:
        """Send one packet of both kinds with each TTL, until the path ends."""
        other, silent = self._new(), 0
        for ttl in range(1, FURTHEST + 1):
            silent = 0 if await self._is_reported(other, self._random(), ttl) else silent + 1
            if silent >= MOST_SILENT:
                return
            entry.distances.append(Distance(ttl=ttl))
            await self._send_own(entry.distances[-1])

    async def repeat(self, entry: LimitedPayload) -> None:
        """Repeat both kinds at the TTL behind the last report of a call packet."""
        last = max((each.ttl for each in entry.distances if each.outcome == "expired"), default=0)
        here = next((each for each in entry.distances if each.ttl == last + 1), None)
        same_port = new_ports = 0
        for _ in range(STEADY_OF if here else 0):
            assert here is not None
            await self._send_own(here)
            same_port += await self._is_reported(self._own, self._random(), here.ttl)
            new_ports += await self._is_reported(self._new(), self._random(), here.ttl)
            await asyncio.sleep(_APART)
        if here is None:
            return
        if same_port >= STEADY or (new_ports == STEADY_OF and await self._is_reported_to_all(here.ttl)):
            entry.compared = [here.ttl]

    async def _is_reported_to_all(self, ttl: int) -> bool:
        """Return whether a router reports a random packet from each of some more ports."""
        for _ in range(FURTHER_PORTS):
            if not await self._is_reported(self._new(), self._random(), ttl):
                return False
            await asyncio.sleep(_APART)
        return True

    async def _send_own(self, distance: Distance) -> None:
        distance.sent += 1
        if await self._is_reported(self._own, self._write(), distance.ttl):
            distance.outcome = "expired"

    def _new(self) -> TracingSocket:
        sock = self._open()
        self._opened.callback(sock.close)
        return sock

    def _random(self) -> bytes:
        return secrets.token_bytes(len(self._write()))

    async def _is_reported(self, sock: TracingSocket, datagram: bytes, ttl: int) -> bool:
        """Send a datagram and return whether a router reports its expiry in time."""
        loop = asyncio.get_running_loop()
        known, end = len(sock.errors), loop.time() + self._seconds
        sock.send(datagram, ttl)
        while (left := end - loop.time()) > 0 and not any(error.expired for error in sock.errors[known:]):
            await sock.wait(left)
        return any(error.expired for error in sock.errors[known:])

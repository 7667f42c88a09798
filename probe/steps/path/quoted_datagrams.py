"""Run the step `limited_payload` with datagrams whose quotes are compared, to find where they are changed.

A router that reports an expired TTL quotes the datagram as it received it (probe/wire/quotes.py). Only one datagram is
in flight at a time, because a quote need not be long enough to show which datagram it is of.
"""

import asyncio
from collections.abc import Callable, Sequence

from probe.formats.exchanges.hops import Distance, LimitedPayload, PayloadKind
from probe.platforms.sockets.ttl import Told
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import address_of
from probe.steps.path.limited_ttl import listening_time
from probe.steps.path.tracing_socket import TracingSocket
from probe.targets.target import family_of
from probe.wire.quotes import compared_with_quote

MOST_DATAGRAMS = 7  # of a flow, as a client sends an unanswered request (RFC 8489, 6.2.1)
_LIMIT = 30.0

Choose = Callable[[Sequence[Distance]], int]
"""Takes the results of a flow so far. Returns the TTL of the next datagram, 0 to end the flow."""


async def quoted_datagrams(
    tx: Transaction,
    ip: str,
    port: int,
    kind: PayloadKind,
    build: Callable[[], bytes],
    choose: Choose,
    *,
    pace: Pace,
    slowest: float = 0.0,
) -> LimitedPayload:
    """Send a datagram of `build` with each TTL that `choose` returns, from one socket.

    Anything else than a router's report ends the flow: a report that comes late would be taken for that of the next
    TTL. `slowest`: slowest router answer of the path sweep, in seconds. Raises StepFailed if the system sends nothing.
    """
    entry = LimitedPayload(address=address_of(ip, port), transport="udp", payload=kind)
    async with tx.step(entry, _LIMIT):
        flow = _Flow(ip, port, pace, listening_time(pace, slowest))
        tx.connections.callback(flow.socket.close)
        tx.opened("udp", flow.socket.local[1], ip, port)
        while len(entry.distances) < MOST_DATAGRAMS and (ttl := choose(entry.distances)):
            distance = Distance(ttl=ttl, quote="none")
            entry.distances.append(distance)
            await flow.send(build(), distance)
            if distance.outcome != "expired":
                break
    return entry


class _Flow:
    """Send datagrams over one socket and assign the reports to them."""

    def __init__(self, ip: str, port: int, pace: Pace, patience: float) -> None:
        self.socket = TracingSocket(ip, port, pace)
        self._ip, self._family, self._patience = ip, family_of(ip), patience
        self._senders: set[str] = set()  # routers that sent earlier reports

    async def send(self, datagram: bytes, distance: Distance) -> None:
        """Send the datagram once and record what comes back in `distance`."""
        loop = asyncio.get_running_loop()
        errors, answers = len(self.socket.errors), len(self.socket.answers)
        self.socket.send(datagram, distance.ttl)
        distance.sent, end = 1, loop.time() + self._patience
        while (left := end - loop.time()) > 0:
            await self.socket.wait(left)
            if len(self.socket.answers) > answers:
                distance.outcome = "answered"
                return
            for report in self.socket.errors[errors:]:
                if self._is_about(report):
                    self._read(report, datagram, distance)
                    return

    def _is_about(self, report: Told) -> bool:
        """Return whether a report is about the last datagram. A router may report twice about an earlier one."""
        return report.sender not in self._senders

    def _read(self, report: Told, datagram: bytes, distance: Distance) -> None:
        if not report.expired:
            distance.outcome = "server_error" if report.sender in {self._ip, ""} else "unreachable"
            return
        self._senders.add(report.sender)
        distance.outcome = "expired"
        distance.quote = compared_with_quote(datagram, report.quoted, self._family)

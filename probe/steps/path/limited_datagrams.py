"""Run the step `limited_payload` with datagrams: send one payload with limited TTLs from one socket."""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence

from probe.formats.exchanges.hops import Distance, LimitedPayload, Outcome, PayloadKind
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import address_of
from probe.steps.path.limited_ttl import SENT_TWICE, listening_time
from probe.steps.path.tracing_socket import TracingSocket

_LIMIT = 30.0
_ENDING = frozenset({"answered", "unreachable", "server_error"})

Further = Callable[[Sequence[Distance]], Sequence[int]]
"""Takes all results of a flow so far. Returns the TTLs that remain for the flow."""


async def limited_payload_udp(
    tx: Transaction,
    ip: str,
    port: int,
    datagram: bytes,
    kind: PayloadKind,
    ttls: Sequence[int],
    *,
    pace: Pace,
    slowest: float = 0.0,
    ahead: bytes = b"",
    further: Further | None = None,
    by_error: bool = False,
    most: int = SENT_TWICE,
) -> LimitedPayload:
    """Send `datagram` with each of `ttls` (ascending) from one socket, and again after silence, `most` times in all.

    A TTL of `further` that was tried before ends the flow. `ahead` is sent first with the usual TTL, because some
    middleboxes let the first datagram pass. An answer is then no evidence, since it may come from the server.
    `by_error`: ICMP errors that are not about the TTL end the search. Raises StepFailed.
    """
    entry = LimitedPayload(address=address_of(ip, port), transport="udp", payload=kind)
    async with tx.step(entry, _LIMIT):
        flow = _Datagrams(_opened(tx, ip, port, pace), datagram, kind, heeds_answers=not ahead, by_error=by_error)
        if ahead:
            flow.socket.send(ahead, -1)
            await asyncio.sleep(listening_time(pace, slowest))
        for distance in _in_turn(entry.distances, ttls, further):
            is_last = kind == "dns" and further is None and distance.ttl == ttls[-1]
            await flow.send(distance, listening_time(pace, slowest, patient=is_last), most)
            if any(each.outcome in _ENDING for each in entry.distances):
                break
    return entry


def _opened(tx: Transaction, ip: str, port: int, pace: Pace) -> TracingSocket:
    flow = TracingSocket(ip, port, pace)
    tx.connections.callback(flow.close)
    tx.opened("udp", flow.local[1], ip, port)
    return flow


def _in_turn(distances: list[Distance], ttls: Sequence[int], further: Further | None) -> Iterator[Distance]:
    """Add one distance after the other and yield it. `further`: after each, the TTLs that remain."""
    waiting = list(ttls)
    while waiting:
        distances.append(Distance(ttl=waiting.pop(0)))
        yield distances[-1]
        tried = {each.ttl for each in distances}
        waiting = waiting if further is None else [ttl for ttl in further(distances) if ttl not in tried]


class _Datagrams:
    """Send one datagram again and again over one socket.

    Answers count if `heeds_answers`, and ICMP errors that are not about the TTL if `by_error`. Each DNS query has an id
    of its own, by which a late answer belongs to its own TTL.
    """

    def __init__(
        self, flow: TracingSocket, datagram: bytes, kind: PayloadKind, *, heeds_answers: bool, by_error: bool
    ) -> None:
        self.socket, self._datagram, self._has_id = flow, datagram, kind == "dns"
        self._heeds_answers, self._by_error = heeds_answers, by_error
        self._asked: dict[bytes, Distance] = {}  # the distance of each DNS query, by its id

    async def send(self, distance: Distance, patience: float, most: int) -> None:
        """Send datagrams with one TTL. A router's report ends it after the waiting time for an answer."""
        loop = asyncio.get_running_loop()
        errors, answers = len(self.socket.errors), len(self.socket.answers)
        while distance.sent < most and distance.outcome == "silent":
            self.socket.send(self._next(distance), distance.ttl)
            distance.sent += 1
            end = loop.time() + patience
            while (left := end - loop.time()) > 0:
                await self.socket.wait(left)
                self._read_errors(distance, errors)
                self._read_answers(distance, answers)
                if self._is_over(distance.outcome):
                    return

    def _is_over(self, outcome: Outcome) -> bool:
        """Return whether no further answer is expected after this outcome."""
        return outcome in _ENDING or (outcome == "expired" and not self._heeds_answers)

    def _next(self, distance: Distance) -> bytes:
        if not self._has_id:
            return self._datagram
        query_id = secrets.token_bytes(2)
        self._asked[query_id] = distance
        return query_id + self._datagram[2:]

    def _read_errors(self, distance: Distance, known: int) -> None:
        new = self.socket.errors[known:]
        if self._by_error and (senders := [error.sender for error in new if not error.expired]):
            distance.outcome = "server_error" if {self.socket.peer, ""} & set(senders) else "unreachable"
        elif any(error.expired for error in new):
            distance.outcome = "expired"

    def _read_answers(self, distance: Distance, known: int) -> None:
        """Record new answers. Those that copied the TTL of the datagram are ignored."""
        for raw, ttl in self.socket.answers[known:] if self._heeds_answers else ():
            asked = self._asked.get(raw[:2]) if self._has_id else distance
            if asked is not None and ttl > asked.ttl:
                asked.outcome = "answered"

"""Send a media flow to the test helper and record what came back (step `media_flow`), one flow or a pair side by side.

Packets are sent at absolute times. A late packet is recorded with its true time, so that our own lateness is not taken
for the network's. Linux tells when a packet arrived. Elsewhere an arrival has the time at which it was read.
"""

import asyncio
import math
import random
import secrets
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

from probe.formats import failures as f
from probe.formats.call_kinds import AppShape
from probe.formats.exchanges.media import MediaFlow
from probe.formats.followups import FollowUp
from probe.platforms.sockets.datagram_sockets import ask_for_arrival
from probe.platforms.sockets.ttl import tells_icmp_errors
from probe.session.classify import LocalFailure
from probe.session.pacing import Pace
from probe.session.trace import Trace, Transaction, TransactionFacts
from probe.signatures.call_packets import INTERVAL
from probe.steps.calls.media_distances import media_distances
from probe.steps.calls.media_record import FlowRecord
from probe.steps.path.tracing_socket import TracingSocket
from probe.wire.media.cookie import BUSY
from probe.wire.media.sealed_payload import SealedFields, seal, unseal
from probe.wire.media.shape import COOKIE, PACKET, REFERENCE, SEALED, PacketRequest, Shape
from probe.wire.media.shapes import SHAPES, ShapeName

SECONDS = 10.0
SPREAD = 0.005  # seconds after the schedule within which the time of each packet is drawn
HANDSHAKE, TAIL = 1.4, 0.6  # seconds for two round trips before the flow, and for the last packets after it
RESEND = 0.35  # seconds after which a request without a response is sent again
STOPPED = 2.0  # seconds without a packet at the end, after which the helper is asked again
CONSENT = 4.0  # seconds between requests during the flow (RFC 7675, 5.1)


async def media_pair(
    trace: Trace,
    facts: TransactionFacts,
    ip: str,
    port: int,
    token: bytes,
    *,
    pace: Pace,
    shape: AppShape = "rtp",
    pair: int = 0,
    seconds: float = SECONDS,
) -> None:
    """Run a flow of an app's shape and an opaque one at the same time, in drawn order, each in its own transaction.

    If the app's falls silent and the other does not, the hop from which on its packets disappear is searched.
    """
    followups: dict[ShapeName, FollowUp] = {shape: "media_shape", "opaque": "media_opaque"}
    opening = SHAPES[shape].write_opening(token)
    openings: dict[ShapeName, bytes] = {shape: opening, "opaque": secrets.token_bytes(len(opening))}
    silent: dict[ShapeName, tuple[int, _Socket]] = {}  # transaction and socket of each flow that fell silent
    order = random.sample(list(followups), len(followups))
    with ExitStack() as kept:

        async def run(name: ShapeName, rank: int) -> None:
            def keep(flow: _Socket) -> None:
                kept.callback(flow.close)
                if flow.is_silent:
                    silent[name] = tx.record.transaction_id, flow

            about: dict[str, Any] = {"pair": pair, "rank": rank, "seconds": seconds, "opening": openings[name]}
            async with trace.transaction(replace(facts, followup=followups[name])) as tx:
                await media_flow(tx, ip, port, token, name, pace=pace, ended=keep, **about)

        await asyncio.gather(*(run(name, rank) for rank, name in enumerate(order)))
        if list(silent) == [shape] and tells_icmp_errors():
            cause, flow = silent[shape]
            async with trace.transaction(replace(facts, followup="limited_payload", cause=cause)) as tx:
                await media_distances(tx, flow, flow.next_datagram, lambda: TracingSocket(ip, port, pace), pace=pace)


async def media_flow(
    tx: Transaction,
    ip: str,
    port: int,
    token: bytes,
    shape: ShapeName,
    *,
    pace: Pace,
    seconds: float = SECONDS,
    pair: int = 0,
    rank: int = 0,
    opening: bytes = b"",
    ended: Callable[["_Socket"], None] | None = None,
) -> MediaFlow:
    """Send packets of one shape to the helper for `seconds`, and record both directions. `opening` is sent before them.

    `ended` takes the open socket at the end and has to close it.
    The entry holds no address, because the helper's address could identify a group of users. It succeeds if a packet
    came back. Raises StepFailed.
    """
    entry = MediaFlow(port=port, shape=shape, pair=pair, rank=rank, size=PACKET, interval=INTERVAL)
    async with tx.step(entry, HANDSHAKE + seconds + TAIL + HANDSHAKE + 1.0):
        flow, other = (_Socket(ip, port, pace, SHAPES[shape], token) for _ in range(2))
        try:
            cookie = await flow.establish(opening)
            entry.established = flow.is_established = True
            await flow.send_packets(round(seconds / INTERVAL), cookie)
            await asyncio.sleep(TAIL)
            if flow.record.silent_at_end() >= STOPPED:
                answered = await asyncio.gather(flow.is_answered(), other.is_answered())
                entry.same_port_answered, entry.new_port_answered = answered
        finally:
            other.close()
            (ended or _Socket.close)(flow)
            flow.record.write_to(entry)
        if not entry.returned:
            raise TimeoutError
    return entry


class _Socket(TracingSocket):
    """Hold the socket of one flow. The packets that it sends and receives are in `record`."""

    def __init__(self, ip: str, port: int, pace: Pace, shape: type[Shape], token: bytes) -> None:
        self._shape, self._token = shape, token
        self._writer = shape(token, "forth")
        self._error: OSError | None = None
        self._references: list[bytes] = []  # the references of all requests
        self._written = 0  # number of the last packet
        self._waiting: tuple[int, asyncio.Future[bytes]] | None = None  # first reference awaited, and its cookie
        self.record = FlowRecord(INTERVAL)
        self.is_established = False
        super().__init__(ip, port, pace)
        ask_for_arrival(self._sock)

    @property
    def is_silent(self) -> bool:
        """Return whether nothing came back, or nothing for some time at the end. An ICMP error is no silence."""
        return self._error is None and (not self.record.has_returned or self.record.silent_at_end() >= STOPPED)

    def next_datagram(self) -> bytes:
        """Return a packet like those that disappear: a request if the helper answered none, else one of the flow."""
        if not self.is_established:
            return self._shape.write_request(PacketRequest(self._token, *map(secrets.token_bytes, (COOKIE, REFERENCE))))
        self._written += 1
        return self._writer.write_packet(self._written, secrets.token_bytes(SEALED))

    async def establish(self, opening: bytes) -> bytes:
        """Send the app's first datagram, exchange the token for a cookie and the cookie for an open flow.

        Return the cookie. The helper answers no opening, because its source is not confirmed.

        Raises TimeoutError, OSError for an ICMP error, and LocalFailure if the helper has no place.
        """
        if opening:
            self._send(opening)
        async with asyncio.timeout(HANDSHAKE):
            cookie = await self._ask(secrets.token_bytes(COOKIE))
            if await self._ask(cookie) == BUSY:
                raise LocalFailure(f.HELPER_BUSY)
        return cookie

    async def is_answered(self) -> bool:
        """Return whether the helper answers a request from this port. It opens no flow, so that it needs no place."""
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(HANDSHAKE):
                await self._ask(secrets.token_bytes(COOKIE))
                return True
        return False

    async def send_packets(self, packets: int, cookie: bytes) -> None:
        """Send packets at absolute times, and a request every CONSENT seconds. Raises OSError for an ICMP error.

        The times of both flows of a pair are the same multiples of the interval, and which packet is first is drawn
        each time. At a rate limit that both share, a flow that is always second would lose more.
        """
        self.record.begin(began := math.ceil(self._loop.time() / INTERVAL) * INTERVAL)
        consent = round(CONSENT / INTERVAL)
        for number in range(packets):
            due = began + number * INTERVAL + random.uniform(0.0, SPREAD)
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            if number % consent == consent - 1:
                self._request(cookie)
            now = self._loop.time()
            payload = seal(SealedFields(number, int(now * 1e6)), self._token, "forth")
            self.record.sent(now)
            self._written = number
            self._send(self._writer.write_packet(number, payload))
            if self._error is not None:
                raise self._error

    def close(self) -> None:
        self._close()

    async def _ask(self, cookie: bytes) -> bytes:
        """Send requests with the cookie until a response comes, and return the response's cookie."""
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting = len(self._references), answer
        try:
            while not answer.done():
                self._request(cookie)
                await asyncio.wait({answer}, timeout=RESEND)
            return await answer
        finally:
            self._waiting = None
            answer.cancel()

    def _request(self, cookie: bytes) -> None:
        self._references.append(secrets.token_bytes(REFERENCE))
        self._send(self._shape.write_request(PacketRequest(self._token, cookie, self._references[-1])))

    def _received(self, raw: bytes, ip_ttl: int | None) -> None:
        now = self._loop.time() - self._waited
        payload = self._shape.read_packet(raw)
        fields = unseal(payload, self._token, "back") if payload is not None else None
        if fields is not None:
            self.record.returned(fields, now)
        elif not self._takes_response(raw):
            self.record.foreign += 1

    def _takes_response(self, raw: bytes) -> bool:
        """Return whether a datagram is a response to one of our requests. It ends the wait for that request."""
        for place, reference in enumerate(self._references):
            if (cookie := self._shape.read_response(raw, reference)) is None:
                continue
            if self._waiting is not None and place >= self._waiting[0] and not self._waiting[1].done():
                self._waiting[1].set_result(cookie)
            return True
        return False

    def _refused(self, error: OSError) -> None:
        self._error = error
        if self._waiting is not None and not self._waiting[1].done():
            self._waiting[1].set_exception(error)

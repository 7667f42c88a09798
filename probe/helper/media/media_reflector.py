"""Reflect the packets of media flows whose source address is validated (`--media PORT`).

A request with a token of the HTTP side gets one response, which is shorter than the request. It carries a cookie for
the source address, and nothing is stored. A request that brings the cookie back opens a flow. From then on each packet
of this source gets at most one of equal size. Packets above the limits are counted in the next reflected packet, so
that the probe does not take them for losses of the network.

Hold the flows of the media reflector. Old flows are forgotten first.
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from probe.helper.helper_limits import BURST_OF_ALL, MEDIA_FLOWS, RATE_OF_ALL, TOKEN_SECONDS, Allowance, Tokens
from probe.helper.udp_port import listen_in_thread
from probe.http_server.client_shares import ClientShares, Clock, PacketShares, PortPlace
from probe.http_server.peers import UNKNOWN, Client, client_at
from probe.wire.media.cookie import BUSY, cookie_for, is_cookie
from probe.wire.media.sealed_payload import SEEN_BITS, SealedFields, seal, unseal
from probe.wire.media.shape import PacketRequest, PeerAddress, Shape
from probe.wire.media.shapes import APP_SHAPES, requests_in

RESPONSES_A_TOKEN = 64  # a probe needs about twenty for a pair of flows

FLOW_SECONDS = 35.0  # a flow of the probe lasts 10 s
MOST_PACKETS = 1600  # per flow
RATE, BURST = 100.0, 100.0  # packets per second of a flow, and after a pause at once


@dataclass
class ReflectedFlow:
    """Hold a flow whose source address is validated, and what was received and reflected."""

    token: bytes
    shape: Shape
    began: float
    place: PortPlace
    allowance: Allowance
    received: int = 0
    reflected: int = 0
    refused: int = 0
    seen: int = 0  # bit i is set if packet i arrived


@dataclass
class FlowTable:
    """Hold the open flows by source address and port. A flow ends FLOW_SECONDS after it began."""

    clock: Clock
    _flows: OrderedDict[PeerAddress, ReflectedFlow] = field(default_factory=OrderedDict)  # oldest first

    def __post_init__(self) -> None:
        self._shares = ClientShares(MEDIA_FLOWS, self.clock)

    def __len__(self) -> int:
        return len(self._flows)

    def get(self, client: PeerAddress) -> ReflectedFlow | None:
        """Return the open flow of a client."""
        self._forget(self.clock())
        return self._flows.get(client)

    def open(self, client: PeerAddress, token: bytes, shape: type[Shape]) -> bool:
        """Open a flow, or keep the one that is open with the same token. Return False if there is no place for it."""
        now = self.clock()
        self._forget(now)
        known = self._flows.get(client)
        if known is not None and (known.token, type(known.shape)) == (token, shape):
            return True
        if known is not None:
            self._drop(client)
        place = self._shares.take(client_at(client[0]), partial(self._flows.pop, client, None))
        if place is None:
            return False
        self._flows[client] = ReflectedFlow(token, shape(token, "back"), now, place, Allowance(RATE, BURST, now))
        return True

    def use(self, flow: ReflectedFlow) -> None:
        """Note that a packet of the flow arrived."""
        self._shares.use(flow.place)

    def _forget(self, now: float) -> None:
        while self._flows and now - next(iter(self._flows.values())).began > FLOW_SECONDS:
            self._drop(next(iter(self._flows)))

    def _drop(self, client: PeerAddress) -> None:
        self._shares.free(self._flows.pop(client).place)


COOKIE_SECONDS = 10.0  # a cookie is accepted for one to two of these periods


class Reflector:
    """Decide the answer to each datagram. It has no socket."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._all = PacketShares(RATE_OF_ALL, BURST_OF_ALL, clock)
        self.tokens, self.flows = Tokens(clock, RESPONSES_A_TOKEN), FlowTable(clock)

    def answer(self, datagram: bytes, client: PeerAddress) -> bytes | None:
        """Return the answer to a datagram, or None for silence."""
        now, flow = self._clock(), self.flows.get(client)
        reflected = self._reflect(datagram, flow, now) if flow else None
        return reflected or self._respond(datagram, client, now)

    def _reflect(self, datagram: bytes, flow: ReflectedFlow, now: float) -> bytes | None:
        payload = flow.shape.read_packet(datagram)
        fields = unseal(payload, flow.token, "forth") if payload is not None else None
        if fields is None:
            return None
        flow.received += 1
        self.flows.use(flow)
        if fields.number < MOST_PACKETS and flow.seen >> fields.number & 1:
            return None  # a copy that the network made
        if fields.number >= MOST_PACKETS or not (flow.allowance.take(now) and self._all.take(flow.place.client)):
            flow.refused += 1
            return None
        flow.seen |= 1 << fields.number
        flow.reflected += 1
        answer = SealedFields(
            fields.number,
            fields.sent,
            flow.received,
            flow.reflected,
            flow.refused,
            int(now * 1e6),
            _seen_before(flow.seen, fields.number),
        )
        return flow.shape.write_packet(flow.reflected - 1, seal(answer, flow.token, "back"))

    def _respond(self, datagram: bytes, client: PeerAddress, now: float) -> bytes | None:
        for shape, request in requests_in(datagram):
            about = (self._secret, client, request.token, shape.NAME, int(now / COOKIE_SECONDS))
            proved = is_cookie(request.cookie, *about)
            pays = self._payer(client, request, now, proved=proved)
            if pays is not None and self._all.take(pays):
                free = not proved or self.flows.open(client, request.token, shape)
                return shape.write_response(request, cookie_for(*about) if free else BUSY, client)
        return None

    def _payer(self, source: PeerAddress, request: PacketRequest, now: float, *, proved: bool) -> Client | None:
        """Return the client that a request counts for, None without a valid token. A flow may outlast its token."""
        flow, client = self.flows.get(source), client_at(source[0])
        if flow is not None and flow.token == request.token and flow.allowance.take(now):
            return client
        pays = self.tokens.take(request.token, client, TOKEN_SECONDS + (FLOW_SECONDS if proved else 0.0))
        return client if pays is not None and proved else pays


def _seen_before(seen: int, number: int) -> int:
    """Return marks of packets that arrived: bit i stands for packet `number` - i."""
    low = max(0, number - SEEN_BITS + 1)
    marks = seen >> low & (1 << number - low + 1) - 1
    return int(format(marks, f"0{number - low + 1}b")[::-1], 2)


@dataclass
class Media:
    """Hold the UDP port that reflects media flows. `offer` is part of an answer of the HTTP side.

    The port is served in a thread, since a helper that measures for other clients would seem to delay call packets.
    """

    port: int
    reflector: Reflector = field(default_factory=Reflector)
    _open: asyncio.Task[None] | None = None

    def offer(self, client: Client = UNKNOWN) -> dict[str, Any]:
        """Return a new token for a client, the port that accepts it, and the shapes that are reflected."""
        return {"token": self.reflector.tokens.issue(client), "port": self.port, "shapes": list(APP_SHAPES)}

    async def open(self, host: str) -> None:
        """Listen at `host`. Port 0 becomes a free port. Raises OSError that names the port."""
        self._open, self.port = await listen_in_thread(host, self.port, self.reflector.answer)

    def close(self) -> None:
        if self._open is not None:
            self._open.cancel()
            self._open = None

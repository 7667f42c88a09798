"""Reflect the packets of media flows whose source address is validated (`--media PORT`).

A request with a token of the HTTP side gets one response, which is shorter than the request. It carries a cookie for
the source address, and nothing is stored. A request that brings the cookie back opens a flow. From then on each packet
of this source gets at most one of equal size. Packets above the limits are counted in the next reflected packet, so
that the probe does not take them for losses of the network.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from probe.helper.limits import BURST_OF_ALL, RATE_OF_ALL, Allowance, Tokens
from probe.helper.media.flow_table import MOST_PACKETS, RESPONSES_A_TOKEN, Flow, FlowTable
from probe.helper.udp_port import listen
from probe.wire.media.cookie import BUSY, cookie_for, is_cookie
from probe.wire.media.sealed_payload import SEEN_BITS, Fields, seal, unseal
from probe.wire.media.shape import PeerAddress, Request, Shape
from probe.wire.media.shapes import APP_SHAPES, requests_in

COOKIE_SECONDS = 10.0  # a cookie is accepted for one to two of these periods


class Reflector:
    """Decide the answer to each datagram. It has no socket."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._all = Allowance(RATE_OF_ALL, BURST_OF_ALL, clock())
        self.tokens, self.flows = Tokens(clock, RESPONSES_A_TOKEN), FlowTable(clock)

    def answer(self, datagram: bytes, client: PeerAddress) -> bytes | None:
        """Return the answer to a datagram, never a longer one, or None for silence."""
        now, flow = self._clock(), self.flows.get(client)
        reflected = self._reflect(datagram, flow, now) if flow else None
        return reflected or self._respond(datagram, client, now)

    def _reflect(self, datagram: bytes, flow: Flow, now: float) -> bytes | None:
        payload = flow.shape.read_packet(datagram)
        fields = unseal(payload, flow.token, "forth") if payload is not None else None
        if fields is None:
            return None
        flow.received += 1
        if fields.number < MOST_PACKETS and flow.seen >> fields.number & 1:
            return None  # a copy that the network made
        if fields.number >= MOST_PACKETS or not (flow.allowance.take(now) and self._all.take(now)):
            flow.refused += 1
            return None
        flow.seen |= 1 << fields.number
        flow.reflected += 1
        answer = Fields(
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
            if (self._is_open(client, request, now) or self.tokens.take(request.token)) and self._all.take(now):
                answer = shape.write_response(request, self._cookie(client, shape, request, now), client)
                return answer if len(answer) <= len(datagram) else None
        return None

    def _is_open(self, client: PeerAddress, request: Request, now: float) -> bool:
        """Return whether the request keeps an open flow alive. Its token may be older than a minute."""
        flow = self.flows.get(client)
        return flow is not None and flow.token == request.token and flow.allowance.take(now)

    def _cookie(self, client: PeerAddress, shape: type[Shape], request: Request, now: float) -> bytes:
        """Return the client's cookie, or BUSY if it came with its cookie and there is no place for its flow."""
        period = int(now / COOKIE_SECONDS)
        about = (self._secret, client, request.token, shape.NAME, period)
        if is_cookie(request.cookie, *about) and not self.flows.open(client, request.token, shape):
            return BUSY
        return cookie_for(*about)


def _seen_before(seen: int, number: int) -> int:
    """Return marks of packets that arrived: bit i stands for packet `number` - i."""
    low = max(0, number - SEEN_BITS + 1)
    marks = seen >> low & (1 << number - low + 1) - 1
    return int(format(marks, f"0{number - low + 1}b")[::-1], 2)


@dataclass
class Media:
    """Hold the UDP port that reflects media flows. `offer` is part of an answer of the HTTP side."""

    port: int
    reflector: Reflector = field(default_factory=Reflector)
    _open: asyncio.DatagramTransport | None = None

    def offer(self) -> dict[str, Any]:
        """Return a new token, the port that accepts it, and the shapes of apps' packets that are reflected."""
        return {"token": self.reflector.tokens.issue(), "port": self.port, "shapes": list(APP_SHAPES)}

    async def open(self, host: str) -> None:
        """Listen at `host`. Port 0 becomes a free port. Raises OSError that names the port."""
        self._open, self.port = await listen(host, self.port, self.reflector.answer)

    def close(self) -> None:
        """Stop listening."""
        if self._open is not None:
            self._open.close()
            self._open = None

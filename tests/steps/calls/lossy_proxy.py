"""Forward UDP between one client and a server, and drop and delay packets as a test says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

PACKET = 160  # bytes of a packet of a media flow. Requests and responses are shorter and pass.

Fate = Callable[[int], float | None]
"""Return the seconds by which a packet of this direction is delayed, by its place, None to drop it."""


def passes(number: int) -> float | None:
    return 0.0


@dataclass
class Side(asyncio.DatagramProtocol):
    """Hold one socket of the proxy. `handle` gets each datagram with its sender."""

    handle: Callable[[bytes, Any], None]
    socket: asyncio.DatagramTransport = field(init=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.socket = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.handle(data, addr)


@dataclass
class Proxy:
    """Forward packets. `seen` counts packets by direction, and `dropped` holds the places of those dropped."""

    server: tuple[str, int]
    forth: Fate = passes
    back: Fate = passes
    copies: int = 1
    frozen_after: int | None = None
    """Packets after which all that the first client sends is dropped. Another port of it passes."""
    frozen: Any = None
    client: Any = None
    seen: dict[str, int] = field(default_factory=lambda: {"forth": 0, "back": 0})
    dropped: dict[str, list[int]] = field(default_factory=lambda: {"forth": [], "back": []})
    here: Side = field(init=False)
    there: Side = field(init=False)

    def __post_init__(self) -> None:
        self.here, self.there = Side(self.from_client), Side(self.from_server)

    @property
    def port(self) -> int:
        return int(self.here.socket.get_extra_info("sockname")[1])

    def from_client(self, data: bytes, addr: Any) -> None:
        if self.frozen_after is not None and self.frozen is None and self.seen["forth"] >= self.frozen_after:
            self.frozen = addr
        if addr == self.frozen:
            return
        self.client = addr
        self._pass("forth", self.forth, data, lambda: self.there.socket.sendto(data, self.server))

    def from_server(self, data: bytes, addr: Any) -> None:
        def send() -> None:
            for _ in range(self.copies if len(data) == PACKET else 1):
                self.here.socket.sendto(data, self.client)

        self._pass("back", self.back, data, send)

    def _pass(self, direction: str, fate: Fate, data: bytes, send: Callable[[], None]) -> None:
        if len(data) != PACKET:
            return send()
        number = self.seen[direction]
        self.seen[direction] += 1
        delay = fate(number)
        if delay is None:
            return self.dropped[direction].append(number)
        if not delay:
            return send()
        asyncio.get_running_loop().call_later(delay, send)
        return None


@asynccontextmanager
async def proxy_to(port: int, **fates: Any) -> AsyncIterator[Proxy]:
    loop, proxy = asyncio.get_running_loop(), Proxy(("127.0.0.1", port), **fates)
    for side in (proxy.here, proxy.there):
        await loop.create_datagram_endpoint(lambda side=side: side, local_addr=("127.0.0.1", 0))  # type: ignore[misc]
    try:
        yield proxy
    finally:
        proxy.here.socket.close()
        proxy.there.socket.close()
        await asyncio.sleep(0)

"""Forward TCP to a server, and limit what comes back to a rate for connections whose hello has a name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tests.support.servers.loopback import Peer, serving

PIECE = 1400  # bytes that are forwarded at once
BUFFER = 4096  # bytes that are read ahead
HANDSHAKE = 2000  # bytes that pass first


@dataclass
class SlowProxy:
    """Limit `rates` bytes a second by server name, 0 for a connection that stalls behind the handshake."""

    target: int
    rates: dict[str, int]
    cut_after: int | None = None  # bytes, after which a connection with a rate is closed
    stall_after: int | None = None  # bytes, after which such a connection gets nothing more

    async def serve(self, peer: Peer) -> None:
        """Forward one connection until either side ends."""
        first = await peer.receive()
        there, out = await asyncio.open_connection("127.0.0.1", self.target, limit=BUFFER)
        try:
            out.write(first)
            rate = next((rate for name, rate in self.rates.items() if name.encode() in first), None)
            ways = [asyncio.create_task(each) for each in (self._forth(peer, out), self._back(there, peer, rate))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            out.transport.abort()
            with suppress(OSError):
                await out.wait_closed()

    async def _forth(self, peer: Peer, out: asyncio.StreamWriter) -> None:
        while data := await peer.receive():
            out.write(data)

    async def _back(self, there: asyncio.StreamReader, peer: Peer, rate: int | None) -> None:
        sent, loop = 0, asyncio.get_running_loop()
        began = loop.time()
        while data := await there.read(PIECE):
            if rate is not None and sent > HANDSHAKE:
                if rate == 0:
                    await asyncio.Event().wait()
                await asyncio.sleep(max(0.0, began + (sent - HANDSHAKE) / rate - loop.time()))
            await peer.send(data)
            sent += len(data)
            if rate is not None and self.stall_after is not None and sent > self.stall_after:
                await asyncio.Event().wait()
            if rate is not None and self.cut_after is not None and sent > self.cut_after:
                return


@asynccontextmanager
async def slow_proxy(
    target: int, rates: dict[str, int], cut_after: int | None = None, stall_after: int | None = None
) -> AsyncIterator[int]:
    """Listen on loopback. Yield the port."""
    async with serving(SlowProxy(target, rates, cut_after, stall_after).serve) as server:
        yield server.port

"""Replace the data of a good server on a stream by one fault, from a given byte on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.support.servers.loopback import Handler, Peer

CHUNK = 65536
MOST = 8 << 20  # bytes that a flood sends at most
PAGE = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 26\r\n\r\n<title>Not here</title>...."


class Spoiled(ConnectionError):
    """Raised after the fault, so that the good server ends."""


@dataclass
class Wire(Peer):
    """Pass the server's data unchanged up to byte `at`, then let `fault` replace it."""

    at: int = 0
    fault: "Fault | None" = None
    sent: int = 0
    parts: list[bytes] = field(default_factory=list)  # one for each call of the good server

    async def send(self, data: bytes) -> None:
        self.parts.append(data)
        room = self.at - self.sent
        if self.fault is None or len(data) <= room:
            self.sent += len(data)
            await super().send(data)
            return
        self.sent += room
        if room:
            await super().send(data[:room])
        await self.fault(self, data[room:])
        raise Spoiled

    def handshake(self) -> range:
        """Return the positions of TLS's handshake in the sent data: the server's flight, and the tickets after it."""
        starts = [sum(map(len, self.parts[:n])) for n in range(len(self.parts) + 1)]
        flight = next((n for n, data in enumerate(self.parts) if data[:1] == b"\x16" and len(data) > 500), None)
        return range(0) if flight is None else range(starts[flight], starts[min(flight + 2, len(self.parts))])

    async def send_unchanged(self, data: bytes) -> None:
        await super().send(data)


Fault = Callable[[Wire, bytes], Awaitable[None]]
"""Called with the wire and the data that the good server would have sent next."""


def spoiled(handler: Handler, at: int, fault: Fault | None, wires: list[Wire] | None = None) -> Handler:
    """Return `handler` with `fault` in its data from byte `at` on."""

    async def serve(peer: Peer) -> None:
        wire = Wire(peer.reader, peer.writer, peer.received, at, fault)
        if wires is not None:
            wires.append(wire)
        await handler(wire)

    return serve


async def reset(wire: Wire, rest: bytes) -> None:
    wire.reset()


async def end(wire: Wire, rest: bytes) -> None:
    wire.writer.write_eof()
    while await wire.reader.read(CHUNK):
        pass


async def stall(wire: Wire, rest: bytes) -> None:
    await asyncio.Event().wait()


def dripping(pause: float) -> Fault:
    """Send the rest of this flight, one byte every `pause` seconds."""

    async def drip(wire: Wire, rest: bytes) -> None:
        for at in range(len(rest)):
            await asyncio.sleep(pause)
            await wire.send_unchanged(rest[at : at + 1])
        await stall(wire, b"")

    return drip


def instead(payload: bytes) -> Fault:
    """Send other data in place of the rest, then end the stream."""

    async def run_dialogue(wire: Wire, rest: bytes) -> None:
        await wire.send_unchanged(payload)
        await end(wire, b"")

    return run_dialogue


def flooding(payload: bytes) -> Fault:
    """Send the same data again and again, several megabytes."""
    block = payload * (CHUNK // len(payload) + 1)

    async def flood(wire: Wire, rest: bytes) -> None:
        for _ in range(MOST // len(block) + 1):
            await wire.send_unchanged(block)
            await asyncio.sleep(0)
        await stall(wire, b"")

    return flood

"""What can go wrong on a stream: a server's good words up to a byte, and from there on one fault."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.support.servers.loopback import Handler, Peer

CHUNK = 65536
MOST = 8 << 20  # bytes that a flood sends if it is let
PAGE = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 26\r\n\r\n<title>Not here</title>...."


class Spoiled(ConnectionError):
    """The fault has happened: the good server need not go on."""


@dataclass
class Wire(Peer):
    """The server's end: what it says passes unchanged as far as byte `at`, then `fault` takes over."""

    at: int = 0
    fault: "Fault | None" = None
    said: int = 0
    words: list[bytes] = field(default_factory=list)  # one for each time that the good server spoke

    async def say(self, data: bytes) -> None:
        self.words.append(data)
        room = self.at - self.said
        if self.fault is None or len(data) <= room:
            self.said += len(data)
            await super().say(data)
            return
        self.said += room
        if room:
            await super().say(data[:room])
        await self.fault(self, data[room:])
        raise Spoiled

    def handshake(self) -> range:
        """Where in what was said TLS's own handshake lies: the server's flight, and the tickets behind it."""
        starts = [sum(map(len, self.words[:n])) for n in range(len(self.words) + 1)]
        flight = next((n for n, data in enumerate(self.words) if data[:1] == b"\x16" and len(data) > 500), None)
        return range(0) if flight is None else range(starts[flight], starts[min(flight + 2, len(self.words))])

    async def say_unspoiled(self, data: bytes) -> None:
        await super().say(data)


Fault = Callable[[Wire, bytes], Awaitable[None]]
"""Called with the wire and what the good server would have said next."""


def spoiled(handler: Handler, at: int, fault: Fault | None, wires: list[Wire] | None = None) -> Handler:
    """`handler`, whose words are spoiled from byte `at` on."""

    async def serve(peer: Peer) -> None:
        wire = Wire(peer.reader, peer.writer, peer.heard, at, fault)
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
    """The rest of this flight, one byte every `pause` seconds."""

    async def drip(wire: Wire, rest: bytes) -> None:
        for at in range(len(rest)):
            await asyncio.sleep(pause)
            await wire.say_unspoiled(rest[at : at + 1])
        await stall(wire, b"")

    return drip


def instead(words: bytes) -> Fault:
    """Something else in place of the rest, then the end."""

    async def run_dialogue(wire: Wire, rest: bytes) -> None:
        await wire.say_unspoiled(words)
        await end(wire, b"")

    return run_dialogue


def flooding(words: bytes) -> Fault:
    """The same words over and over, megabytes of them."""
    block = words * (CHUNK // len(words) + 1)

    async def flood(wire: Wire, rest: bytes) -> None:
        for _ in range(MOST // len(block) + 1):
            await wire.say_unspoiled(block)
            await asyncio.sleep(0)
        await stall(wire, b"")

    return flood

"""Serve on loopback, plain or with TLS, and open the transaction that a step runs in."""

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from probe.session.pacing import Pace
from probe.session.trace import Trace, Transaction, TransactionFacts

Handler = Callable[["Peer"], Awaitable[None]]


@dataclass
class Peer:
    """Represent the server's side of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    received: list[bytes] = field(default_factory=list)

    async def receive(self) -> bytes:
        data = await self.reader.read(65536)
        self.received.append(data)
        return data

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Server:
    ip: str
    port: int
    peers: list[Peer] = field(default_factory=list)


@asynccontextmanager
async def serving(handler: Handler, ip: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Server]:
    """Serve every connection with `handler`. Open connections are cut at the end."""
    tasks: set[asyncio.Task[None]] = set()
    known = Server(ip, 0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        known.peers.append(peer := Peer(reader, writer))
        try:
            await handler(peer)
        except (OSError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, ip, port)
    known.port = server.sockets[0].getsockname()[1]
    try:
        yield known
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        closed = asyncio.ensure_future(server.wait_closed())
        while not closed.done():  # a connection may be accepted while others are cut
            for peer in known.peers:
                peer.writer.transport.abort()
            await asyncio.wait({closed}, timeout=0.02)


async def silence(peer: Peer) -> None:
    await asyncio.Event().wait()


class TLSPeer:
    """Perform TLS on the server's side, one flight at a time."""

    def __init__(self, peer: Peer, context: ssl.SSLContext) -> None:
        self.peer = peer
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.engine = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    async def first_flight(self) -> bytes:
        """Read the hello and return the answer without sending it."""
        while True:
            self.incoming.write(await self.receive_or_end())
            try:
                self.engine.do_handshake()
            except ssl.SSLWantReadError:
                if flight := self.outgoing.read():
                    return flight

    async def handshake(self) -> None:
        await self.peer.send(await self.first_flight())
        while True:
            try:
                self.engine.do_handshake()
            except ssl.SSLWantReadError:
                self.incoming.write(await self.receive_or_end())
            else:
                await self.peer.send(self.outgoing.read())
                return

    async def receive_or_end(self) -> bytes:
        data = await self.peer.receive()
        if not data:
            raise ConnectionError("the client went away")
        return data

    async def read(self) -> bytes:
        while True:
            try:
                return self.engine.read(65536)
            except ssl.SSLWantReadError:
                self.incoming.write(await self.receive_or_end())

    async def send(self, data: bytes) -> None:
        self.engine.write(data)
        await self.peer.send(self.outgoing.read())


def tls_with(context: ssl.SSLContext, then: Callable[[TLSPeer], Awaitable[None]] | None = None) -> Handler:
    """Return a handler that completes the handshake and then runs `then` (default: wait for the client's end)."""

    async def handler(peer: Peer) -> None:
        tls = TLSPeer(peer, context)
        await tls.handshake()
        if then is None:
            await peer.reader.read()
        else:
            await then(tls)

    return handler


# The address that servers here report as ours. Linux gives the port to no server here: it takes 32768 to 60999.
SEEN = ("198.51.100.23", 61999)


def has_port_seen(text: str) -> bool:
    """Return whether a text holds the port of `SEEN`, other than within a longer number or a time."""
    return re.search(rf"(?<![\d.]){SEEN[1]}(?!\d)", text) is not None


@dataclass
class Bench:
    """Hold one transaction with its trace and pace."""

    trace: Trace
    tx: Transaction
    pace: Pace


@asynccontextmanager
async def a_transaction() -> AsyncIterator[Bench]:
    """Open a transaction that must end without a bug."""
    trace = Trace()
    async with trace.transaction(TransactionFacts("first", service="web")) as tx:
        yield Bench(trace, tx, Pace())
    assert trace.bugs == []

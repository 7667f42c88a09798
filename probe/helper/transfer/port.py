"""Serve transfers over TLS (`--transfer PORT`) and over HTTP in the clear (`--transfer-http PORT`).

Any server name or Host header is accepted. A token of the HTTP side gets bytes at a fixed pace, which is twice as high
for a token of fast transfers.

The handshake of TCP confirms the client's address, so the port cannot be used to flood others. A client without a token
gets the certificate and nothing else. No name, address or byte of a client is kept.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from typing import Any

from probe.helper.limits import TOKEN_BYTES, Tokens
from probe.helper.transfer.certificate import server_context
from probe.helper.transfer.connection_slots import ConnectionSlots
from probe.helper.transfer.sender import receive_upload, send_busy, send_frames
from probe.http_server.peers import peer_key
from probe.session.classify import NETWORK_ERRORS
from probe.session.pacing import Pace
from probe.steps.connection import Connection
from probe.steps.tcp import TCPConnection
from probe.steps.tls.client_hello import Hello
from probe.steps.tls.tls_stream import TLSConnection
from probe.wire.transfer import (
    ANSWER_HEAD,
    END_OF_HEAD,
    FAST_PACE,
    LONGEST_REQUEST,
    PACE,
    SECONDS,
    requested_token,
)

TRANSFERS_A_TOKEN = 4  # two pairs
UPLOADS_A_TOKEN = 4  # two pairs
FAST_TRANSFERS_A_TOKEN = 2  # one pair
FAST_PLACES = FAST_PACE // PACE  # that one takes of those of all transfers
MOST_TRANSFERS, MOST_TRANSFERS_OF_A_PEER = 32, 4  # 16 Mbit/s for all, two pairs of a peer
MOST_CONNECTIONS, MOST_CONNECTIONS_OF_A_PEER = 128, 16  # with those that have sent no token yet
HANDSHAKE = 10.0  # seconds for TLS and the token, or for the request
END = 4.0  # seconds beyond the transfer's own, in which its last frame is sent
NOT_SENT, SEND_BUFFER = 4096, 24 * 1024
"""Bytes that wait in the kernel before they are sent, and of its send buffer.

What a limit on the path holds back is little, so that its figures are not old. With larger buffers TCP also fills the
queue of a shaper until it loses many segments, and what arrives afterwards arrives in lumps.
"""
WAITING_TO_BE_ACCEPTED = 64
ACCEPT_AGAIN = 0.1  # seconds after which a helper without file descriptors accepts again

_Opened = Callable[[TCPConnection], Awaitable[tuple[bytes, Connection, bytes]]]
"""Return the token of a client, the stream that it reads, and what precedes the frames in it."""

_CarryOut = Callable[[Connection, socket.socket], Awaitable[None]]


@dataclass
class TransferPort:
    """Hold the TCP ports that send transfers. `offer` is part of an answer of the HTTP side."""

    port: int
    http_port: int | None = None  # None: no transfers in the clear
    _: KW_ONLY
    clock: Callable[[], float] = time.monotonic
    tokens: Tokens = field(init=False)
    uploads: Tokens = field(init=False)  # tokens of clients that send
    fast: Tokens = field(init=False)  # tokens of transfers at the higher pace
    transfers: ConnectionSlots = field(
        default_factory=lambda: ConnectionSlots(MOST_TRANSFERS, MOST_TRANSFERS_OF_A_PEER)
    )
    connections: ConnectionSlots = field(
        default_factory=lambda: ConnectionSlots(MOST_CONNECTIONS, MOST_CONNECTIONS_OF_A_PEER)
    )
    _listening: list[socket.socket] = field(default_factory=list)
    _running: set["asyncio.Task[None]"] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.clock, TRANSFERS_A_TOKEN)
        self.uploads = Tokens(self.clock, UPLOADS_A_TOKEN)
        self.fast = Tokens(self.clock, FAST_TRANSFERS_A_TOKEN)
        self._context, self.digest = server_context()

    def offer(self) -> dict[str, Any]:
        """Return new tokens, the ports that accept them, and the SHA-256 of the certificate."""
        clear = {} if self.http_port is None else {"http_port": self.http_port}
        tokens = {"token": self.tokens.issue(), "upload": self.uploads.issue(), "fast": self.fast.issue()}
        return tokens | {"port": self.port, "sha256": self.digest} | clear

    async def open(self, host: str) -> None:
        """Listen at `host`. Port 0 becomes a free port. Raises OSError that names the port."""
        self.port = self._listen(host, self.port, self._over_tls)
        if self.http_port is not None:
            self.http_port = self._listen(host, self.http_port, self._in_the_clear)

    def _listen(self, host: str, port: int, opened: _Opened) -> int:
        """Accept connections, of which `opened` reads the token. Return the port. Raises OSError that names it."""
        listening = list[socket.socket]()
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, _, _, _, address in found:
                sock = socket.create_server(address, family=family, backlog=WAITING_TO_BE_ACCEPTED)
                listening.append(sock)
                self._listening.append(sock)
                sock.setblocking(False)
        except OSError as error:
            self.close()
            raise OSError(error.errno, f"TCP port {port}: {error.strerror}") from error
        for sock in listening:
            self._run(self._accept(sock, opened))
        return int(listening[0].getsockname()[1])

    def close(self) -> None:
        """Stop listening, and end what runs."""
        for task in self._running:
            task.cancel()
        for sock in self._listening:
            sock.close()
        self._listening.clear()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _accept(self, listening: socket.socket, opened: _Opened) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, address = await loop.sock_accept(listening)
            except OSError:  # no file descriptor is left, or the client has gone
                await asyncio.sleep(ACCEPT_AGAIN)
                continue
            sock.setblocking(False)
            self._run(self._serve(sock, opened, *address[:2]))

    async def _serve(self, sock: socket.socket, opened: _Opened, ip: str, port: int) -> None:
        """Serve one client. A client that breaks the connection or the protocol is no bug."""
        conn, peer = TCPConnection(sock, ip.partition("%")[0], port, Pace()), peer_key(ip)
        try:
            with self.connections.slot(peer) as free, suppress(*NETWORK_ERRORS):
                if free:
                    await self._transfer(conn, sock, peer, opened)
        finally:
            conn.close()

    async def _transfer(self, conn: TCPConnection, sock: socket.socket, peer: bytes, opened: _Opened) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOT_SENT)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        async with asyncio.timeout(HANDSHAKE):
            token, stream, head = await opened(conn)
        found = self._taken(token)
        if found is None:
            return
        carry_out, places = found
        with self.transfers.slot(peer, places) as free:
            async with asyncio.timeout(SECONDS + END):
                if head:
                    await stream.write(head)
                await (carry_out(stream, sock) if free else send_busy(stream))

    def _taken(self, token: bytes) -> tuple[_CarryOut, int] | None:
        """Use a token once. Return what it is good for, and the places that this takes. None for another token."""
        if self.tokens.take(token):
            return send_frames, 1
        if self.fast.take(token):
            return partial(send_frames, fast=True), FAST_PLACES
        return (receive_upload, 1) if self.uploads.take(token) else None

    async def _over_tls(self, conn: TCPConnection) -> tuple[bytes, Connection, bytes]:
        tls = TLSConnection(conn, None, (), Hello("helper", self._engine))
        await tls.handshake()
        return await tls.read_exactly(TOKEN_BYTES), tls, b""

    async def _in_the_clear(self, conn: TCPConnection) -> tuple[bytes, Connection, bytes]:
        """Return the token of a request. Its headers are not read."""
        request = b""
        while END_OF_HEAD not in request and len(request) < LONGEST_REQUEST:
            if not (data := await conn.read(LONGEST_REQUEST)):
                raise EOFError("closed during the request")
            request += data
        return requested_token(request), conn, ANSWER_HEAD

    def _engine(self, _: str | None, __: tuple[str, ...]) -> tuple[ssl.MemoryBIO, ssl.MemoryBIO, ssl.SSLObject]:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        return incoming, outgoing, self._context.wrap_bio(incoming, outgoing, server_side=True)

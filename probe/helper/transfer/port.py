"""Serve transfers over TLS (`--transfer PORT`) and over HTTP in the clear (`--transfer-http PORT`).

Any server name or Host header is accepted. A token of the HTTP side gets bytes at a fixed pace, which is twice as high
for a token of fast transfers.

The handshake of TCP confirms the client's address, so the port cannot be used to flood others. A client without a token
gets the certificate and nothing else. No name, address or byte of a client is kept.

Make the certificate of the transfer port. A probe accepts it by its digest, so no authority signs it.
"""

import asyncio
import hashlib
import socket
import ssl
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from probe.helper.helper_limits import TOKEN_BYTES, TRANSFER_CONNECTIONS, TRANSFERS, Tokens
from probe.helper.transfer.sender import receive_upload, send_busy, send_frames
from probe.http_server.client_shares import ClientShares, PortPlace
from probe.http_server.peers import UNKNOWN, Client, client_at
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

NAME = "localhost"  # as many servers have it. The certificate is visible in TLS 1.2, and equal for all names.
BEFORE, AFTER = timedelta(days=1), timedelta(days=365)  # around the start of the helper


def server_context() -> tuple[ssl.SSLContext, str]:
    """Return a context with a new key and a self-signed certificate, and the certificate's SHA-256 in hexadecimal."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _self_signed(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "transfer.pem")
        file.touch(mode=0o600)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(pem + certificate.public_bytes(Encoding.PEM))
        context.load_cert_chain(file)
    return context, hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)]), datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BEFORE)
        .not_valid_after(now + AFTER)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )


TRANSFERS_A_TOKEN = 4  # two pairs
UPLOADS_A_TOKEN = 4  # two pairs
FAST_TRANSFERS_A_TOKEN = 2  # these are one pair
FAST_PLACES = FAST_PACE // PACE  # places of TRANSFERS that one fast transfer takes
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
    transfers: ClientShares = field(init=False)
    connections: ClientShares = field(init=False)
    _listening: list[socket.socket] = field(default_factory=list)
    _running: set["asyncio.Task[None]"] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.clock, TRANSFERS_A_TOKEN)
        self.uploads = Tokens(self.clock, UPLOADS_A_TOKEN)
        self.fast = Tokens(self.clock, FAST_TRANSFERS_A_TOKEN)
        self.transfers = ClientShares(TRANSFERS, self.clock)
        self.connections = ClientShares(TRANSFER_CONNECTIONS, self.clock)
        self._context, self.digest = server_context()

    def offer(self, client: Client = UNKNOWN) -> dict[str, Any]:
        """Return new tokens for a client, the ports that accept them, and the SHA-256 of the certificate."""
        clear = {} if self.http_port is None else {"http_port": self.http_port}
        kinds = {"token": self.tokens, "upload": self.uploads, "fast": self.fast}
        tokens = {name: kind.issue(client) for name, kind in kinds.items()}
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
        conn, client = TCPConnection(sock, ip.partition("%")[0], port, Pace()), client_at(ip)
        task = asyncio.current_task()
        place = self.connections.take(client, task.cancel) if task is not None else None
        try:
            if place is not None:
                with suppress(*NETWORK_ERRORS):
                    await self._transfer(conn, sock, place, opened)
        finally:
            if place is not None:
                self.connections.free(place)
            conn.close()

    async def _transfer(self, conn: TCPConnection, sock: socket.socket, place: PortPlace, opened: _Opened) -> None:
        # A frame leaves at its time, and does not wait for the acknowledgement of the one before (Nagle's algorithm).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOT_SENT)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        async with asyncio.timeout(HANDSHAKE):
            token, stream, head = await opened(conn)
        found = self._taken(token)
        if found is None:
            return
        self.connections.keep(place)
        carry_out, places = found
        transfer = self.transfers.take(place.client, conn.close, places)
        try:
            async with asyncio.timeout(SECONDS + END):
                if head:
                    await stream.write(head)
                await (carry_out(stream, sock) if transfer else send_busy(stream))
        finally:
            if transfer is not None:
                self.transfers.free(transfer)

    def _taken(self, token: bytes) -> tuple[_CarryOut, int] | None:
        """Use a token once. Return what it is good for, and the places that this takes. None for another token."""
        if self.tokens.take(token) is not None:
            return send_frames, 1
        if self.fast.take(token) is not None:
            return partial(send_frames, fast=True), FAST_PLACES
        return (receive_upload, 1) if self.uploads.take(token) is not None else None

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

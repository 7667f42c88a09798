"""Serve HTTP/3 over QUIC with aioquic. Imported only if a host has QUIC."""

import asyncio
import logging
from email.utils import format_datetime
from functools import partial
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import QuicEvent
from cryptography.x509 import load_pem_x509_certificates

from probe.lab.services.credentials import Credentials
from probe.lab.services.web import Request, answer
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import Host, InterceptingServer
from probe.wire.tls.quic_initial import ClientInitials, NotInitial, read_header
from probe.wire.tls.server_name import read_handshake

UNRECOGNIZED_NAME = 0x170  # CRYPTO_ERROR with the alert 112 (RFC 9000 20.1)
CRYPTO = 0x06

logging.getLogger("quic").addHandler(logging.NullHandler())


class Server(QuicServer):
    """Serve the QUIC connections of one address and port, with the host's certificate or a forged one."""

    def __init__(self, world: World, host: Host, interceptor: InterceptingServer | None = None) -> None:
        credentials = Credentials(world)
        chain, key = (
            credentials.issued_to(host) if interceptor is None else credentials.issued_for_interception(interceptor)
        )
        configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
        configuration.certificate, *configuration.certificate_chain = load_pem_x509_certificates(chain)
        configuration.private_key = key
        super().__init__(configuration=configuration, create_protocol=partial(Page, world=world, host=host))
        self._host = host

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        """Serve a datagram. A host that refuses unknown names closes the connection of such a hello."""
        assert isinstance(data, bytes)
        name = read_handshake(ClientInitials().feed(data)).name if self._host.refuses_unknown else None
        if name is not None and name not in self._host.names:
            self._refuse(data, addr)
        else:
            super().datagram_received(data, addr)

    def _refuse(self, data: bytes, addr: Any) -> None:
        try:
            destination_id = read_header(data).dcid
        except NotInitial:
            return
        now = self._loop.time()
        connection = QuicConnection(
            configuration=self._configuration, original_destination_connection_id=destination_id
        )
        connection.receive_datagram(data, addr, now)
        connection.close(error_code=UNRECOGNIZED_NAME, frame_type=CRYPTO, reason_phrase="unrecognized name")
        for datagram, _ in connection.datagrams_to_send(now):
            if self._transport is not None:
                self._transport.sendto(datagram, addr)


class Page(QuicConnectionProtocol):
    """Serve one connection. Every request gets the answer of the host's web server."""

    def __init__(self, quic: QuicConnection, stream_handler: Any = None, *, world: World, host: Host) -> None:
        super().__init__(quic, stream_handler)
        self._http = H3Connection(quic)
        self._world, self._host, self._client = world, host, ""

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        """Note the client's address, since some servers stall for some clients alone."""
        self._client = addr[0].removeprefix("::ffff:")
        super().datagram_received(data, addr)

    def quic_event_received(self, event: QuicEvent) -> None:
        for received in self._http.handle_event(event):
            if isinstance(received, HeadersReceived):
                self._answer(received)
        self.transmit()

    def _answer(self, received: HeadersReceived) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in received.headers}
        host = headers.get(":authority", "").rsplit(":", 1)[0].lower()
        request = Request(headers.get(":method", ""), headers.get(":path", "/"), host, b"", keep=True)
        response = answer(request, self._host, self._world, secure=True)
        fields = {
            ":status": str(response.status),
            "server": "lab",
            "content-type": response.kind,
            "location": response.location,
        }
        fields |= {"date": format_datetime(self._world.now(), usegmt=True), "content-length": str(len(response.body))}
        encoded = [(name.encode(), value.encode()) for name, value in fields.items() if value]
        self._http.send_headers(received.stream_id, encoded)
        self._send(received.stream_id, response.body)

    def _send(self, stream: int, body: bytes) -> None:
        """Send a body, in pieces with pauses if the server stalls."""
        stall = self._host.stalls(self._client)
        first = len(body) if stall is None else stall.bytes
        self._http.send_data(stream, body[:first], end_stream=first >= len(body))
        if stall is not None and first < len(body):
            asyncio.get_running_loop().call_later(stall.pause, self._go_on, stream, body[first:], stall.piece)

    def _go_on(self, stream: int, rest: bytes, piece: int) -> None:
        """Send the rest of a body after a pause, or a piece of it."""
        first = piece or len(rest)
        self._http.send_data(stream, rest[:first], end_stream=first >= len(rest))
        self.transmit()
        stall = self._host.stalls(self._client)
        if stall is not None and first < len(rest):
            asyncio.get_running_loop().call_later(stall.pause, self._go_on, stream, rest[first:], piece)

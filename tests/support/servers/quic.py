"""Serve QUIC on loopback: aioquic's own server, and some with faults."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent

from tests.support.servers.authority import Issued

Answer = Callable[["Http3Connection", int, dict[str, str]], None]


def page(connection: "Http3Connection", stream: int, asked: dict[str, str]) -> None:
    """Send a page that names the request."""
    body = f"<title>{asked[':authority']}{asked[':path']}</title>".encode()
    fields = [(b":status", b"200"), (b"server", b"lab"), (b"content-type", b"text/html"), (b"set-cookie", b"id=7")]
    connection.http.send_headers(stream, fields)
    connection.http.send_data(stream, body, end_stream=True)


class Http3Connection(QuicConnectionProtocol):
    """Represent the server's end of one connection."""

    answer: Answer

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.http = H3Connection(self._quic)

    @property
    def quic(self) -> Any:
        return self._quic

    def quic_event_received(self, event: QuicEvent) -> None:
        for http_event in self.http.handle_event(event):
            if isinstance(http_event, HeadersReceived):
                type(self).answer(self, http_event.stream_id, {k.decode(): v.decode() for k, v in http_event.headers})


class LimitedServer(QuicServer):
    """Drop the client's later datagrams, as a middlebox does."""

    def __init__(self, received: int, **more: Any) -> None:
        super().__init__(**more)
        self._left = received

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        if self._left > 0:
            self._left -= 1
            super().datagram_received(data, addr)


class DatagramAnswers(asyncio.DatagramProtocol):
    """Answer every datagram with the result of `answers`. `received` holds the datagrams."""

    def __init__(self, answers: Callable[[bytes], list[bytes]] = lambda data: []) -> None:
        self.answers, self.received = answers, list[bytes]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.received.append(data)
        for datagram in self.answers(data):
            self.transport.sendto(datagram, addr)


@asynccontextmanager
async def listening(protocol: Callable[[], asyncio.DatagramProtocol]) -> AsyncIterator[tuple[int, Any]]:
    transport, made = await asyncio.get_running_loop().create_datagram_endpoint(protocol, local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1], made
    finally:
        transport.close()
        await asyncio.sleep(0)


def quic_server(
    issued: Issued, *above: Issued, answer: Answer = page, received: int = 0, alpn: str = "h3", **more: Any
) -> Callable[[], QuicServer]:
    """Return an aioquic server with this certificate. `received` limits the datagrams that it receives (0: all)."""
    versions, idle = more.pop("versions", None), more.pop("idle", 60.0)
    configuration = QuicConfiguration(is_client=False, alpn_protocols=[alpn], idle_timeout=idle)
    configuration.certificate, configuration.private_key = issued.certificate, issued.key
    configuration.certificate_chain = [one.certificate for one in above]
    if versions:
        configuration.supported_versions = versions
    connection = type("AnsweringConnection", (Http3Connection,), {"answer": staticmethod(answer)})
    about = {"configuration": configuration, "create_protocol": connection, **more}
    return lambda: LimitedServer(received, **about) if received else QuicServer(**about)

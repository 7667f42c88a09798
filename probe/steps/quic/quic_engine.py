"""aioquic without its sockets: the one QUIC version that is offered, any certificate taken, and a watch on the packets.

Imported only when QUIC is really spoken: aioquic is an extra, and takes time and memory to load.
"""

import logging
import ssl
from collections import Counter
from dataclasses import dataclass
from typing import Any

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.logger import QuicLogger, QuicLoggerTrace
from aioquic.quic.packet import QuicProtocolVersion
from cryptography.hazmat.primitives.serialization import Encoding

MOST_DATA = 262144  # bytes that a server may send on streams before it must wait for us

logging.getLogger("quic").addHandler(logging.NullHandler())  # what the library complains of is in the entry


@dataclass(frozen=True)
class Close:
    """A CONNECTION_CLOSE frame: of the transport's codes (RFC 9000 20.1), or the application's (RFC 9114 8.1)."""

    code: int
    of_application: bool


class PacketWatch(QuicLoggerTrace):
    """Sees every packet that could be read (decrypted, or of a kind that is not encrypted); keeps no list of them."""

    def __init__(self, *, odcid: bytes) -> None:
        super().__init__(is_client=True, odcid=odcid)
        self.received: Counter[str] = Counter()  # by type, as qlog calls them: "initial", "retry", "1RTT" …
        self.hello_length = 0
        self.confirmed = False  # HANDSHAKE_DONE came: the server has read our last word (RFC 9001 4.1.2)
        self.closed_by_peer: Close | None = None
        self.closed_by_us: Close | None = None  # because the peer broke the protocol
        self._lists: list[list[dict[str, Any]]] = []  # frames at hand: aioquic fills the lists after it has told us

    @property
    def answered(self) -> bool:
        """Whether any packet came back that we could read."""
        return self.received.total() > 0

    def log_event(self, *, category: str, event: str, data: dict[str, Any]) -> None:
        """Take note of one event of aioquic's."""
        if event == "packet_received":
            self.received[data["header"]["packet_type"]] += 1
            self._lists.append(data["frames"])
        elif event == "packet_sent":
            self._sent(data["header"]["packet_type"], data["frames"])

    def datagram_done(self) -> None:
        """Look at the frames of the packets received since the last call."""
        for frame in (frame for frames in self._lists for frame in frames):
            if frame["frame_type"] == "handshake_done":
                self.confirmed = True
            elif frame["frame_type"] == "connection_close":
                self.closed_by_peer = self.closed_by_peer or _close_in(frame)
        self._lists.clear()

    def _sent(self, packet_type: str, frames: list[dict[str, Any]]) -> None:
        for frame in frames:
            if frame["frame_type"] == "crypto" and packet_type == "initial":
                self.hello_length = max(self.hello_length, frame["offset"] + frame["length"])
            elif frame["frame_type"] == "connection_close":
                self.closed_by_us = self.closed_by_us or _close_in(frame)


def _close_in(frame: dict[str, Any]) -> Close:
    return Close(frame["raw_error_code"], frame["error_space"] == "application")


class _Watching(QuicLogger):
    """Gives the one connection its watch."""

    watch: PacketWatch

    def start_trace(self, is_client: bool, odcid: bytes) -> PacketWatch:
        self.watch = PacketWatch(odcid=odcid)
        return self.watch

    def end_trace(self, trace: QuicLoggerTrace) -> None:
        """Nothing is stored."""


def open_engine(server_name: str | None, alpn: tuple[str, ...]) -> tuple[QuicConnection, PacketWatch]:
    """A client's engine, nothing sent yet; `server_name` None sends no SNI.

    One version is offered: with several, a peer that repeats its Version Negotiation would lead us round in circles.
    """
    watching = _Watching()
    configuration = QuicConfiguration(
        alpn_protocols=list(alpn),
        quic_logger=watching,
        server_name=server_name,
        supported_versions=[QuicProtocolVersion.VERSION_1],
        verify_mode=ssl.CERT_NONE,  # a chain that is refused would be lost; we keep it, then judge it
        max_data=MOST_DATA,
        max_stream_data=MOST_DATA,
    )
    engine = QuicConnection(configuration=configuration)
    return engine, watching.watch


def chain_of(engine: QuicConnection) -> list[bytes]:
    """The certificates as sent, leaf first, DER; empty before they came. (aioquic keeps them under private names.)"""
    leaf = engine.tls._peer_certificate
    chain = [] if leaf is None else [leaf, *engine.tls._peer_certificate_chain]
    return [certificate.public_bytes(Encoding.DER) for certificate in chain]


def cipher_suite_of(engine: QuicConnection) -> str:
    """The cipher suite by IANA's name, "" before it was agreed on."""
    schedule = engine.tls.key_schedule
    return f"TLS_{schedule.cipher_suite.name}" if schedule is not None else ""

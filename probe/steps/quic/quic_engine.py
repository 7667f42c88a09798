"""Configure aioquic without its sockets: one QUIC version, any certificate accepted, and every packet observed.

This module is imported only when QUIC is used, because aioquic is an extra and slow to load.
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

_DATA = frozenset({"stream", "crypto"})
MOST_DATA = 262144  # bytes that a server may send on streams before it must wait

logging.getLogger("quic").addHandler(logging.NullHandler())  # the entry holds the errors that the library would log


@dataclass(frozen=True)
class Close:
    """Represent a CONNECTION_CLOSE frame with a code of the transport (RFC 9000, 20.1) or of HTTP/3 (RFC 9114, 8.1)."""

    code: int
    of_application: bool


class PacketWatch(QuicLoggerTrace):
    """Observe every packet that could be read: decrypted, or of an unencrypted type. No list of packets is kept."""

    def __init__(self, *, odcid: bytes) -> None:
        super().__init__(is_client=True, odcid=odcid)
        self.received: Counter[str] = Counter()  # by type in qlog's words: "initial", "retry", "1RTT" …
        self.hello_length = 0
        self.has_data = False  # the current datagram had a frame of a stream or of the handshake
        self.confirmed = False  # HANDSHAKE_DONE was received (RFC 9001, 4.1.2)
        self.closed_by_peer: Close | None = None
        self.closed_by_us: Close | None = None  # because the peer broke the protocol
        # frames of the current datagram. aioquic fills the lists after the event.
        self._lists: list[list[dict[str, Any]]] = []

    @property
    def answered(self) -> bool:
        """Tell whether any readable packet was received."""
        return self.received.total() > 0

    def log_event(self, *, category: str, event: str, data: dict[str, Any]) -> None:
        """Record one event of aioquic."""
        if event == "packet_received":
            self.received[data["header"]["packet_type"]] += 1
            self._lists.append(data["frames"])
        elif event == "packet_sent":
            self._sent(data["header"]["packet_type"], data["frames"])

    def datagram_done(self) -> None:
        """Read the frames of the packets received since the last call."""
        for frame in (frame for frames in self._lists for frame in frames):
            self.has_data |= frame["frame_type"] in _DATA
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
    """Give the connection its PacketWatch."""

    watch: PacketWatch

    def start_trace(self, is_client: bool, odcid: bytes) -> PacketWatch:
        self.watch = PacketWatch(odcid=odcid)
        return self.watch

    def end_trace(self, trace: QuicLoggerTrace) -> None:
        """Do nothing, because no trace is stored."""


def open_engine(
    server_name: str | None, alpn: tuple[str, ...], window: int = MOST_DATA
) -> tuple[QuicConnection, PacketWatch]:
    """Return a client engine that has sent nothing yet. `server_name` None sends no SNI.

    `window` are the bytes of a stream that the server may send ahead. The engine doubles it when half has arrived. Only
    one version is offered. With several, a peer that repeats its Version Negotiation would cause an endless loop.
    """
    watching = _Watching()
    configuration = QuicConfiguration(
        alpn_protocols=list(alpn),
        quic_logger=watching,
        server_name=server_name,
        supported_versions=[QuicProtocolVersion.VERSION_1],
        verify_mode=ssl.CERT_NONE,  # aioquic would discard a refused chain. We keep it and check it afterwards.
        max_data=MOST_DATA,
        max_stream_data=window,
    )
    engine = QuicConnection(configuration=configuration)
    return engine, watching.watch


def chain_of(engine: QuicConnection) -> list[bytes]:
    """Return the certificates as sent, leaf first, DER, or an empty list. aioquic keeps them under private names."""
    leaf = engine.tls._peer_certificate
    chain = [] if leaf is None else [leaf, *engine.tls._peer_certificate_chain]
    return [certificate.public_bytes(Encoding.DER) for certificate in chain]


def cipher_suite_of(engine: QuicConnection) -> str:
    """Return the cipher suite by its IANA name, or "" before it is agreed on."""
    schedule = engine.tls.key_schedule
    return f"TLS_{schedule.cipher_suite.name}" if schedule is not None else ""

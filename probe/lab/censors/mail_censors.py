"""Define the censor that refuses SMTP commands in the server's name."""

import re
from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.flows import Flow, flow_of
from probe.lab.censors.kit.middlebox import DROP, AddressFilter
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import ACK, SYN, Packet, tcp_packet
from probe.signatures.injected_answers import MAIL_REPLIES

_COMMAND = re.compile(rb"(?i)\A(EHLO|STARTTLS)\b[^\r\n]*\r?\n\Z")

_DRAWN = (421, 450, 454, 521, 530, 550, 554)

Command = Literal["connect", "ehlo", "starttls"]


class SMTPInjection(AddressFilter):
    """Refuse a command of SMTP in the clear, or the connection, in the server's name.

    In-path it holds the command or the server's greeting back. On-path the server's own reply follows. It has the same
    sequence numbers, so that only what is longer than the false one reaches the client.
    """

    WIRE = (
        WireTest(
            {"names": ["mail.gmx.net"], "ports": [587], "code": 551, "on_path": False},
            (
                Exchange("smtp", "mail.gmx.net", 587, contains="551 User not local", lacks="250"),
                Exchange("tls", "mail.gmx.net", 465, "mail.gmx.net", contains="signed"),
            ),
        ),
    )

    on_path: bool = Field(
        default=True, description="true: it sees a copy, and the server answers too. false: it holds the command back"
    )
    ports: list[int] = Field(default=[25, 587], description="only these destination ports, empty: all")
    code: int = Field(default=550, ge=0, le=599, description="code of its replies, 0: one for each seed")
    to: Command = Field(
        default="ehlo", description='what it answers: "ehlo", "starttls", or "connect" by a false greeting'
    )
    ttl: int = Field(default=0, ge=0, le=255, description="TTL with which its replies are sent, 0: drawn by seed")

    _held: set[Flow] = PrivateAttr(default_factory=set)  # flows in which a command was held back
    _opening: set[Flow] = PrivateAttr(default_factory=set)  # flows with a SYN and no packet after it

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if packet.is_tcp and self.to == "connect":
            return self._greet(packet, direction)
        if not packet.is_tcp or direction is not Direction.OUT or not self._matches(packet.destination, packet.dport):
            return None
        flow = flow_of(packet, direction)
        if packet.tcp_flags & SYN:
            self._held.discard(flow)
        found = _COMMAND.match(packet.payload)
        if found is None or found[1].decode().lower() != self.to:
            return DROP if flow in self._held else None
        if not self.on_path:
            self._held.add(flow)
        return Actions(forward=self.on_path, to_client=[(0.0, self._reply(packet))])

    def _greet(self, packet: Packet, direction: Direction) -> Actions | None:
        """Answer the acknowledgement that ends the handshake. In-path nothing else passes on this connection."""
        flow = flow_of(packet, direction)
        if direction is Direction.IN:
            return DROP if flow in self._held and not packet.tcp_flags & SYN else None
        if not self._matches(packet.destination, packet.dport):
            return None
        if packet.tcp_flags & SYN:
            self._opening.add(flow)
            self._held.discard(flow)
            return None
        if flow not in self._opening:
            return DROP if flow in self._held else None
        self._opening.discard(flow)
        if not self.on_path:
            self._held.add(flow)
        return Actions(to_client=[(0.0, self._reply(packet))])

    def _text(self) -> str:
        code = self.code or self._random("code").choice(_DRAWN)
        return f"{code} {MAIL_REPLIES.get(code, 'Access denied')}"

    def _reply(self, packet: Packet) -> bytes:
        """Return the reply with the numbers that the server's own would have."""
        acknowledged = packet.seq + len(packet.payload)
        ttl = self.ttl or self._random("ttl").randint(48, 128)
        back = (packet.dst, packet.src, packet.dport, packet.sport)
        reply = f"{self._text()}\r\n".encode()
        return tcp_packet(*back, flags=ACK, seq=packet.ack, ack=acknowledged, payload=reply, ttl=ttl)

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

Command = Literal["ehlo", "starttls"]


class SMTPInjection(AddressFilter):
    """Answer a command of SMTP in the clear with 550 or 551 in the server's name.

    In-path it holds the command back, so that the server never answers. On-path the server's own reply follows. It has
    the same sequence numbers, so that only what is longer than the false one reaches the client.
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
    code: Literal[550, 551] = Field(default=550, description="code of its replies")
    to: Command = Field(default="ehlo", description='command that it answers: "ehlo" or "starttls"')
    ttl: int = Field(default=0, ge=0, le=255, description="TTL with which its replies are sent, 0: drawn by seed")

    _held: set[Flow] = PrivateAttr(default_factory=set)  # flows in which a command was held back

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
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

    def _reply(self, packet: Packet) -> bytes:
        """Return the reply with the numbers that the server's own would have."""
        acknowledged = packet.seq + len(packet.payload)
        ttl = self.ttl or self._random("ttl").randint(48, 128)
        back = (packet.dst, packet.src, packet.dport, packet.sport)
        reply = f"{self.code} {MAIL_REPLIES[self.code]}\r\n".encode()
        return tcp_packet(*back, flags=ACK, seq=packet.ack, ack=acknowledged, payload=reply, ttl=ttl)

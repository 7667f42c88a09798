"""Forge the resets or the FIN by which a censor ends a TCP flow, at one end or both."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.middlebox import Deployment, Middlebox
from probe.lab.censors.kit.reset_headers import FORMS, Fields, Form, ResetHeaders
from probe.lab.net.layout import Actions
from probe.lab.net.packets import ACK, FIN, RST, SYN, Packet, tcp_packet

STEPS = (0, 1460, 4380)  # added to the sequence number, as in the three resets seen in China

Timed = tuple[float, bytes]


class Resetting(Middlebox):
    """Represent a censor that sends resets."""

    on_path: bool = Field(default=True, description="true: it sees a copy and can only inject. false: it holds packets")
    ttl: int = Field(default=0, ge=0, le=255, description="TTL with which the resets are sent, 0: drawn by seed")
    copies_ttl: bool = Field(default=False, description="true: the resets copy the TTL of the triggering packet")
    count: int = Field(default=3, ge=1, le=10, description="how many resets")
    to: Literal["both", "client", "server"] = Field(default="both", description="receivers of the resets")
    delay: float = Field(default=0.0, ge=0, description="seconds until the resets are sent")
    by_fin: bool = Field(default=False, description="true: the client gets a FIN in place of the resets")

    header: Form = Field(default="constant", description=FORMS)

    _headers: ResetHeaders = PrivateAttr()

    def deploy(self, deployment: Deployment) -> None:
        super().deploy(deployment)
        self._headers = ResetHeaders(self.header, self._random("header"))

    def _ttl(self, packet: Packet) -> int:
        return packet.ttl if self.copies_ttl else self.ttl or self._random("ttl").randint(48, 128)

    def _resets(self, packet: Packet) -> Actions:
        """Return resets for the ends of a client packet's flow. An in-path censor drops the packet."""
        to_client = self._towards_client(packet) if self.to != "server" else ()
        to_server = self._towards_server(packet) if self.to != "client" else ()
        return Actions(forward=self.on_path or self.to == "server", to_client=to_client, to_server=to_server)

    def _towards_client(self, packet: Packet) -> Sequence[Timed]:
        acknowledged = packet.seq + len(packet.payload) + bool(packet.tcp_flags & SYN)
        flow = (packet.dst, packet.src, packet.dport, packet.sport)
        common: Fields = {"flags": RST | ACK, "ack": acknowledged, "ttl": self._ttl(packet)}
        if self.by_fin:
            return [(self.delay, tcp_packet(*flow, **(common | {"flags": FIN | ACK, "seq": packet.ack})))]
        resets = [common | {"seq": packet.ack + step} | self._headers.next(packet) for step in self._steps()]
        return [(self.delay, tcp_packet(*flow, **fields)) for fields in resets]

    def _towards_server(self, packet: Packet) -> Sequence[Timed]:
        following = packet.seq + (len(packet.payload) if self.on_path else 0)
        flow = (packet.src, packet.dst, packet.sport, packet.dport)
        return [
            (
                self.delay,
                tcp_packet(*flow, flags=RST | ACK, seq=following + step, ack=packet.ack, ttl=self._ttl(packet)),
            )
            for step in self._steps()
        ]

    def _steps(self) -> list[int]:
        return [STEPS[number] if number < len(STEPS) else STEPS[-1] + 1460 * number for number in range(self.count)]

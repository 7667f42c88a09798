"""A censor that knows protocols by what a client says over TCP, on whatever port, and ends the flow."""

from collections.abc import Callable
from typing import Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from probe.lab.censors.kit.flows import Flow, Punished, Residual, Streams, flow_of
from probe.lab.censors.kit.middlebox import DROP, Aimed
from probe.lab.censors.kit.resets import Resetting
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import SYN, Packet
from probe.wire.sip.message import is_request
from probe.wire.stun import is_stun

RECORD_HEAD = 5  # bytes of a TLS record before its fragment (RFC 8446 5.1)
HANDSHAKE, PROTECTED = 0x16, 0x17

Opening = Literal["stun", "sip", "inside_tls"]


def is_inside_tls(stream: bytes) -> bool:
    """Whether a TLS client is past its hellos: a record follows that only its ends can read (RFC 8446 5.2).

    In TLS 1.3 that is its Finished, with which the handshake is complete for the client and its first words follow.
    """
    at = 0
    while len(stream) >= at + RECORD_HEAD and stream[0] == HANDSHAKE and stream[at + 1] == 3:
        if stream[at] == PROTECTED:
            return True
        at += RECORD_HEAD + int.from_bytes(stream[at + 3 : at + RECORD_HEAD], "big")
    return False


OPENINGS: dict[Opening, Callable[[bytes], bool]] = {"stun": is_stun, "sip": is_request, "inside_tls": is_inside_tls}


class StreamCut(Resetting, Aimed):
    """Ends every TCP flow in which the client speaks one of the protocols in the clear, or goes on after TLS's hellos.

    With `inside_tls` the handshake is left alone: who looks at handshakes only sees nothing.
    """

    protocols: list[Opening] = Field(min_length=1, description='what is recognised: "stun", "sip", "inside_tls"')
    action: Literal["reset", "drop"] = Field(default="reset", description="how the flow ends; drop: in silence")
    residual: Residual | None = Field(default=None, description="{seconds, on, at}: who is punished afterwards")

    _streams: Streams = PrivateAttr(default_factory=Streams)
    _punished: Punished = PrivateAttr(default_factory=Punished)
    _dead: set[Flow] = PrivateAttr(default_factory=set)

    @model_validator(mode="after")
    def _holds_what_it_drops(self) -> Self:
        if self.action == "drop" and self.on_path:
            raise ValueError('action = "drop" needs on_path = false: a copy cannot be held back')
        return self

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if not packet.is_tcp:
            return None
        flow = flow_of(packet, direction)
        if direction is Direction.IN:
            return DROP if flow in self._dead else None
        if not self._means(packet.destination, packet.dport):
            return None
        if packet.tcp_flags & SYN:
            self._dead.discard(flow)
        if not self._triggered(packet, flow, now):
            return DROP if flow in self._dead else None
        if self.action == "reset":
            return self._resets(packet)
        self._dead.add(flow)
        return DROP

    def _triggered(self, packet: Packet, flow: Flow, now: float) -> bool:
        """Whether this client's packet says what is cut, or suffers for what was said before."""
        stream = self._streams.feed(packet)
        if packet.payload and any(OPENINGS[protocol](stream) for protocol in self.protocols):
            self._punished.add(self.residual, flow, now)
            return True
        return self._punished.covers(self.residual, packet, now)

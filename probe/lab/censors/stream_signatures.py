"""Define the censor that recognises protocols by a client's bytes over TCP, on any port, and ends the flow.

A defective firewall is its look-alike: it ends flows at random, whatever they carry.
"""

import random
import re
from collections.abc import Callable
from typing import Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from probe.lab.censors.kit.flows import Flow, Residual, ResidualBlocks, Streams, flow_of
from probe.lab.censors.kit.middlebox import DROP, AddressFilter, Deployment
from probe.lab.censors.kit.resets import Resetting
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import SYN, Packet
from probe.wire.sip.sip_message import is_request
from probe.wire.stun import is_stun
from probe.wire.telegram.reflector import is_hello_tcp

RECORD_HEAD = 5  # bytes of a TLS record before its fragment (RFC 8446 5.1)
HANDSHAKE, PROTECTED = 0x16, 0x17

_MAIL = re.compile(rb"(?i)(?:EHLO [^\r\n]+|[!-~]+ CAPABILITY)\r?\n")

Opening = Literal["stun", "reflector", "sip", "mail", "inside_tls"]


def is_mail(stream: bytes) -> bool:
    """Return whether a client begins with the command for capabilities, in SMTP (RFC 5321) or IMAP (RFC 9051)."""
    return _MAIL.match(stream) is not None


def is_inside_tls(stream: bytes) -> bool:
    """Return whether a TLS client has sent an encrypted record after its hello (RFC 8446 5.2).

    In TLS 1.3 this is its Finished. The handshake is then complete for the client, and its request follows.
    """
    at = 0
    while len(stream) >= at + RECORD_HEAD and stream[0] == HANDSHAKE and stream[at + 1] == 3:
        if stream[at] == PROTECTED:
            return True
        at += RECORD_HEAD + int.from_bytes(stream[at + 3 : at + RECORD_HEAD], "big")
    return False


OPENINGS: dict[Opening, Callable[[bytes], bool]] = {
    "stun": is_stun,
    "reflector": is_hello_tcp,
    "sip": is_request,
    "mail": is_mail,
    "inside_tls": is_inside_tls,
}


class StreamCut(Resetting, AddressFilter):
    """End every TCP flow in which the client sends one of the protocols in the clear, or goes on after the TLS hello.

    With `inside_tls` the handshake passes, so a test of handshakes alone sees no interference.
    """

    WIRE = (
        WireTest(
            {"names": ["sip.telnyx.eu"], "protocols": ["sip"]},
            (
                Exchange("sip/tcp", "sip.telnyx.eu", 5060, end="reset"),
                Exchange("sip/udp", "sip.telnyx.eu", 5060, contains="anonymous.invalid"),
            ),
        ),
    )

    protocols: list[Opening] = Field(
        min_length=1, description='protocols that are recognised: "stun", "reflector", "sip", "mail", "inside_tls"'
    )
    action: Literal["reset", "drop"] = Field(
        default="reset", description="reset: the flow is reset, drop: it falls silent"
    )
    residual: Residual | None = Field(default=None, description="{seconds, on, at}: residual censorship")

    _streams: Streams = PrivateAttr(default_factory=Streams)
    _residual_blocks: ResidualBlocks = PrivateAttr(default_factory=ResidualBlocks)
    _blocked: set[Flow] = PrivateAttr(default_factory=set)

    @model_validator(mode="after")
    def _check_that_it_holds_packets(self) -> Self:
        if self.action == "drop" and self.on_path:
            raise ValueError('action = "drop" needs on_path = false, since a copy cannot be dropped')
        return self

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if not packet.is_tcp:
            return None
        flow = flow_of(packet, direction)
        if direction is Direction.IN:
            return DROP if flow in self._blocked else None
        if not self._matches(packet.destination, packet.dport):
            return None
        if packet.tcp_flags & SYN:
            self._blocked.discard(flow)
        if not self._triggered(packet, flow, now):
            return DROP if flow in self._blocked else None
        if self.action == "reset":
            return self._resets(packet)
        self._blocked.add(flow)
        return DROP

    def _triggered(self, packet: Packet, flow: Flow, now: float) -> bool:
        """Return whether this client's packet shows a protocol, or falls under residual censorship."""
        stream = self._streams.feed(packet)
        if packet.payload and any(OPENINGS[protocol](stream) for protocol in self.protocols):
            self._residual_blocks.add(self.residual, flow, now)
            return True
        return self._residual_blocks.covers(self.residual, packet, now)


class RandomReset(Resetting, AddressFilter):
    """Reset a share of all TCP flows at the client's first data, whatever they carry. It is no censor.

    Defective firewalls and NATs with full tables do so.
    """

    WIRE = (
        WireTest(
            {"names": ["abs.twimg.com"], "share": 1.0},
            (
                Exchange("tls", "abs.twimg.com", 443, "abs.twimg.com", end="reset"),
                Exchange("tls", "api.x.com", 443, "api.x.com"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    share: float = Field(gt=0, le=1, description="share of the flows that is reset")

    _sample: random.Random = PrivateAttr(default_factory=random.Random)
    _undecided: set[Flow] = PrivateAttr(default_factory=set)

    def deploy(self, deployment: Deployment) -> None:
        super().deploy(deployment)
        self._sample = self._random("sample")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if direction is Direction.IN or not packet.is_tcp or not self._matches(packet.destination, packet.dport):
            return None
        flow = flow_of(packet, direction)
        if packet.tcp_flags & SYN:
            self._undecided.add(flow)
        if not packet.payload or flow not in self._undecided:
            return None
        self._undecided.discard(flow)
        return self._resets(packet) if self._sample.random() < self.share else None

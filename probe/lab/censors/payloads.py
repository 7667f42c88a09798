"""Define the censors that recognise protocols by the payload of datagrams, on any port: one drops, one spoils them."""

import random
import re
from collections.abc import Callable
from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.middlebox import DROP, AddressFilter, Deployment
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet, udp_packet
from probe.wire.stun import is_stun
from probe.wire.tampering import with_ends_swapped
from probe.wire.telegram.reflector import is_hello

_SIP = re.compile(rb"\s*(?:[A-Za-z0-9.!%*_+`'~-]+ [^\s]+ SIP/2\.0|SIP/2\.0 \d{3})(?=[\s])", re.IGNORECASE)

Protocol = Literal["stun", "reflector", "sip"]


def is_sip(payload: bytes) -> bool:
    """Return whether a datagram begins like a SIP request or response (RFC 3261 7.1, 7.2)."""
    return _SIP.match(payload) is not None


RECOGNISERS: dict[Protocol, Callable[[bytes], bool]] = {"stun": is_stun, "reflector": is_hello, "sip": is_sip}


class _PayloadFilter(AddressFilter):
    """Represent a censor of UDP datagrams by their payload and direction."""

    direction: Literal["both", "out", "in"] = Field(
        default="both", description="out: the client's datagrams, in: the answers, or both"
    )

    def _concerns(self, packet: Packet, direction: Direction) -> bool:
        """Return whether a packet is a datagram of a censored server, in a censored direction."""
        out = direction is Direction.OUT
        if not packet.is_udp or (self.direction != "both" and out != (self.direction == "out")):
            return False
        return self._matches(*((packet.destination, packet.dport) if out else (packet.source, packet.sport)))


class PayloadDrop(_PayloadFilter):
    """Drop UDP datagrams with one of the protocols, on any port. Other datagrams pass."""

    WIRE = (
        WireTest(
            {"names": ["stun.uls.co.za"], "protocols": ["stun"], "direction": "out"},
            (
                Exchange("stun/udp", "stun.uls.co.za", 3478, end="silent"),
                Exchange("stun/udp", "stun.mixvoip.com", 3478, contains="\1\1"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    protocols: list[Protocol] = Field(
        min_length=1, description='protocols that are recognised: "stun", "reflector", "sip"'
    )

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if not self._concerns(packet, direction):
            return None
        payload = packet.payload
        return DROP if any(RECOGNISERS[protocol](payload) for protocol in self.protocols) else None


class PayloadTampering(_PayloadFilter):
    """Exchange the first two and the last two payload bytes of UDP datagrams, of all or of a sample."""

    WIRE = (
        WireTest(
            {"names": ["stun.fitauto.ru"], "protocols": ["stun"], "direction": "out"},
            (
                Exchange("stun/udp", "stun.fitauto.ru", 3478, lacks="\1\1"),
                Exchange("stun/udp", "stun.m-online.net", 3478, contains="\1\1"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    protocols: list[Protocol] = Field(default=[], description="protocols that are recognised, empty: every datagram")
    share: float = Field(default=1.0, gt=0, le=1, description="share of these datagrams that is changed")

    _sample: random.Random = PrivateAttr(default_factory=random.Random)

    def deploy(self, deployment: Deployment) -> None:
        super().deploy(deployment)
        self._sample = self._random("sample")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if not self._concerns(packet, direction):
            return None
        payload = packet.payload
        if self.protocols and not any(RECOGNISERS[protocol](payload) for protocol in self.protocols):
            return None
        if self._sample.random() >= self.share:
            return None
        flow = (packet.src, packet.dst, packet.sport, packet.dport)
        return Actions(replace=udp_packet(*flow, with_ends_swapped(payload), ttl=packet.ttl))

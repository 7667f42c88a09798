"""Define the censors that recognise protocols by the payload of datagrams, on any port: one drops, one spoils them."""

import random
from math import exp
from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.middlebox import DROP, Deployment
from probe.lab.censors.kit.payload_filter import PayloadFilter
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet, udp_packet
from probe.wire.dtls.client_hello import is_client_hello
from probe.wire.tampering import with_ends_swapped


class PayloadDrop(PayloadFilter):
    """Drop UDP datagrams with one of the protocols, on any port: all, a share, or some places of each flow.

    Other datagrams pass.
    """

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
    share: float = Field(default=1.0, gt=0, le=1, description="share of these datagrams that is dropped")
    burst_ms: float | None = Field(
        default=None, gt=0, description="mean milliseconds in which all are dropped; else each one by chance"
    )

    _samples: dict[Direction, random.Random] = PrivateAttr(default_factory=dict)
    _last: dict[Direction, tuple[bool, float]] = PrivateAttr(default_factory=dict)  # dropped, and when

    def deploy(self, deployment: Deployment) -> None:
        super().deploy(deployment)
        self._samples = {direction: self._random("sample", direction.value) for direction in Direction}

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        return DROP if self._concerns(packet, direction, now) and self._drops(direction, now) else None

    def _drops(self, direction: Direction, now: float) -> bool:
        """Return whether chance drops a datagram. Bursts are those of Gilbert's model in continuous time."""
        chance = self.share
        if self.burst_ms is not None and direction in self._last:
            dropped, before = self._last[direction]
            kept = exp(-(now - before) * 1000 / (self.burst_ms * (1 - self.share))) if self.share < 1 else 0.0
            chance += (dropped - self.share) * kept
        drops = self._samples[direction].random() < chance
        self._last[direction] = drops, now
        return drops


class DTLSDrop(PayloadFilter):
    """Drop DTLS hellos that have given bytes at an offset of the datagram, or anywhere, on any port."""

    WIRE = (
        WireTest(
            {"names": ["californium.eclipseprojects.io"], "pattern": "c02cc030", "offset": 63},
            (
                Exchange("dtls", "californium.eclipseprojects.io", 5684, end="silent"),
                Exchange("dtls", "californium.eclipseprojects.io", 5684, "firefox", contains="\x16\xfe\xff"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    pattern: str = Field(pattern=r"^([0-9a-f]{2})+$", description="the bytes, as hexadecimal digits")
    offset: int | None = Field(default=None, ge=0, description="where in the datagram they are, else anywhere")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        return DROP if self._concerns(packet, direction, now) else None

    def _recognises(self, payload: bytes) -> bool:
        if not is_client_hello(payload) or not super()._recognises(payload):
            return False
        looked_for = bytes.fromhex(self.pattern)
        return looked_for in payload if self.offset is None else payload.startswith(looked_for, self.offset)


class PayloadTampering(PayloadFilter):
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
    share: float = Field(default=1.0, gt=0, le=1, description="share of these datagrams that is changed")

    _sample: random.Random = PrivateAttr(default_factory=random.Random)

    def deploy(self, deployment: Deployment) -> None:
        super().deploy(deployment)
        self._sample = self._random("sample")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if not self._concerns(packet, direction, now) or self._sample.random() >= self.share:
            return None
        flow = (packet.src, packet.dst, packet.sport, packet.dport)
        return Actions(replace=udp_packet(*flow, with_ends_swapped(packet.payload), ttl=packet.ttl))

"""Define the censors that slow protocols down by the payload of datagrams: one limits their rate, one delays them."""

import random
from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.middlebox import DROP, Deployment
from probe.lab.censors.kit.payload_filter import PayloadFilter
from probe.lab.censors.kit.rate_limit import sent_later
from probe.lab.censors.kit.token_bucket import TokenBucket
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet

APART = 5e-4  # seconds between two delayed datagrams, so that they keep their order. Entries have tenths of a ms.


class PayloadRate(PayloadFilter):
    """Limit the rate of UDP datagrams with one of the protocols, each way, by a token bucket.

    Datagrams above the rate are dropped (a policer). With `queue_ms` they wait in a queue first (a shaper).
    """

    WIRE = (
        WireTest(
            {"names": ["stun.hot-chilli.net"], "protocols": ["stun"], "rate_kbit": 0.001, "burst_bytes": 20},
            (Exchange("stun/udp", "stun.hot-chilli.net", 3478, end="silent"),),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    rate_kbit: float = Field(gt=0, description="rate each way, in kbit/s of IP packets")
    burst_bytes: int = Field(default=2000, ge=1, description="bytes that pass at once after a pause")
    queue_ms: float = Field(
        default=0.0, ge=0, le=60000, description="longest wait in the queue, in milliseconds, 0: no queue"
    )

    _buckets: dict[Direction, TokenBucket] = PrivateAttr(default_factory=dict)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if not self._concerns(packet, direction, now):
            return None
        if direction not in self._buckets:
            rate, queue = self.rate_kbit * 125, self.queue_ms / 1000  # bytes a second, seconds
            self._buckets[direction] = TokenBucket(rate, float(self.burst_bytes), queue)
        wait = self._buckets[direction].wait(len(packet.raw), now)
        return DROP if wait is None else sent_later(packet, direction, wait)


class PayloadDelay(PayloadFilter):
    """Delay UDP datagrams with one of the protocols, each by another time. They keep their order."""

    WIRE = (
        WireTest(
            {"names": ["stun.epygi.com"], "protocols": ["stun"], "least_ms": 60000, "most_ms": 60000},
            (Exchange("stun/udp", "stun.epygi.com", 3478, end="silent"),),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    least_ms: float = Field(default=0.0, ge=0, description="least delay in milliseconds")
    most_ms: float = Field(gt=0, le=60000, description="longest delay in milliseconds")

    _sample: random.Random = PrivateAttr(default_factory=random.Random)
    _newest: dict[Direction, float] = PrivateAttr(default_factory=dict)  # when the newest datagram leaves

    def deploy(self, deployment: Deployment) -> None:
        super().deploy(deployment)
        self._sample = self._random("sample")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if not self._concerns(packet, direction, now):
            return None
        leaves = now + self._sample.uniform(self.least_ms, self.most_ms) / 1000
        self._newest[direction] = max(leaves, self._newest.get(direction, now) + APART)
        return sent_later(packet, direction, self._newest[direction] - now)

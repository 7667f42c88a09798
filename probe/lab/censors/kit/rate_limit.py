"""Limit what servers send by a token bucket, and forward packets later."""

from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.middlebox import DROP, Middlebox
from probe.lab.censors.kit.token_bucket import TokenBucket
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet, with_ttl


def sent_later(packet: Packet, direction: Direction, seconds: float) -> Actions | None:
    """Return the actions that forward a packet after a delay. A router decrements its TTL as without the delay."""
    if seconds <= 0 or packet.ttl <= 1:
        return None
    later = [(seconds, with_ttl(packet.raw, packet.ttl - 1))]
    if direction is Direction.OUT:
        return Actions(forward=False, to_server=later)
    return Actions(forward=False, to_client=later)


class RateLimit(Middlebox):
    """Represent a censor that limits the rate of connections toward the client.

    Packets above the rate are dropped (a policer). With `queue_ms` they wait in a queue first (a shaper).
    """

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    rate_kbit: float = Field(gt=0, description="rate toward the client, in kbit/s of IP packets")
    most_kbit: float = Field(
        default=0.0, ge=0, description="the rate is drawn by seed, from `rate_kbit` to this one, 0: it is `rate_kbit`"
    )
    queue_drawn: bool = Field(default=False, description="true: half of the seeds have the queue of `queue_ms`")
    burst_bytes: int = Field(default=8000, ge=1, description="bytes that pass at once after a pause")
    queue_ms: float = Field(
        default=0.0, ge=0, le=60000, description="longest wait in the queue, in milliseconds, 0: no queue"
    )
    per: Literal["flow", "censor"] = Field(
        default="flow", description="flow: each connection has a bucket, censor: all share one"
    )

    _shared: TokenBucket | None = PrivateAttr(default=None)

    def _bucket(self) -> TokenBucket:
        """Return the bucket of a new connection, or the one that all share."""
        if self.per == "censor" and self._shared is not None:
            return self._shared
        rate = self.rate_kbit * max(1.0, self.most_kbit / self.rate_kbit) ** self._random("rate").random()
        queue = 0.0 if self.queue_drawn and self._random("queue").random() < 0.5 else self.queue_ms / 1000
        self._shared = TokenBucket(rate * 125, float(self.burst_bytes), queue)
        return self._shared

    @staticmethod
    def _limit(packet: Packet, bucket: TokenBucket | None, now: float) -> Actions | None:
        """Return what to do with a packet toward the client. Without a bucket it passes."""
        wait = 0.0 if bucket is None else bucket.wait(len(packet.raw), now)
        return DROP if wait is None else sent_later(packet, Direction.IN, wait)

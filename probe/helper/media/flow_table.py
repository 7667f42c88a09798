"""Hold the tokens and the flows of the media reflector. Both tables are bounded, and old rows are forgotten first."""

import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from probe.http_server.peers import peer_key
from probe.wire.media.shape import TOKEN, Place, Shape

TOKEN_SECONDS = 60.0
MOST_TOKENS = 4096
RESPONSES_A_TOKEN = 64  # a probe needs about twenty for a pair of flows

FLOW_SECONDS = 35.0  # a flow of the probe lasts 10 s
MOST_PACKETS = 1600  # per flow
RATE, BURST = 100.0, 100.0  # packets per second of a flow, and after a pause at once
MOST_FLOWS = 96
MOST_FLOWS_OF_A_PEER = 8  # four pairs. A peer is an IPv4 address or an IPv6 /56.
RATE_OF_ALL, BURST_OF_ALL = 5000.0, 1000.0

Clock = Callable[[], float]


class Allowance:
    """Allow `rate` events per second, and `burst` at once after a pause (a token bucket)."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst, self._left, self._at = rate, burst, burst, now

    def take(self, now: float) -> bool:
        """Take one event. Return False if none is left."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


@dataclass
class Flow:
    """Hold a flow whose source address is validated, and what was received and reflected. No address is in it."""

    token: bytes
    shape: Shape
    began: float
    peer: bytes
    allowance: Allowance
    received: int = 0
    reflected: int = 0
    refused: int = 0
    seen: int = 0  # bit i is set if packet i arrived


class Tokens:
    """Hold the issued tokens, each valid for a minute and a number of uses."""

    def __init__(self, clock: Clock, uses: int = RESPONSES_A_TOKEN) -> None:
        self._clock, self._uses = clock, uses
        self._out: OrderedDict[bytes, tuple[float, int]] = OrderedDict()  # token: time of issue, uses left

    def __len__(self) -> int:
        return len(self._out)

    def issue(self) -> str:
        """Return a new token in hexadecimal digits."""
        token = secrets.token_bytes(TOKEN)
        self._out[token] = (self._clock(), self._uses)
        while len(self._out) > MOST_TOKENS:
            self._out.popitem(last=False)
        return token.hex()

    def take(self, token: bytes) -> bool:
        """Count a use of the token. Return False if it is unknown, too old or used up."""
        now = self._clock()
        while self._out and now - next(iter(self._out.values()))[0] > TOKEN_SECONDS:
            self._out.popitem(last=False)
        since, left = self._out.get(token, (now, 0))
        if left <= 0:
            return False
        self._out[token] = (since, left - 1)
        return True


@dataclass
class FlowTable:
    """Hold the open flows by source address and port. A flow ends FLOW_SECONDS after it began."""

    clock: Clock
    _flows: OrderedDict[Place, Flow] = field(default_factory=OrderedDict)  # oldest first
    _peers: Counter[bytes] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self._flows)

    def get(self, client: Place) -> Flow | None:
        """Return the open flow of a client."""
        self._forget(self.clock())
        return self._flows.get(client)

    def open(self, client: Place, token: bytes, shape: type[Shape]) -> bool:
        """Open a flow, or keep the one that is open with the same token. Return False if there is no place for it."""
        now = self.clock()
        self._forget(now)
        known = self._flows.get(client)
        if known is not None and (known.token, type(known.shape)) == (token, shape):
            return True
        if known is not None:
            self._drop(client)
        peer = peer_key(client[0])
        if len(self._flows) >= MOST_FLOWS or self._peers.get(peer, 0) >= MOST_FLOWS_OF_A_PEER:
            return False
        self._peers[peer] += 1
        self._flows[client] = Flow(token, shape(), now, peer, Allowance(RATE, BURST, now))
        return True

    def _forget(self, now: float) -> None:
        while self._flows and now - next(iter(self._flows.values())).began > FLOW_SECONDS:
            self._drop(next(iter(self._flows)))

    def _drop(self, client: Place) -> None:
        peer = self._flows.pop(client).peer
        self._peers[peer] -= 1
        if not self._peers[peer]:
            del self._peers[peer]

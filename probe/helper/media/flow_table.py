"""Hold the flows of the media reflector. The table is bounded, and old flows are forgotten first."""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field

from probe.helper.limits import Allowance, Clock
from probe.http_server.peers import peer_key
from probe.wire.media.shape import PeerAddress, Shape

RESPONSES_A_TOKEN = 64  # a probe needs about twenty for a pair of flows

FLOW_SECONDS = 35.0  # a flow of the probe lasts 10 s
MOST_PACKETS = 1600  # per flow
RATE, BURST = 100.0, 100.0  # packets per second of a flow, and after a pause at once
MOST_FLOWS = 96
MOST_FLOWS_OF_A_PEER = 8  # four pairs. A peer is an IPv4 address or an IPv6 /56.


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


@dataclass
class FlowTable:
    """Hold the open flows by source address and port. A flow ends FLOW_SECONDS after it began."""

    clock: Clock
    _flows: OrderedDict[PeerAddress, Flow] = field(default_factory=OrderedDict)  # oldest first
    _peers: Counter[bytes] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self._flows)

    def get(self, client: PeerAddress) -> Flow | None:
        """Return the open flow of a client."""
        self._forget(self.clock())
        return self._flows.get(client)

    def open(self, client: PeerAddress, token: bytes, shape: type[Shape]) -> bool:
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
        self._flows[client] = Flow(token, shape(token, "back"), now, peer, Allowance(RATE, BURST, now))
        return True

    def _forget(self, now: float) -> None:
        while self._flows and now - next(iter(self._flows.values())).began > FLOW_SECONDS:
            self._drop(next(iter(self._flows)))

    def _drop(self, client: PeerAddress) -> None:
        peer = self._flows.pop(client).peer
        self._peers[peer] -= 1
        if not self._peers[peer]:
            del self._peers[peer]

"""Hold the calls of the SIP user agent. The table is bounded, and each call sends no more bytes than it received."""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from probe.helper.limits import Allowance, Clock
from probe.http_server.peers import peer_key
from probe.wire.media.shape import PeerAddress
from probe.wire.sip.message import Message

CALL_SECONDS = 15.0  # from the INVITE to the end of the call
UNCONFIRMED_SECONDS = 6.0  # from the INVITE to its ACK
MOST_CALLS = 48
MOST_CALLS_OF_A_PEER = 4  # a peer is an IPv4 address or an IPv6 /56
MOST_PACKETS = 800  # reflected in one call. 15 s of a usual codec are 750.
RATE, BURST = 100.0, 50.0  # reflected packets per second of a call, and after a pause at once


class State(Enum):
    """Name how far a call is."""

    RINGING = "ringing"
    ANSWERED = "answered"  # a final response is sent, and its ACK not received
    CONFIRMED = "confirmed"  # the ACK came from the source of the INVITE
    ENDED = "ended"


@dataclass
class HeldCall:
    """Hold one call. `client` is the source of the INVITE, and `budget` the bytes that may still be sent to it."""

    invite: Message
    client: PeerAddress
    peer: bytes
    tag: str  # ours, which only the source of the INVITE can repeat
    began: float
    payload_type: int
    allowance: Allowance
    state: State = State.RINGING
    budget: int = 0
    ringing: bytes = b""
    final: bytes = b""  # the final response to the INVITE
    accepted: bool = True
    send_at: float = 0.0  # when the final response is sent next
    pause: float = 0.0  # seconds to the time after that
    first: int | None = None  # sequence number of the first RTP packet
    seen: int = 0  # bit i is set if RTP packet i arrived
    media: PeerAddress | None = None  # source of the RTP packets

    def spend(self, response: bytes) -> bytes | None:
        """Return a response if the client has sent as many bytes before, else None."""
        if len(response) > self.budget:
            return None
        self.budget -= len(response)
        return response


@dataclass
class CallTable:
    """Hold the calls by Call-ID, oldest first, and the sources of their RTP packets."""

    clock: Clock
    _calls: "OrderedDict[str, HeldCall]" = field(default_factory=OrderedDict)
    _media: dict[PeerAddress, HeldCall] = field(default_factory=dict)
    _peers: Counter[bytes] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[HeldCall]:
        self._forget()
        return iter(list(self._calls.values()))

    def get(self, call_id: str, client: PeerAddress) -> HeldCall | None:
        """Return the call with this Call-ID, if its INVITE came from this source."""
        self._forget()
        call = self._calls.get(call_id)
        return call if call is not None and call.client == client else None

    def has_place(self, call_id: str, client: PeerAddress) -> bool:
        """Return whether a call of this source can be opened with this Call-ID."""
        self._forget()
        few = self._peers.get(peer_key(client[0]), 0) < MOST_CALLS_OF_A_PEER
        return few and len(self._calls) < MOST_CALLS and call_id not in self._calls

    def open(self, invite: Message, client: PeerAddress, tag: str, payload_type: int) -> HeldCall:
        """Open a call. `has_place` must have been asked."""
        now, peer = self.clock(), peer_key(client[0])
        call = HeldCall(
            invite, client, peer, tag, now, payload_type, Allowance(RATE, BURST, now), budget=len(invite.raw)
        )
        self._calls[invite.call_id] = call
        self._peers[peer] += 1
        return call

    def of_media(self, client: PeerAddress, payload_type: int) -> HeldCall | None:
        """Return the call whose RTP packets come from here.

        The first packet from the address that confirmed a call decides on the port, because a NAT chooses it.
        """
        self._forget()
        if (known := self._media.get(client)) is not None:
            return known
        for call in self._calls.values():
            new = call.media is None and call.state is State.CONFIRMED
            if new and call.client[0] == client[0] and call.payload_type == payload_type:
                call.media = client
                self._media[client] = call
                return call
        return None

    def _forget(self) -> None:
        """Remove the calls that are too old. Those without an ACK leave earlier."""
        now = self.clock()
        for call in list(self._calls.values()):
            confirmed = call.state in {State.CONFIRMED, State.ENDED}
            if now - call.began > (CALL_SECONDS if confirmed else UNCONFIRMED_SECONDS):
                self._drop(call)

    def _drop(self, call: HeldCall) -> None:
        del self._calls[call.invite.call_id]
        if call.media is not None:
            del self._media[call.media]
        self._peers[call.peer] -= 1
        if not self._peers[call.peer]:
            del self._peers[call.peer]

"""Answer calls whose INVITE carries a token of the HTTP side, and reflect their RTP packets (`--sip PORT`).

The token is the user part of the request URI. Only the ACK shows that a caller receives what is sent to its source,
because it repeats a tag of the answer. Before and after it, a caller gets no more bytes of SIP than it sent. A final
response is repeated only as far as these bytes reach. Everything without a token or a call gets silence.

Hold the calls of the SIP user agent.
"""

import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from probe.helper.helper_limits import BURST_OF_ALL, RATE_OF_ALL, SIP_CALLS, Allowance, Tokens
from probe.helper.reply_budget import ReplyBudget, ReplyBudgets
from probe.http_server.client_shares import ClientShares, Clock, PacketShares, PortPlace
from probe.http_server.peers import Client, client_at
from probe.wire.media.rtp import read_header
from probe.wire.media.shape import TOKEN, PeerAddress
from probe.wire.sip.response import build_response
from probe.wire.sip.sdp import TYPE, audio_of, write_answer
from probe.wire.sip.sip_message import NotSIP, SIPMessage, read_message

CALL_SECONDS = 15.0  # from the INVITE to the end of the call
UNCONFIRMED_SECONDS = 6.0  # from the INVITE to its ACK
MOST_PACKETS = 800  # reflected in one call. 15 s of a usual codec are 750.
RATE, BURST = 100.0, 50.0  # reflected packets per second of a call, and after a pause at once


class CallState(Enum):
    """Name how far a call is."""

    RINGING = "ringing"
    ANSWERED = "answered"  # a final response is sent, and its ACK not received
    CONFIRMED = "confirmed"  # the ACK came from the source of the INVITE
    ENDED = "ended"


@dataclass
class HeldCall:
    """Hold one call. `client` is the source of the INVITE, and `budget` says what may still be sent to it."""

    invite: SIPMessage
    client: PeerAddress
    place: PortPlace
    budget: ReplyBudget
    tag: str  # ours, which only the source of the INVITE can repeat
    began: float
    payload_type: int
    allowance: Allowance
    state: CallState = CallState.RINGING
    ringing: bytes = b""
    final: bytes = b""  # the final response to the INVITE
    accepted: bool = True
    send_at: float = 0.0  # when the final response is sent next
    pause: float = 0.0  # seconds from `send_at` to the next repetition
    first: int | None = None  # sequence number of the first RTP packet
    seen: int = 0  # bit i is set if RTP packet i arrived
    media: PeerAddress | None = None  # source of the RTP packets


@dataclass
class CallTable:
    """Hold the calls by Call-ID, oldest first, and the sources of their RTP packets."""

    clock: Clock
    _calls: "OrderedDict[str, HeldCall]" = field(default_factory=OrderedDict)
    _media: dict[PeerAddress, HeldCall] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._shares = ClientShares(SIP_CALLS, self.clock)

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

    def open(
        self, invite: SIPMessage, client: PeerAddress, pays: Client, budget: ReplyBudget, payload_type: int
    ) -> HeldCall | None:
        """Open a call of a source, which counts for `pays`. Return None if it gets no place, or for a known Call-ID."""
        self._forget()
        if invite.call_id in self._calls:
            return None
        place = self._shares.take(pays, lambda: self._remove(call))
        if place is None:
            return None
        now, tag = self.clock(), secrets.token_hex(8)
        call = HeldCall(invite, client, place, budget, tag, now, payload_type, Allowance(RATE, BURST, now))
        self._calls[invite.call_id] = call
        return call

    def use(self, call: HeldCall) -> None:
        """Note that a packet of the call arrived."""
        self._shares.use(call.place)

    def of_media(self, client: PeerAddress, payload_type: int) -> HeldCall | None:
        """Return the call whose RTP packets come from here.

        The first packet from the address that confirmed a call decides on the port, because a NAT chooses it.
        """
        self._forget()
        if (known := self._media.get(client)) is not None:
            return known
        for call in self._calls.values():
            new = call.media is None and call.state is CallState.CONFIRMED
            if new and call.client[0] == client[0] and call.payload_type == payload_type:
                call.media = client
                self._media[client] = call
                return call
        return None

    def _forget(self) -> None:
        """Remove the calls that are too old. Those without an ACK leave earlier."""
        now = self.clock()
        for call in list(self._calls.values()):
            confirmed = call.state in {CallState.CONFIRMED, CallState.ENDED}
            if now - call.began > (CALL_SECONDS if confirmed else UNCONFIRMED_SECONDS):
                self._drop(call)

    def _drop(self, call: HeldCall) -> None:
        self._remove(call)
        self._shares.free(call.place)

    def _remove(self, call: HeldCall) -> None:
        del self._calls[call.invite.call_id]
        if call.media is not None:
            del self._media[call.media]


CALLS_A_TOKEN = 4
RINGING_SECONDS = 0.2
T1, T2 = 0.5, 4.0  # seconds between repetitions of a final response (RFC 3261, section 13.3.1.4)
LONGEST, MOST_LINES = 1500, 64  # bytes and lines of a datagram. The INVITE of our probe has 31 lines.
EARLY = 16  # packets that may arrive before the first one and were sent before it
_USER = re.compile(rf"sips?:([0-9a-f]{{{2 * TOKEN}}})@([^;>\s]{{1,60}})", re.IGNORECASE)  # token, host and port


class UserAgent:
    """Decide the answer to each datagram. It has no socket. `media_port` is written into the answers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, media_port: int = 0) -> None:
        self._clock, self.media_port = clock, media_port
        self._all, self.budgets = PacketShares(RATE_OF_ALL, BURST_OF_ALL, clock), ReplyBudgets()
        self.tokens, self.calls = Tokens(clock, CALLS_A_TOKEN), CallTable(clock)

    def answer(self, datagram: bytes, client: PeerAddress) -> bytes | None:
        """Return the answer to a SIP datagram, or None for silence."""
        fits = len(datagram) <= LONGEST and datagram.count(b"\n") <= MOST_LINES
        response = self._respond(datagram, client) if fits else None
        return response if response is not None and self._all.take(client_at(client[0])) else None

    def _respond(self, datagram: bytes, client: PeerAddress) -> bytes | None:
        try:
            message = read_message(datagram)
        except NotSIP:
            return None
        if message.is_response:
            return None
        call = self.calls.get(message.call_id, client)
        if call is not None:
            return self._go_on(call, message)
        if message.method == "INVITE" and not message.receiver.tag:
            return self._ring(message, client)
        return None

    def due(self) -> list[tuple[bytes, PeerAddress]]:
        """Return the final responses that are to be sent now, and the places to send them to."""
        now, found = self._clock(), []
        for call in self.calls:
            if call.final and call.state in {CallState.RINGING, CallState.ANSWERED} and call.send_at <= now:
                call.state = CallState.ANSWERED
                call.send_at, call.pause = now + call.pause, min(T2, 2 * call.pause)
                found.append((call.final, call.client))
        return found

    def reflect(self, datagram: bytes, client: PeerAddress) -> bytes | None:
        """Return an RTP packet of a confirmed call as it came.

        None for a copy, above the limits, and for other bytes.
        """
        header = read_header(datagram) if len(datagram) <= LONGEST else None
        call = self.calls.of_media(client, header[0]) if header else None
        if header is None or call is None or call.state is not CallState.CONFIRMED or header[0] != call.payload_type:
            return None
        call.first = header[1] if call.first is None else call.first
        number = header[1] - call.first + EARLY & 0xFFFF
        if number >= MOST_PACKETS or call.seen >> number & 1:
            return None
        if not (call.allowance.take(self._clock()) and self._all.take(client_at(client[0]))):
            return None
        self.calls.use(call)
        call.seen |= 1 << number
        return datagram

    def _ring(self, message: SIPMessage, client: PeerAddress) -> bytes | None:
        """Open a call and return 180, or a refusal."""
        called = _USER.match(message.uri) or _USER.search(message.receiver.uri)
        pays = self.tokens.take(bytes.fromhex(called[1]), client_at(client[0])) if called and message.call_id else None
        if called is None or pays is None:
            return None
        sound, budget = audio_of(message.body), self.budgets.of(client)
        payload_type = sound.choose() if sound else None
        if payload_type is None:
            return build_response(message, 488, "Not Acceptable Here", tag=secrets.token_hex(8))
        call = self.calls.open(message, client, pays, budget, payload_type)
        if call is None:
            return build_response(message, 486, "Busy Here", tag=secrets.token_hex(8))
        call.final = self._accepted(call, called[2])
        call.send_at, call.pause = call.began + RINGING_SECONDS, T1
        ringing = build_response(message, 180, "Ringing", tag=call.tag)
        if len(ringing) + len(call.final) > call.budget.left:
            return None  # the caller gets the final response without a 180 before it
        call.ringing = ringing
        return ringing

    def _accepted(self, call: HeldCall, place: str) -> bytes:
        """Return 200. It names the host as the caller wrote it, because the helper may be behind NAT."""
        host = place.rpartition(":")[0] if re.search(r":\d+$", place) else place
        session = secrets.randbelow(10**9)
        body = write_answer(call.invite.body, call.payload_type, host.strip("[]"), self.media_port, session)
        more = (f"Contact: <sip:{place}>", f"Content-Type: {TYPE}")
        return build_response(call.invite, 200, "OK", tag=call.tag, more=more, body=body)

    def _go_on(self, call: HeldCall, message: SIPMessage) -> bytes | None:
        """Return the answer to a request of a known call, which came from the source of its INVITE."""
        if message.method == "ACK":
            _confirm(call, message)
            self.calls.use(call)
            return None
        if message.method == "INVITE" and not message.receiver.tag:
            return {CallState.RINGING: call.ringing, CallState.ANSWERED: call.final}.get(call.state) or None
        if message.method == "CANCEL":
            return _cancel(call, message)
        if message.receiver.tag != call.tag:
            return None
        if message.method == "BYE":
            call.state = CallState.ENDED
            return build_response(message, 200, "OK")
        return build_response(message, 405, "Method Not Allowed", more=("Allow: INVITE, ACK, CANCEL, BYE",))


def _confirm(call: HeldCall, message: SIPMessage) -> None:
    """Take an ACK. Only one with the tag of the answer, to an accepted call, confirms the source."""
    if message.receiver.tag == call.tag and call.state is CallState.ANSWERED:
        call.state = CallState.CONFIRMED if call.accepted else CallState.ENDED


def _cancel(call: HeldCall, message: SIPMessage) -> bytes | None:
    """Return 200 to a CANCEL. While the call rings, 487 takes the place of the answer (RFC 3261, section 9.2)."""
    if call.state is CallState.RINGING:
        call.accepted = False
        call.final = build_response(call.invite, 487, "Request Terminated", tag=call.tag)
    return build_response(message, 200, "OK", tag=call.tag)

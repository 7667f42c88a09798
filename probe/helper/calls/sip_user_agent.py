"""Answer calls whose INVITE carries a token of the HTTP side, and reflect their RTP packets (`--sip PORT`).

The token is the user part of the request URI. Only the ACK shows that a caller receives what is sent to its source,
because it repeats a tag of the answer. Before and after it, a call sends no more bytes than it received. A final
response is repeated only as far as these bytes reach. Everything without a token or a call gets silence.
"""

import re
import secrets
import time
from collections.abc import Callable

from probe.helper.calls.call_table import MOST_PACKETS, CallTable, HeldCall, State
from probe.helper.limits import BURST_OF_ALL, RATE_OF_ALL, Allowance, Tokens
from probe.wire.media.rtp import read_header
from probe.wire.media.shape import TOKEN, PeerAddress
from probe.wire.sip.message import Message, NotSIP, read_message
from probe.wire.sip.response import build_response
from probe.wire.sip.sdp import TYPE, audio_of, write_answer

CALLS_A_TOKEN = 4
RINGING_SECONDS = 0.2
T1, T2 = 0.5, 4.0  # seconds between repetitions of a final response (RFC 3261, section 13.3.1.4)
LONGEST = 1500  # bytes of a datagram
EARLY = 16  # packets that may arrive before the first one and were sent before it
_USER = re.compile(rf"sips?:([0-9a-f]{{{2 * TOKEN}}})@([^;>\s]{{1,60}})", re.IGNORECASE)  # token, host and port


class UserAgent:
    """Decide the answer to each datagram. It has no socket. `media_port` is written into the answers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, media_port: int = 0) -> None:
        self._clock, self.media_port = clock, media_port
        self._all = Allowance(RATE_OF_ALL, BURST_OF_ALL, clock())
        self.tokens, self.calls = Tokens(clock, CALLS_A_TOKEN), CallTable(clock)

    def answer(self, datagram: bytes, client: PeerAddress) -> bytes | None:
        """Return the answer to a SIP datagram, or None for silence."""
        response = self._respond(datagram, client) if len(datagram) <= LONGEST else None
        return response if response is not None and self._all.take(self._clock()) else None

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
            if call.final and call.state in {State.RINGING, State.ANSWERED} and call.send_at <= now:
                call.state = State.ANSWERED
                call.send_at, call.pause = now + call.pause, min(T2, 2 * call.pause)
                if (response := call.spend(call.final)) is not None:
                    found.append((response, call.client))
        return found

    def reflect(self, datagram: bytes, client: PeerAddress) -> bytes | None:
        """Return an RTP packet of a confirmed call as it came, None for a copy, above the limits, and for others."""
        header = read_header(datagram) if len(datagram) <= LONGEST else None
        call = self.calls.of_media(client, header[0]) if header else None
        if header is None or call is None or call.state is not State.CONFIRMED or header[0] != call.payload_type:
            return None
        call.first = header[1] if call.first is None else call.first
        number = header[1] - call.first + EARLY & 0xFFFF
        if number >= MOST_PACKETS or call.seen >> number & 1:
            return None
        if not (call.allowance.take(now := self._clock()) and self._all.take(now)):
            return None
        call.seen |= 1 << number
        return datagram

    def _ring(self, message: Message, client: PeerAddress) -> bytes | None:
        """Open a call and return 180, or a refusal. Neither is longer than the INVITE."""
        called = _USER.match(message.uri) or _USER.search(message.receiver.uri)
        if called is None or not message.call_id or not self.tokens.take(bytes.fromhex(called[1])):
            return None
        tag, sound = secrets.token_hex(8), audio_of(message.body)
        payload_type = sound.choose() if sound else None
        if payload_type is None:
            return _within(message, build_response(message, 488, "Not Acceptable Here", tag=tag))
        if not self.calls.has_place(message.call_id, client):
            return _within(message, build_response(message, 486, "Busy Here", tag=tag))
        call = self.calls.open(message, client, tag, payload_type)
        call.final = self._accepted(call, called[2])
        call.send_at, call.pause = call.began + RINGING_SECONDS, T1
        ringing = build_response(message, 180, "Ringing", tag=tag)
        if len(ringing) + len(call.final) > call.budget:
            return None  # the answer comes without it
        call.ringing = ringing
        return call.spend(ringing)

    def _accepted(self, call: HeldCall, place: str) -> bytes:
        """Return 200. It names the host as the caller wrote it, because the helper may be behind NAT."""
        host = place.rpartition(":")[0] if re.search(r":\d+$", place) else place
        session = secrets.randbelow(10**9)
        body = write_answer(call.invite.body, call.payload_type, host.strip("[]"), self.media_port, session)
        more = (f"Contact: <sip:{place}>", f"Content-Type: {TYPE}")
        return build_response(call.invite, 200, "OK", tag=call.tag, more=more, body=body)

    def _go_on(self, call: HeldCall, message: Message) -> bytes | None:
        """Return the answer to a request of a known call, which came from the source of its INVITE."""
        call.budget += len(message.raw)
        if message.method == "ACK":
            _confirm(call, message)
            return None
        if message.method == "INVITE" and not message.receiver.tag:
            known = {State.RINGING: call.ringing, State.ANSWERED: call.final}.get(call.state)
            return call.spend(known) if known else None
        if message.method == "CANCEL":
            return _cancel(call, message)
        if message.receiver.tag != call.tag:
            return None
        if message.method == "BYE":
            call.state = State.ENDED
            return call.spend(build_response(message, 200, "OK"))
        return call.spend(build_response(message, 405, "Method Not Allowed", more=("Allow: INVITE, ACK, CANCEL, BYE",)))


def _confirm(call: HeldCall, message: Message) -> None:
    """Take an ACK. Only one with the tag of the answer, to an accepted call, confirms the source."""
    if message.receiver.tag == call.tag and call.state is State.ANSWERED:
        call.state = State.CONFIRMED if call.accepted else State.ENDED


def _cancel(call: HeldCall, message: Message) -> bytes | None:
    """Return 200 to a CANCEL. While the call rings, 487 takes the place of the answer (RFC 3261, section 9.2)."""
    if call.state is State.RINGING:
        call.accepted = False
        call.final = build_response(call.invite, 487, "Request Terminated", tag=call.tag)
    return call.spend(build_response(message, 200, "OK", tag=call.tag))


def _within(message: Message, response: bytes) -> bytes | None:
    return response if len(response) <= len(message.raw) else None

"""Call the test helper over SIP, send voice for some seconds and hang up (step `sip_call`), without an account.

From, Contact and Via are `anonymous.invalid`. The address in SDP is one of documentation (RFC 5737, RFC 3849). Parsers
accept it as a unicast address, and 0.0.0.0 would mean "on hold" to older ones. Our helper answers to the source of the
packets. A peer that answers to the address in SDP would send its voice nowhere, and learns no address of our local
network either.
"""

import asyncio
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from probe.formats import failures as f
from probe.formats.exchanges.media import SIPCall
from probe.session.classify import LocalFailure, RemoteError
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.calls.sip_signalling import Signalling
from probe.steps.calls.voice import Voice
from probe.wire.sip.call import Call
from probe.wire.sip.sdp import audio_of, write_offer
from probe.wire.sip.sip_message import SIPMessage

SECONDS = 3.0  # of voice
SETUP, CANCELLING, HANGING_UP = 8.0, 2.0, 3.0  # seconds: until the answer, its cancellation, and the answer to BYE
T1, T2 = 0.5, 4.0  # RFC 3261, section 17.1.1.2
UNSPECIFIC_IPV4, UNSPECIFIC_IPV6 = "192.0.2.1", "2001:db8::1"
BUSY = 486


async def sip_call(
    tx: Transaction, ip: str, port: int, callee: str, *, pace: Pace, seconds: float = SECONDS, setup: float = SETUP
) -> SIPCall:
    """Call `callee` (the helper's token) at `ip` (a literal), send voice for `seconds`, and hang up.

    It succeeds if the call was answered with 2xx. Raises StepFailed. A call that rings longer than `setup` is
    cancelled.
    """
    entry = SIPCall(port=port)
    async with tx.step(entry, setup + CANCELLING + seconds + HANGING_UP + 1.0):
        voice = Voice(ip, port, pace)
        try:
            signalling = Signalling(ip, port, pace, Call(ip, "udp", callee=callee, port=port), entry)
            try:
                await _converse(_Line(signalling, voice, entry), ip, seconds, setup)
            finally:
                signalling.close()
        finally:
            voice.close()
            voice.record.write_to(entry)
    return entry


@dataclass(frozen=True)
class _Line:
    """Hold both sockets of a call, and its entry."""

    signalling: Signalling
    voice: Voice
    entry: SIPCall


async def _converse(line: _Line, ip: str, seconds: float, setup: float) -> None:
    signalling, entry = line.signalling, line.entry
    final = await _set_up(line, ip, setup)
    try:
        sound = audio_of(final.body)
        payload_type = sound.choose() if sound else None
        if sound is not None and payload_type is not None:
            entry.encoding = sound.encoding(payload_type)
            entry.elsewhere = sound.host not in {ip, UNSPECIFIC_IPV4, UNSPECIFIC_IPV6}
            if not entry.elsewhere:
                await line.voice.exchange(sound.port, payload_type, seconds, until=signalling.ended)
    except BaseException:
        signalling.send(signalling.call.bye(final))
        raise
    if not signalling.ended.is_set():
        await _hang_up(line, final)


async def _set_up(line: _Line, ip: str, setup: float) -> SIPMessage:
    """Invite until the final response, and return it if it is 2xx. Raises RemoteError, LocalFailure, TimeoutError."""
    signalling, entry = line.signalling, line.entry
    host = UNSPECIFIC_IPV6 if ":" in ip else UNSPECIFIC_IPV4
    invite = signalling.call.invite(write_offer(host, line.voice.local[1], secrets.randbelow(10**9)))
    try:
        async with asyncio.timeout(setup):
            final = await signalling.ask(invite, "INVITE", _pauses())
    except TimeoutError:
        if not entry.provisional:
            raise
        final = await _cancel(line)
    if final.code == BUSY:
        raise LocalFailure(f.HELPER_BUSY)
    if final.code >= 300:
        raise RemoteError(f"{f.UNKNOWN}: sip: call refused with {final.code}")
    return final


async def _cancel(line: _Line) -> SIPMessage:
    """Cancel a call that rings, and return the final response to its INVITE. Raises TimeoutError without one."""
    line.entry.cancelled = True
    async with asyncio.timeout(CANCELLING):
        line.signalling.send(line.signalling.call.cancel())
        return await line.signalling.final("INVITE")


async def _hang_up(line: _Line, final: SIPMessage) -> None:
    """Send BYE until it is answered, or for some seconds."""
    began = line.signalling.now()
    try:
        async with asyncio.timeout(HANGING_UP):
            response = await line.signalling.ask(line.signalling.call.bye(final), "BYE", _pauses())
    except TimeoutError:
        return
    line.entry.bye_code, line.entry.bye_time = response.code, round(line.signalling.now() - began, 6)


def _pauses() -> Iterable[float]:
    """Yield the seconds between two transmissions: T1, doubling to T2."""
    pause = T1
    while True:
        yield pause
        pause = min(T2, 2 * pause)

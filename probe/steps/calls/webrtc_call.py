"""Call the test helper over WebRTC and send voice for some seconds (step `webrtc_call`), without an account.

The signalling goes over the helper's HTTP interface. It holds no address: neither of our local network nor another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from probe.formats import failures as f
from probe.formats.exchanges.media import WebRTCCall
from probe.session.classify import LocalFailure, RemoteError
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.signatures.call_packets import INTERVAL
from probe.steps.calls.voice import TAIL, packets
from probe.steps.calls.voice_record import VoiceRecord
from probe.targets.address_guard import may_contact
from probe.wire.sip.sdp import OPUS

if TYPE_CHECKING:
    from probe.steps.calls.webrtc_transport import Transport

SECONDS = 3.0  # of voice
SETUP = 15.0  # seconds for signalling, ICE and DTLS


class Relay(NamedTuple):
    """Hold the address of a TURN server and an account there. All packets of the call then pass it."""

    ip: str
    port: int
    username: str
    password: str


Signal = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Send an object to the helper's `POST /v1/webrtc`, and return its answer. Raises NETWORK_ERRORS."""


def need_aiortc() -> None:
    """Raise LocalFailure if the extra `calls` is missing."""
    try:
        import_module("aiortc")
    except ImportError as error:
        raise LocalFailure(f.NO_CALLS) from error


async def webrtc_call(
    tx: Transaction,
    ip: str,
    token: str,
    signal: Signal,
    *,
    pace: Pace,
    seconds: float = SECONDS,
    setup: float = SETUP,
    relay: Relay | None = None,
) -> WebRTCCall:
    """Call the helper at `ip` (a literal) with its token, send voice for `seconds`, and close the connection.

    It succeeds if the keys were exchanged. Raises StepFailed, also without the extra `calls`.
    """
    entry, record = WebRTCCall(), VoiceRecord(OPUS)
    async with tx.step(entry, setup + seconds + TAIL + 2.0):
        if not all(may_contact(each, pace.contacts) for each in (ip, relay.ip if relay else ip)):
            raise LocalFailure(f.NOT_CONTACTED)
        need_aiortc()
        from probe.steps.calls.webrtc_transport import Transport, closed

        loop = asyncio.get_running_loop()
        transport = Transport(
            lambda raw: record.received(raw, loop.time()),
            controlling=True,
            relay=relay,
            sent=pace.sent,
            received=pace.received,
        )
        try:
            async with asyncio.timeout(setup):
                await _connect(transport, ip, token, signal, entry)
            await _send_voice(transport, record, seconds)
        finally:
            await closed(transport)
            record.write_to(entry)
    return entry


async def _connect(transport: "Transport", ip: str, token: str, signal: Signal, entry: WebRTCCall) -> None:
    from probe.steps.calls.webrtc_transport import MOST_PORTS, read_description

    now = asyncio.get_running_loop().time
    began = now()
    await transport.gather()
    answer = await signal({"token": token, **transport.description()})
    theirs, ports = read_description(answer), answer.get("ports")
    numbers = ports.get("6" if ":" in ip else "4") if isinstance(ports, dict) else None
    usable = [port for port in numbers if type(port) is int and 0 < port < 65536] if isinstance(numbers, list) else []
    if theirs is None or not usable:
        raise RemoteError(f"{f.UNKNOWN}: webrtc: the helper's answer cannot be used")
    entry.signalled, began = round(now() - began, 6), now()
    await transport.connect(theirs, ip, usable[:MOST_PORTS])
    entry.connected, began = round(now() - began, 6), now()
    await transport.secure(theirs)
    entry.secured = round(now() - began, 6)


async def _send_voice(transport: "Transport", record: VoiceRecord, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for place, (sequence, packet) in enumerate(packets(OPUS, seconds)):
        await asyncio.sleep(max(0.0, began + place * INTERVAL - loop.time()))
        record.sent(sequence, packet, loop.time())
        await transport.send(packet)
    await asyncio.sleep(TAIL)

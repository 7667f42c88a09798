"""Send one datagram to the test helper's UDP echo and wait for it to come back (step `udp_echo`)."""

from collections.abc import Callable
from contextlib import ExitStack

from probe.formats.exchanges.calls import EchoPayload, UDPEcho
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.udp_flow import UDPFlow, doubling, udp_flow
from probe.wire import stun
from probe.wire.sip.sip_message import NotSIP, read_message
from probe.wire.tampering import with_ends_swapped

FIRST, LONGEST = 0.5, 4.0  # seconds between transmissions, as in STUN and SIP (RFC 8489, 6.2.1; RFC 3261, 17.1.2.2)
AGAIN, AGAIN_SECONDS = 6, 1.0  # most repetitions after a datagram with exchanged ends, wait for each


async def udp_echo(
    tx: Transaction, ip: str, port: int, datagram: bytes, token: bytes, *, payload: EchoPayload, pace: Pace
) -> UDPEcho:
    """Send `datagram` until a datagram with `token`, raw or hexadecimal, comes back.

    The entry holds no address, because the helper's address could identify a group of users. Raises StepFailed.
    """
    entry = UDPEcho(port=port, payload=payload, size=len(datagram))
    limit = pace.tls_timeout()
    with ExitStack() as opened:
        async with tx.step(entry, limit):
            flow = opened.enter_context(udp_flow(ip, port, pace))
            try:
                came = await flow.ask(datagram, doubling(FIRST, LONGEST, limit), _holds(token))
            finally:
                entry.x_sent = flow.sent
            entry.echoed, entry.changed, entry.round_trip = True, came != datagram, flow.round_trip
        if entry.changed:
            entry.answer_code = _sip_status(came) or _stun_error(came)
        if entry.changed and came == with_ends_swapped(datagram):
            await _send_again(entry, flow, datagram, token)
    return entry


async def _send_again(entry: UDPEcho, flow: UDPFlow, datagram: bytes, token: bytes) -> None:
    """Send the datagram again in the same flow until one comes back as it was sent, and count both kinds.

    A device that damages datagrams at random lets some of them pass. One that changes a protocol changes each.
    """
    entry.ends_swapped, entry.ends_kept = 1, 0
    for _ in range(AGAIN):
        came = await flow.another(_holds(token), AGAIN_SECONDS, datagram)
        entry.ends_swapped += came == with_ends_swapped(datagram)
        if came == datagram:
            entry.ends_kept = 1
            break
    entry.x_sent = flow.sent


def _sip_status(came: bytes) -> int | None:
    """Return the status of a SIP response, None for anything else."""
    try:
        return read_message(came).code or None
    except NotSIP:
        return None


def _stun_error(came: bytes) -> int | None:
    """Return the number of a STUN error, None for anything else."""
    try:
        message = stun.parse(came)
    except ValueError:
        return None
    return (message.error_code or None) if message.kind == "error" else None


def _holds(token: bytes) -> Callable[[bytes], bool]:
    """Return a test for the token, raw or hexadecimal, also in a datagram with exchanged ends."""
    digits = token.hex().encode()
    return lambda raw: any(token in form or digits in form.lower() for form in (raw, with_ends_swapped(raw)))

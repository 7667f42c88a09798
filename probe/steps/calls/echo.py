"""Send one datagram to the test helper's UDP echo and wait for it to come back (step `udp_echo`)."""

from collections.abc import Callable
from contextlib import ExitStack

from probe.formats.exchanges.calls import EchoPayload, UDPEcho
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.udp_flow import UDPFlow, doubling, udp_flow
from probe.wire.sip.message import NotSIP, read_message
from probe.wire.tampering import with_ends_swapped

FIRST, LONGEST = 0.5, 4.0  # seconds between transmissions, as in STUN and SIP (RFC 8489, 6.2.1; RFC 3261, 17.1.2.2)
AGAIN, AGAIN_SECONDS = 2, 1.0  # repetitions after a datagram with exchanged ends, wait for each


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
            entry.answer_code = _sip_status(came)
        if entry.changed and came == with_ends_swapped(datagram):
            entry.ends_swapped = 1 + await _swapped_again(flow, datagram, token)
            entry.x_sent = flow.sent
    return entry


async def _swapped_again(flow: UDPFlow, datagram: bytes, token: bytes) -> int:
    """Send the datagram again in the same flow. Return how many more come back with exchanged ends."""
    came = [await flow.another(_holds(token), AGAIN_SECONDS, datagram) for _ in range(AGAIN)]
    return came.count(with_ends_swapped(datagram))


def _sip_status(came: bytes) -> int | None:
    """Return the status of a SIP response, None for anything else."""
    try:
        return read_message(came).code or None
    except NotSIP:
        return None


def _holds(token: bytes) -> Callable[[bytes], bool]:
    """Return a test for the token, raw or hexadecimal, also in a datagram with exchanged ends."""
    digits = token.hex().encode()
    return lambda raw: any(token in form or digits in form.lower() for form in (raw, with_ends_swapped(raw)))

"""Send one datagram to the test helper's UDP echo and wait for it to come back (step `udp_echo`)."""

from collections.abc import Callable

from probe.formats.calls import EchoPayload, UDPEcho
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.udp_flow import doubling, udp_flow

FIRST, LONGEST = 0.5, 4.0  # seconds between transmissions, as in STUN and SIP (RFC 8489, 6.2.1; RFC 3261, 17.1.2.2)


async def udp_echo(
    tx: Transaction, ip: str, port: int, datagram: bytes, token: bytes, *, payload: EchoPayload, pace: Pace
) -> UDPEcho:
    """Send `datagram` until a datagram with `token`, raw or hexadecimal, comes back.

    The entry holds no address, because the helper's address could identify a group of users. Raises StepFailed.
    """
    entry = UDPEcho(port=port, payload=payload, size=len(datagram))
    limit = pace.tls_timeout()
    async with tx.step(entry, limit):
        with udp_flow(ip, port, pace) as flow:
            try:
                came = await flow.ask(datagram, doubling(FIRST, LONGEST, limit), _holds(token))
            finally:
                entry.x_sent = flow.sent
            entry.echoed, entry.changed, entry.round_trip = True, came != datagram, flow.round_trip
    return entry


def _holds(token: bytes) -> Callable[[bytes], bool]:
    digits = token.hex().encode()
    return lambda raw: token in raw or digits in raw.lower()

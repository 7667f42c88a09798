"""The step `random_bytes`: what is on no list of protocols, to a server that answers whoever speaks."""

import secrets

from probe.formats.entries import RandomBytes
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import Connection

SIZE = 128  # bytes, about as many as the messengers' own first flights


async def random_bytes(tx: Transaction, conn: Connection, *, pace: Pace) -> None:
    """Send bytes of no protocol and wait for any answer, an end of the connection included. Raises StepFailed.

    The first byte begins no record of TLS, no request and no length that a server would wait for: with its highest bit
    set it is an old TLS hello at best, whose version a server refuses at once (RFC 5246 E.2).
    """
    entry = RandomBytes(address=conn.address, size=SIZE)
    async with tx.step(entry, pace.tls_timeout()):
        await conn.write(bytes([0x80 | secrets.randbelow(0x80)]) + secrets.token_bytes(SIZE - 1))
        await conn.read()

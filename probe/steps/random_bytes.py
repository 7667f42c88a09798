"""Send bytes of no known protocol to a server that answers any client (step `random_bytes`)."""

import secrets

from probe.formats.entries import RandomBytes
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import Connection

SIZE = 128  # bytes, about as many as the messengers' first packets have


def unknown_protocol() -> bytes:
    """Return random bytes that start no TLS record, no request and no length that a server would wait for.

    The highest bit of their first byte is set. So a server takes them for an old TLS hello at best, and refuses its
    version immediately (RFC 5246, E.2).
    """
    return bytes([0x80 | secrets.randbelow(0x80)]) + secrets.token_bytes(SIZE - 1)


async def random_bytes(tx: Transaction, conn: Connection, *, pace: Pace) -> None:
    """Send random bytes and wait for any answer, including the end of the connection. Raises StepFailed."""
    entry = RandomBytes(address=conn.address, size=SIZE)
    async with tx.step(entry, pace.tls_timeout()):
        await conn.write(unknown_protocol())
        await conn.read()

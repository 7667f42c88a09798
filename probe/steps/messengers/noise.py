"""Check that WhatsApp's server proves itself in a Noise handshake that is never finished (step `noise_handshake`)."""

import time

from probe.formats import failures as f
from probe.formats.entries import BinaryData, NoiseHandshake
from probe.privacy.redact import scrub_text
from probe.session.classify import RemoteError
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import Connection
from probe.wire.whatsapp import noise
from probe.wire.whatsapp.certificate_chain import ChainError, check_chain

_LONGEST_HELLO = 16384  # bytes. A server hello has about 350.
_KEPT = 64  # first bytes kept of an answer that is not Noise


async def noise_handshake(
    tx: Transaction,
    conn: Connection,
    *,
    pace: Pace,
    root_key: bytes = noise.ROOT_KEY,
    confirm: bool = False,
    timeout: float | None = None,
) -> None:
    """Send the client hello on a new TCP connection. Succeeds if the server's certificate chain ends at `root_key`.

    Raises StepFailed with "ssl_unknown_authority" for a chain to another root, and with "ssl_invalid_certificate" if
    only the dates do not fit our clock. An answer that is no server hello or cannot be decrypted gives
    "unknown_failure: noise: …".
    """
    entry = NoiseHandshake(address=conn.address)
    async with tx.step(entry, pace.tls_timeout(confirm=confirm) if timeout is None else timeout):
        private = noise.new_key()
        await conn.write(noise.PROLOGUE + noise.frame(noise.client_hello(noise.public_of(private))))
        opened = _open(await _read_hello(conn, entry), private, entry)
        entry.server_hello = True
        _judge(opened, root_key)
        entry.chain_valid = True


async def _read_hello(conn: Connection, entry: NoiseHandshake) -> bytes:
    """Read one frame in parts, so that the first bytes are kept even if the rest never arrives."""
    got = b""
    try:
        while (message := noise.read_frame(got)[0]) is None:
            if len(got) >= 3 and int.from_bytes(got[:3], "big") > _LONGEST_HELLO:
                raise RemoteError(f"{f.UNKNOWN}: noise: no server hello")
            piece = await conn.read()
            if not piece:
                raise EOFError("closed before the server hello")
            got += piece
    except BaseException:
        _keep(entry, got)
        raise
    return message


def _open(message: bytes, private: bytes, entry: NoiseHandshake) -> noise.Opened:
    try:
        return noise.open_server_hello(message, private)
    except ValueError as error:
        _keep(entry, noise.frame(message))
        raise RemoteError(f"{f.UNKNOWN}: noise: server hello does not open") from error


def _judge(opened: noise.Opened, root_key: bytes) -> None:
    try:
        check_chain(opened.payload, root_key, opened.static, int(time.time()))
    except ChainError as error:
        raise RemoteError(f.SSL_INVALID_CERTIFICATE if error.by_date else f.SSL_UNKNOWN_AUTHORITY) from error


def _keep(entry: NoiseHandshake, got: bytes) -> None:
    """Keep the start of the answer, scrubbed. It may be a web page that contains the user's address."""
    start = scrub_text(got[: 4 * _KEPT].decode("latin-1")).encode("latin-1", "replace")
    entry.x_first_bytes = BinaryData.of(start[:_KEPT]) if got else None

"""Check that a Telegram data centre returns our nonce, without agreeing on a key (step `mtproto_exchange`)."""

import secrets
import time
from typing import Literal

from probe.formats import failures as f
from probe.formats.entries import MTProtoExchange
from probe.session.classify import RemoteError
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import Connection
from probe.wire.telegram import mtproto
from probe.wire.telegram.obfuscation import client_obfuscation

_HTTP = b"HTTP/"  # RFC 9112, section 2.3
_LONGEST_ANSWER = 1024  # bytes. A resPQ with three fingerprints has 100.


async def mtproto_exchange(
    tx: Transaction,
    conn: Connection,
    *,
    pace: Pace,
    transport: Literal["abridged", "obfuscated2"] = "abridged",
    confirm: bool = False,
    timeout: float | None = None,
) -> None:
    """Send `req_pq_multi` on a new TCP connection. Succeeds if `resPQ` comes back with our nonce.

    Raises StepFailed. A server that refuses with a number fails with "unknown_failure: mtproto transport error N".
    """
    entry = MTProtoExchange(address=conn.address, transport=transport)
    async with tx.step(entry, pace.tls_timeout(confirm=confirm) if timeout is None else timeout):
        stream = _Obfuscated(conn) if transport == "obfuscated2" else _Plain(conn)
        nonce = secrets.token_bytes(16)
        await stream.send(mtproto.abridged(mtproto.request(nonce, int(time.time()) << 32)))
        answer = _read_answer(await _read_frame(stream))
        entry.key_fingerprints = len(answer.fingerprints)
        entry.nonce_echoed = answer.nonce == nonce
        if not entry.nonce_echoed:
            raise RemoteError(f"{f.UNKNOWN}: mtproto: nonce not echoed")


class _Plain:
    """Frame messages with the abridged transport."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def send(self, framed: bytes) -> None:
        await self._conn.write(mtproto.ABRIDGED + framed)

    async def read(self, n: int) -> bytes:
        return await self._conn.read_exactly(n)


class _Obfuscated(_Plain):
    """Frame messages with the abridged transport inside the obfuscated stream."""

    def __init__(self, conn: Connection) -> None:
        super().__init__(conn)
        self._cipher = client_obfuscation()

    async def send(self, framed: bytes) -> None:
        await self._conn.write(self._cipher.header + self._cipher.encrypt(framed))

    async def read(self, n: int) -> bytes:
        return self._cipher.decrypt(await super().read(n))


async def _read_frame(stream: _Plain) -> bytes:
    """Read one frame. A first byte that cannot start an answer ends reading, and so does the status line of HTTP."""
    words = (await stream.read(1))[0]
    if words == 0x7F:
        words = int.from_bytes(await stream.read(3), "little")
    elif words > 0x7F:  # a quick acknowledgement, which was not requested
        words = 0
    if not 0 < words <= _LONGEST_ANSWER // 4:
        raise RemoteError(f"{f.UNKNOWN}: mtproto: no resPQ")
    first = await stream.read(4)
    if words == _HTTP[0] and first == _HTTP[1:]:
        raise RemoteError(f.MTPROTO_WEB_SERVER)
    return first + await stream.read(4 * words - 4)


def _read_answer(payload: bytes) -> mtproto.ResPQ:
    try:
        return mtproto.read_res_pq(payload)
    except mtproto.TransportError as error:
        raise RemoteError(f"{f.UNKNOWN}: mtproto transport error {error.code}") from error
    except ValueError as error:
        raise RemoteError(f"{f.UNKNOWN}: mtproto: no resPQ") from error

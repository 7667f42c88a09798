"""Serve Telegram's first exchange, `req_pq_multi` and `resPQ` (core.telegram.org/mtproto/auth_key, read 2026-11-24)."""

import os
import time
from collections.abc import Callable

from probe.lab.services.server_streams import Ended, Stream, read_exactly
from probe.wire.telegram import mtproto
from probe.wire.telegram.obfuscation import server_obfuscation

HEADER = 64
PQ = bytes.fromhex("17ed48941a08f981")  # the documentation's example: 0x494C553B times 0x53911073
FINGERPRINTS = (0x6C41C2FB2C7CE0D0, 0x1B6F4D0C9A3E5D27)  # made up, without keys
BAD_REQUEST = 404

Change = Callable[[bytes], bytes]


async def serve_mtproto(stream: Stream) -> None:
    """Answer requests in abridged frames, plain or obfuscated like the client's. Raises Ended."""
    first = await read_exactly(stream, 1)
    if first == mtproto.ABRIDGED:
        await _converse(stream, bytes, bytes)
        return
    try:
        obfuscation = server_obfuscation(first + await read_exactly(stream, HEADER - 1))
    except ValueError as error:
        raise Ended from error
    await _converse(stream, obfuscation.decrypt, obfuscation.encrypt)


async def _converse(stream: Stream, decrypt: Change, encrypt: Change) -> None:
    pending = b""
    while True:
        pending += decrypt(await stream.read())
        payload, pending = mtproto.read_abridged(pending)
        while payload is not None:
            await stream.write(encrypt(mtproto.abridged(_answer(payload))))
            payload, pending = mtproto.read_abridged(pending)


def _answer(payload: bytes) -> bytes:
    try:
        nonce = mtproto.read_request(payload)
    except ValueError:
        return mtproto.transport_error(BAD_REQUEST)
    message_id = (int(time.time()) << 32) | 1  # odd: an answer to a client's message
    return mtproto.res_pq(nonce, os.urandom(16), PQ, FINGERPRINTS, message_id)

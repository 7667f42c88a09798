"""Parse and build MTProto's `req_pq_multi` and `resPQ` and the abridged framing. No key is agreed on.

Sources, read 2026-11-24: https://core.telegram.org/mtproto/auth_key and /mtproto/samples-auth_key (messages),
/mtproto/mtproto-transports (abridged framing, transport errors), /mtproto/serialize (TL strings).
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

ABRIDGED = b"\xef"  # first byte of a connection with the abridged framing

_REQ_PQ_MULTI, _RES_PQ, _VECTOR = 0xBE7E8EF1, 0x05162463, 0x1CB5C415
_MOST_FINGERPRINTS = 64  # limit for the sender's count. Telegram offers a few


class TransportError(ValueError):
    """Report that the server returned an error: 404 wrong query, 429 too many connections, 444 wrong data centre."""

    def __init__(self, code: int) -> None:
        super().__init__(f"mtproto transport error {code}")
        self.code = code


class ResPQ(NamedTuple):
    """Hold the server's answer. A genuine server echoes our `nonce`."""

    nonce: bytes
    server_nonce: bytes
    pq: bytes
    fingerprints: tuple[int, ...]


def request(nonce: bytes, message_id: int) -> bytes:
    """Build `req_pq_multi` with a nonce of 16 bytes, unencrypted and unframed.

    `message_id` is the time in seconds times 2^32, divisible by 4.
    """
    if len(nonce) != 16:
        raise ValueError("an MTProto nonce has 16 bytes")
    return _unencrypted(struct.pack("<I", _REQ_PQ_MULTI) + nonce, message_id)


def read_request(raw: bytes) -> bytes:
    """Return the nonce of a client's `req_pq_multi`. Raise ValueError."""
    body = _body(raw)
    if len(body) != 20 or body[:4] != struct.pack("<I", _REQ_PQ_MULTI):
        raise ValueError("mtproto: no req_pq_multi")
    return body[4:]


def res_pq(nonce: bytes, server_nonce: bytes, pq: bytes, fingerprints: Sequence[int], message_id: int) -> bytes:
    """Build `resPQ`, unencrypted and unframed. `pq` is a product of two primes, big endian, at most 253 bytes."""
    body = struct.pack("<I", _RES_PQ) + nonce + server_nonce + _write_string(pq)
    body += struct.pack(f"<II{len(fingerprints)}Q", _VECTOR, len(fingerprints), *fingerprints)
    return _unencrypted(body, message_id)


def read_res_pq(raw: bytes) -> ResPQ:
    """Parse a server's answer. Raise TransportError for an error code and ValueError for other bytes."""
    if len(raw) == 4 and (code := struct.unpack("<i", raw)[0]) < 0:
        raise TransportError(-code)
    body = _body(raw)
    if len(body) < 36 or body[:4] != struct.pack("<I", _RES_PQ):
        raise ValueError("mtproto: no resPQ")
    pq, at = _read_string(body, 36)
    return ResPQ(body[4:20], body[20:36], pq, _read_longs(body[at:]))


def transport_error(code: int) -> bytes:
    """Return the payload of an error, unframed."""
    return struct.pack("<i", -code)


def abridged(payload: bytes) -> bytes:
    """Frame a payload whose length is divisible by 4. Raise ValueError for another length."""
    words, odd = divmod(len(payload), 4)
    if odd or words >= 1 << 24:
        raise ValueError("mtproto: a payload counts in words of 4 bytes")
    return (bytes([words]) if words < 0x7F else b"\x7f" + words.to_bytes(3, "little")) + payload


def read_abridged(buffer: bytes) -> tuple[bytes | None, bytes]:
    """Split off the first frame. Return (payload, rest), or (None, buffer) if it is incomplete.

    Raise ValueError if the first byte begins no frame, as in an unrequested quick acknowledgement.
    """
    if not buffer:
        return None, buffer
    if buffer[0] > 0x7F:
        raise ValueError("mtproto: no abridged frame")
    header = 4 if buffer[0] == 0x7F else 1
    if len(buffer) < header:
        return None, buffer
    end = header + 4 * (int.from_bytes(buffer[1:4], "little") if header == 4 else buffer[0])
    return (buffer[header:end], buffer[end:]) if len(buffer) >= end else (None, buffer)


def _unencrypted(body: bytes, message_id: int) -> bytes:
    return struct.pack("<QqI", 0, message_id, len(body)) + body


def _body(raw: bytes) -> bytes:
    if len(raw) < 20:
        raise ValueError("mtproto: message cut short")
    key_id, _, length = struct.unpack("<QqI", raw[:20])
    if key_id != 0 or length != len(raw) - 20:
        raise ValueError("mtproto: no unencrypted message")
    return raw[20:]


def _write_string(value: bytes) -> bytes:
    if len(value) > 253:
        raise ValueError("mtproto: only short strings are written here")
    return (bytes([len(value)]) + value).ljust((len(value) + 4) // 4 * 4, b"\0")


def _read_string(body: bytes, at: int) -> tuple[bytes, int]:
    length = body[at] if at < len(body) else 254
    end = at + (length + 4) // 4 * 4
    if length > 253 or end > len(body):
        raise ValueError("mtproto: string cut short")
    return body[at + 1 : at + 1 + length], end


def _read_longs(vector: bytes) -> tuple[int, ...]:
    if len(vector) < 8:
        raise ValueError("mtproto: vector cut short")
    kind, count = struct.unpack("<II", vector[:8])
    if kind != _VECTOR or count > _MOST_FINGERPRINTS or len(vector) != 8 + 8 * count:
        raise ValueError("mtproto: no vector of fingerprints")
    return struct.unpack(f"<{count}Q", vector[8:])

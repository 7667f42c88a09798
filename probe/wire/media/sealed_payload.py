"""Seal the fields of a packet, so that its payload looks random and only the holder of the token can make one.

A payload is a nonce, and the sealed fields with their tag. Both directions have keys of their own, so
that a reflected packet is not reflected again.
"""

import hashlib
import hmac
import secrets
import struct
from typing import NamedTuple

from probe.wire.media.shape import SEALED, Direction, combined

NONCE, TAG = 8, 8  # bytes

SEEN_BITS = 512

_LAYOUT = struct.Struct(f"!IQIIIQ{SEEN_BITS // 8}s")
_FIELDS = SEALED - NONCE  # bytes of the fields with their tag
_TAG_KEYS: dict[Direction, bytes] = {"forth": b"probe tag forth", "back": b"probe tag back"}


class SealedFields(NamedTuple):
    """Hold the fields of a packet. Times are microseconds. All but the first two are the helper's.

    Bit i of `seen` is set if the helper received packet `number` - i. So the probe also learns of packets that arrived,
    but whose reflections were lost.
    """

    number: int  # of the probe's packet
    sent: int  # when the probe sent it
    received: int = 0  # packets of the flow that the helper had received, with this one
    reflected: int = 0  # packets that the helper has reflected, with this one
    refused: int = 0  # packets that the helper did not reflect, because of its limits
    clock: int = 0  # when the helper received it
    seen: int = 0


def seal(fields: SealedFields, token: bytes, direction: Direction) -> bytes:
    """Return a payload of SEALED bytes that holds the fields.

    Raises struct.error or OverflowError for a number that does not fit.
    """
    nonce, plain = secrets.token_bytes(NONCE), _LAYOUT.pack(*fields[:-1], fields.seen.to_bytes(SEEN_BITS // 8, "big"))
    return nonce + combined(plain + _tag(nonce, plain, token, direction), _stream(nonce, token, direction))


def unseal(payload: bytes, token: bytes, direction: Direction) -> SealedFields | None:
    """Return the fields, None if the payload was not made with this token for this direction."""
    if len(payload) != SEALED:
        return None
    nonce, sealed = payload[:NONCE], payload[NONCE:]
    opened = combined(sealed, _stream(nonce, token, direction))
    plain, tag = opened[: _LAYOUT.size], opened[_LAYOUT.size :]
    if not hmac.compare_digest(tag, _tag(nonce, plain, token, direction)):
        return None
    number, sent, received, reflected, refused, clock, seen = _LAYOUT.unpack(plain)
    return SealedFields(number, sent, received, reflected, refused, clock, int.from_bytes(seen, "big"))


def _stream(nonce: bytes, token: bytes, direction: Direction) -> bytes:
    return hashlib.shake_256(direction.encode() + token + nonce).digest(_FIELDS)


def _tag(nonce: bytes, plain: bytes, token: bytes, direction: Direction) -> bytes:
    return hashlib.blake2b(nonce + plain, digest_size=TAG, key=token, person=_TAG_KEYS[direction]).digest()

"""Sign and verify with Curve25519 keys, as in Signal's libraries and WhatsApp's certificates.

Source: https://signal.org/docs/specifications/xeddsa/ (XEdDSA, revision 1, 2016-10-20), and the older form in
libsignal for WhatsApp's chain (tulir/whatsmeow handshake.go, commit 33cfac51, 2026-08-21, through
go.mau.fi/libsignal/ecc). The older form has the Edwards key's sign in the highest bit of the signature, which is 0 in
XEdDSA. The arithmetic is not constant-time, because `sign` is only for the lab's own keys.
"""

import hashlib
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493  # order of the base point
_D = -121665 * pow(121666, -1, _P) % _P

_Point = tuple[int, int, int, int]  # extended coordinates X, Y, Z, T (RFC 8032, section 5.1.4)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether `signature` (64 bytes) over `message` is valid for the Curve25519 key `public` (32 bytes)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(_edwards_key(public, signature[63] & 0x80))
        key.verify(signature[:63] + bytes([signature[63] & 0x7F]), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def sign(private: bytes, message: bytes, rng: Callable[[int], bytes] = os.urandom) -> bytes:
    """Sign `message` with a Curve25519 private key. Raise ValueError if the key has not 32 bytes."""
    scalar = _clamp(private)
    public = _encode(_multiply(scalar))
    seed = hashlib.sha512(b"\xfe" + b"\xff" * 31 + private + message + rng(64)).digest()
    nonce = int.from_bytes(seed, "little") % _ORDER
    commitment = _encode(_multiply(nonce))
    challenge = int.from_bytes(hashlib.sha512(commitment + public + message).digest(), "little") % _ORDER
    answer = ((nonce + challenge * scalar) % _ORDER).to_bytes(32, "little")
    return commitment + answer[:31] + bytes([answer[31] | public[31] & 0x80])


def _edwards_key(public: bytes, sign_bit: int) -> bytes:
    u = int.from_bytes(public, "little") % 2**255
    y = (u - 1) * pow(u + 1, _P - 2, _P) % _P  # u = -1 gives y = 0, as in the specification
    encoded = y.to_bytes(32, "little")
    return encoded[:31] + bytes([encoded[31] | sign_bit])


def _clamp(private: bytes) -> int:
    if len(private) != 32:
        raise ValueError("a Curve25519 key has 32 bytes")
    return int.from_bytes(private, "little") & (2**254 - 8) | 2**254


def _multiply(scalar: int) -> _Point:
    base_y = 4 * pow(5, -1, _P) % _P
    base_x = 15112221349535400772501151409588531511454012693041857206046113283949847762202
    result: _Point = (0, 1, 1, 0)
    addend: _Point = (base_x, base_y, 1, base_x * base_y % _P)
    while scalar:
        if scalar & 1:
            result = _add(result, addend)
        addend = _add(addend, addend)
        scalar >>= 1
    return result


def _add(p: _Point, q: _Point) -> _Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _encode(point: _Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")

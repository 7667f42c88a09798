"""Write token and cookie into STUN attributes, where a call has its user name and its integrity check."""

import base64
import binascii

from probe.wire import stun
from probe.wire.media.shape import COOKIE, TOKEN, masked

USERNAME, MESSAGE_INTEGRITY = 0x0006, 0x0008

Attribute = tuple[int, bytes]


def user_name(token: bytes) -> Attribute:
    """Return the attribute with the token as the two user names of ICE (RFC 8445, 7.2.2)."""
    name = base64.b64encode(token)
    return USERNAME, name[:8] + b":" + name[8:]


def token_of(message: stun.STUNMessage) -> bytes | None:
    """Return the token that a message names as its user."""
    name = message.first(USERNAME)
    try:
        token = base64.b64decode(name.replace(b":", b"", 1), validate=True) if name is not None else b""
    except (binascii.Error, ValueError):
        return None
    return token if len(token) == TOKEN else None


def integrity(cookie: bytes, nonce: bytes) -> Attribute:
    """Return the attribute with the cookie. An observer without the password of the call cannot notice it."""
    return MESSAGE_INTEGRITY, masked(cookie, nonce)


def cookie_of(message: stun.STUNMessage, nonce: bytes) -> bytes | None:
    held = message.first(MESSAGE_INTEGRITY)
    return masked(held, nonce) if held is not None and len(held) == COOKIE else None


def read(datagram: bytes, kind: stun.Kind, method: int) -> stun.STUNMessage | None:
    """Parse a message of this kind and method, None for other bytes."""
    try:
        message = stun.parse(datagram)
    except ValueError:
        return None
    return message if (message.kind, message.method) == (kind, method) else None

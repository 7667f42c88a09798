"""Make the cookie that shows that a client receives what is sent to its source address. The helper keeps no state."""

import hashlib
import hmac
import ipaddress

from probe.wire.media.shape import COOKIE, PeerAddress

BUSY = bytes(COOKIE)  # in a response: the helper has no place for a further flow


def cookie_for(secret: bytes, client: PeerAddress, token: bytes, shape: str, period: int) -> bytes:
    """Return the cookie of a client for a token and a shape. It changes with `period`, the number of a time span."""
    ip, port = client
    about = b"".join((port.to_bytes(2, "big"), period.to_bytes(8, "big"), token, shape.encode()))
    return hashlib.blake2b(ipaddress.ip_address(ip).packed + about, digest_size=COOKIE, key=secret).digest()


def is_cookie(cookie: bytes, secret: bytes, client: PeerAddress, token: bytes, shape: str, period: int) -> bool:
    """Tell whether a cookie was made for this client in this period or in the one before."""
    made = (cookie_for(secret, client, token, shape, each) for each in (period, max(0, period - 1)))
    return any(hmac.compare_digest(cookie, each) for each in made)

"""Keep the first bytes of an unexpected answer without anything that may be the user's address."""

from probe.privacy.redact import scrub_text
from probe.wire.stun import HEADER
from probe.wire.tampering import with_ends_swapped

FIRST_BYTES = 64
_READ = 4 * FIRST_BYTES  # an address that crosses the cut must be seen whole


def first_bytes(raw: bytes) -> bytes:
    """Return at most FIRST_BYTES bytes from the start of `raw`, with address-like text scrubbed.

    Only the header is kept of bytes that look like STUN, with or without the magic cookie, also with exchanged ends.
    The attributes may contain our address, XOR-masked or not (RFC 8489, 14.1 and 14.2).
    """
    if _is_shaped_like_stun(raw) or _is_shaped_like_stun(with_ends_swapped(raw)):
        return raw[:HEADER]
    return scrub_text(raw[:_READ].decode("latin-1")).encode("latin-1", "replace")[:FIRST_BYTES]


def _is_shaped_like_stun(raw: bytes) -> bool:
    """Tell whether `raw` looks like STUN: two zero bits, and either the cookie or a matching length.

    The cookie is enough in a truncated message.
    """
    if len(raw) < 8 or raw[0] >= 0x40:
        return False
    return raw[4:8] == b"\x21\x12\xa4\x42" or HEADER + int.from_bytes(raw[2:4], "big") == len(raw)

"""The first bytes of what came instead of an answer, without anything in them that may be an address of ours."""

from probe.privacy.redact import scrub_text
from probe.wire.stun import HEADER

FIRST_BYTES = 64
_READ = 4 * FIRST_BYTES  # an address that the cut would halve must be seen whole


def first_bytes(raw: bytes) -> bytes:
    """At most FIRST_BYTES from the beginning of `raw`, address-like text scrubbed.

    Of what is shaped like STUN, with the cookie or without, only the header is kept: the rest may tell our address,
    covered by a mask or not (RFC 8489 14.1, 14.2).
    """
    if _is_shaped_like_stun(raw):
        return raw[:HEADER]
    return scrub_text(raw[:_READ].decode("latin-1")).encode("latin-1", "replace")[:FIRST_BYTES]


def _is_shaped_like_stun(raw: bytes) -> bool:
    """Two zero bits, and either the cookie or a length that fits; the cookie counts in a message cut short too."""
    if len(raw) < 8 or raw[0] >= 0x40:
        return False
    return raw[4:8] == b"\x21\x12\xa4\x42" or HEADER + int.from_bytes(raw[2:4], "big") == len(raw)

"""Internet checksums (RFC 1071), whole and incremental (RFC 1624)."""

from functools import lru_cache


def ones_sum(data: bytes) -> int:
    """The one's complement sum of big-endian 16-bit words; an odd last byte is padded with zero.

    2**16 is congruent to 1 modulo 65535, so one division of the whole buffer does what the loop over words does.
    """
    if len(data) & 1:
        data += b"\0"
    number = int.from_bytes(data, "big")
    return (number % 0xFFFF or 0xFFFF) if number else 0


def checksum(data: bytes) -> int:
    """The 16-bit checksum to store for `data`, whose own checksum field must be zero."""
    return 0xFFFF - ones_sum(data)


@lru_cache(maxsize=4096)
def difference(old: bytes, new: bytes) -> int:
    """What replacing `old` by `new` (both of even length, word aligned) adds to a one's complement sum."""
    return (ones_sum(new) - ones_sum(old)) % 0xFFFF


def adjusted(stored: int, change: int) -> int:
    """A stored checksum after the data under it changed by `change` (see `difference`)."""
    return 0xFFFF - ((0xFFFF - stored + change) % 0xFFFF or 0xFFFF)


def pseudo_header(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """The header that TCP, UDP and ICMPv6 checksums cover besides the segment (RFC 9293 3.1, RFC 8200 8.1).

    Its order differs from the RFCs where the sum does not: addition of words commutes.
    """
    return source + destination + length.to_bytes(4, "big") + protocol.to_bytes(4, "big")

"""Compute Internet checksums (RFC 1071), also incrementally (RFC 1624).

Each forwarded packet needs them, so the sums are taken over integers. A test compares the results with scapy's.
"""

from functools import lru_cache


def ones_sum(data: bytes) -> int:
    """Return the one's complement sum of big-endian 16-bit words. An odd last byte is padded with zero.

    2**16 is congruent to 1 modulo 65535. One division of the whole buffer therefore replaces the loop over words.
    """
    if len(data) & 1:
        data += b"\0"
    number = int.from_bytes(data, "big")
    return (number % 0xFFFF or 0xFFFF) if number else 0


def checksum(data: bytes) -> int:
    """Return the 16-bit checksum of `data`, whose own checksum field must be zero."""
    return 0xFFFF - ones_sum(data)


@lru_cache(maxsize=4096)
def difference(old: bytes, new: bytes) -> int:
    """Return what replacing `old` by `new` (even length, word aligned) adds to a one's complement sum."""
    return (ones_sum(new) - ones_sum(old)) % 0xFFFF


def adjusted(stored: int, change: int) -> int:
    """Return the checksum `stored`, updated for data that changed by `change` (see `difference`)."""
    return 0xFFFF - ((0xFFFF - stored + change) % 0xFFFF or 0xFFFF)


def pseudo_header(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """Return the pseudo-header that TCP, UDP and ICMPv6 checksums include (RFC 9293 3.1, RFC 8200 8.1).

    The order of its words differs from the RFCs, which does not change the sum.
    """
    return source + destination + length.to_bytes(4, "big") + protocol.to_bytes(4, "big")

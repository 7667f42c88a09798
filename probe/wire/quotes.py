"""Compare the payload that an ICMP error quotes with the payload as it was sent.

A router quotes the packet as it received it, at least 8 bytes behind the IP header (RFC 792). Better are as many as
fit in 576 bytes (RFC 1812, 4.3.2.3). An extension may follow behind the first 128 bytes of the packet, and zeros may
fill up to there (RFC 4884, 4 and 5). So later bytes are not compared, and zeros at the end are no change.
"""

from typing import Literal

from probe.formats.exchanges.hops import Quote
from probe.wire.tampering import with_ends_swapped

ENOUGH = 8  # bytes of the payload
_FIXED = 128
_HEADERS = {4: 20 + 8, 6: 40 + 8}  # IP without options, UDP


def compared_with_quote(sent: bytes, quoted: bytes, family: Literal[4, 6]) -> Quote:
    """Return how the `quoted` payload of a UDP datagram differs from the one that was `sent`."""
    part, swapped = quoted[: min(len(sent), _FIXED - _HEADERS[family])], with_ends_swapped(sent)
    if len(part) < ENOUGH or swapped == sent:
        return "short"
    as_sent, as_swapped = _agreeing(part, sent), _agreeing(part, swapped)
    if max(as_sent, as_swapped) < ENOUGH:
        return "changed" if max(as_sent, as_swapped) < 0 else "short"
    return "same" if as_sent >= ENOUGH else "swapped"


def _agreeing(part: bytes, whole: bytes) -> int:
    """Return how many bytes of `part` certainly are those of `whole`, -1 if others are in it."""
    return next((len(one) for one in (part, part.rstrip(b"\0")) if whole.startswith(one)), -1)

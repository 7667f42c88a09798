"""Estimate the bytes that a measurement of a target moves, and say how long a run may take."""

from typing import Literal

from probe.targets.target import Target

ADDRESSES = 2  # per name. An innocuous hello comes before the first.
LOOKUP_BYTES = 600
STANDARD_SECONDS = 120.0  # of one round with the standard depth, counted from the end of the preflight
MEDIA_SECONDS, MEDIA_BYTES = 12, 380_000  # of one pair of media flows, with the headers of IP and UDP
MEDIA_PAIRS: dict[Literal["standard", "deep"], int] = {"standard": 1, "deep": 3}  # by depth, in each round
CALL_SECONDS = {"sip": 17, "webrtc": 20}  # of one test call in a round of a deep run, by its protocol
CALL_BYTES = {"sip": 62_000, "webrtc": 68_000}  # with the headers of IP and UDP, in both directions
TRANSFER_BYTES = 850_000  # of one pair of transfers, with the headers of IP, TCP and TLS
TRANSFER_PAIRS = 3  # most in each round
LARGE_PAGE = 160_000  # bytes of a large front page, compressed


def typical_bytes(target: Target) -> int:
    """Return the bytes of one measurement of the target if everything works."""
    flows = sum(
        endpoint.facts.typical_bytes * (1 if endpoint.is_literal else ADDRESSES + 1)
        for _, endpoint in target.endpoints()
    )
    names = {endpoint.host for _, endpoint in target.endpoints() if not endpoint.is_literal}
    return flows + len(names) * 3 * LOOKUP_BYTES


def most_bytes(target: Target) -> int:
    """Return the bytes of one measurement if everything works and every page is large."""
    pages = sum("http" in endpoint.facts.layers and not endpoint.is_literal for _, endpoint in target.endpoints())
    return typical_bytes(target) + pages * ADDRESSES * LARGE_PAGE

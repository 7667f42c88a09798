"""Take a part of a media flow, to compute the same figures of it: punctual packets, or those outside of a time span."""

from bisect import bisect_left, bisect_right

from probe.analysis.statistics.marked_share import Estimate, marked_share
from probe.analysis.statistics.media_flow import MediaFlow

LATE = 0.1  # seconds beyond the least delay
"""A receiver plays each packet after a fixed wait, and drops those that come later. With a wait of 0.1 s and half of a
usual round trip, a listener hears the speaker after 0.15 s. This is the delay that ITU-T G.114 calls acceptable for
most uses (recalled)."""


def punctual(flow: MediaFlow) -> MediaFlow:
    """Return the packets that arrived, with those of more than LATE beyond the least delay as lost ones."""
    numbers = sorted(flow.order)
    least = min(map(flow.delay, numbers), default=0.0)
    arrived = [flow.arrived[number] if flow.delay(number) - least <= LATE else None for number in numbers]
    return MediaFlow([flow.sent[number] for number in numbers], arrived)


def without_span(flow: MediaFlow, begin: float, end: float) -> MediaFlow:
    """Return the flow without the packets that were sent in a time span. Later packets are moved ahead by its length.

    `end` is not in the span.
    """
    first, after = bisect_left(flow.sent, begin), bisect_left(flow.sent, end)
    moved = [None if time is None else time - (end - begin) for time in flow.arrived[after:]]
    sent = [*flow.sent[:first], *(time - (end - begin) for time in flow.sent[after:])]
    return MediaFlow(sent, [*flow.arrived[:first], *moved])


def loss_between(flow: MediaFlow, begin: float, end: float) -> Estimate:
    """Return the share of lost packets among those sent in a time span."""
    first, after = bisect_left(flow.sent, begin), bisect_right(flow.sent, end)
    return marked_share(flow.lost >> first & (1 << after - first) - 1, after - first)

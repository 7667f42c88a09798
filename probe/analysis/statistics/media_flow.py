"""Compute figures of one direction of a media flow from the times at which its packets were sent and arrived.

The two clocks may differ. Only differences of delays are used, so that a constant offset cancels. Clocks that run 50
millionths apart shift the delay by half a millisecond in 10 s.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import atanh, floor, sqrt, tanh
from statistics import StatisticsError, correlation, median
from typing import NamedTuple

from probe.analysis.statistics.shares import Z95, Estimate, difference, effective_size, marked_share

JITTER_GAIN = 1 / 16  # RFC 3550, 6.4.1
FEWEST_OF_A_FIFTH = 6  # packets, below which a median has no interval


class Gap(NamedTuple):
    """Hold a run of lost packets: the number of its first packet, its length, and its duration in seconds."""

    first: int
    packets: int
    seconds: float


@dataclass(frozen=True)
class MediaFlow:
    """Hold one direction of a flow. `sent` and `arrived` are seconds by packet number, None for a lost packet.

    `duplicates` are further arrivals of packets that had arrived.
    """

    sent: Sequence[float]
    arrived: Sequence[float | None]
    duplicates: int = 0

    def __post_init__(self) -> None:
        if len(self.sent) != len(self.arrived):
            raise ValueError(f"{len(self.sent)} packets sent, but {len(self.arrived)} results")

    @cached_property
    def lost(self) -> int:
        """Return the marks of lost packets, see `marked_share`."""
        return int("".join("1" if time is None else "0" for time in reversed(self.arrived)) or "0", 2)

    @cached_property
    def order(self) -> list[int]:
        """Return the numbers of the packets that arrived, in the order of arrival."""
        arrived = [(time, number) for number, time in enumerate(self.arrived) if time is not None]
        return [number for _, number in sorted(arrived)]

    def delay(self, number: int) -> float:
        """Return the delay of a packet that arrived, in seconds, with the offset of the clocks."""
        time = self.arrived[number]
        assert time is not None
        return time - self.sent[number]


def loss(flow: MediaFlow) -> Estimate:
    return marked_share(flow.lost, len(flow.sent))


def gaps(flow: MediaFlow) -> Iterator[Gap]:
    """Yield each run of lost packets. Its duration leads to the next packet sent, or to the last."""
    first = None
    for number, time in enumerate([*flow.arrived, 0.0]):
        if time is None and first is None:
            first = number
        elif time is not None and first is not None:
            end = flow.sent[min(number, len(flow.sent) - 1)]
            yield Gap(first, number - first, end - flow.sent[first])
            first = None


def longest_gap(flow: MediaFlow) -> Gap | None:
    """Return the longest run of lost packets, None without a loss."""
    return max(gaps(flow), key=lambda gap: gap.packets, default=None)


def jitter(flow: MediaFlow) -> float:
    """Return the interarrival jitter in seconds after the last packet (RFC 3550, 6.4.1 and A.8)."""
    found = 0.0
    for one, other in pairwise(flow.order):
        found += (abs(flow.delay(other) - flow.delay(one)) - found) * JITTER_GAIN
    return found


def reordered(flow: MediaFlow) -> int:
    """Return the number of packets that arrived behind a later packet (Type-P-Reordered, RFC 4737, 3.3)."""
    expected, found = 0, 0
    for number in flow.order:
        found += number < expected
        expected = max(expected, number + 1)
    return found


def delay_change(flow: MediaFlow) -> Estimate | None:
    """Return the median delay of the last fifth of packets minus that of the first fifth, in seconds.

    None if too few packets of a fifth arrived. A permanent gap leaves no packets in the last fifth.
    """
    fifth = len(flow.sent) // 5
    begin, end = range(fifth), range(len(flow.sent) - fifth, len(flow.sent))
    first, last = ([flow.delay(number) for number in part if flow.arrived[number] is not None] for part in (begin, end))
    if min(len(first), len(last)) < FEWEST_OF_A_FIFTH:
        return None
    return difference(_median(last), _median(first))


def _median(values: Sequence[float]) -> Estimate:
    """Return the median with an interval between two order statistics, for the effective size of the series.

    Source: W. J. Conover, Practical Nonparametric Statistics, 3rd ed. (1999), 3.2. It assumes no distribution.
    """
    middle, count = median(values), len(values)
    above = sum(1 << place for place, value in enumerate(values) if value > middle)
    half = Z95 * count / (2 * sqrt(effective_size(above, count)))
    low, high = max(0, floor(count / 2 - half)), min(count - 1, count - 1 - floor(count / 2 - half))
    ordered = sorted(values)
    return Estimate(middle, ordered[low], ordered[max(low, high)])


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


WINDOW = 0.5  # seconds
FEWEST_WINDOWS = 6
MOST_CORRELATION = 0.95


def loss_difference(one: MediaFlow, other: MediaFlow) -> Estimate | None:
    """Return the loss of one flow minus that of the other, with an interval. None if they hardly overlap in time.

    Only packets count that were sent while both flows ran. Congestion and weak radio hit both flows at once, and what
    they have in common cancels. The correlation of their losses is taken from windows of WINDOW seconds, as the lower
    end of an interval of one standard error. Otherwise chance would narrow the interval of independent flows.
    """
    if not (one.sent and other.sent):
        return None
    begin, end = max(one.sent[0], other.sent[0]), min(one.sent[-1], other.sent[-1])
    windows = int((end - begin) / WINDOW)
    if windows < FEWEST_WINDOWS:
        return None
    end = begin + windows * WINDOW
    shares = [_window_shares(flow, begin, windows) for flow in (one, other)]
    return difference(loss_between(one, begin, end), loss_between(other, begin, end), _common(*shares))


def _window_shares(flow: MediaFlow, begin: float, windows: int) -> list[float]:
    return [loss_between(flow, begin + at * WINDOW, begin + (at + 1) * WINDOW).value for at in range(windows)]


def _common(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the lower end of the correlation by Fisher's transformation, 0 if there is none."""
    try:
        found = min(MOST_CORRELATION, correlation(one, other))
    except StatisticsError:  # one flow has the same loss in all windows
        return 0.0
    return max(0.0, tanh(atanh(max(0.0, found)) - 1.0 / sqrt(len(one) - 3)))

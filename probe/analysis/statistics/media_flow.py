"""Compute figures of one direction of a media flow from the times at which its packets were sent and arrived.

The two clocks may differ. Only differences of delays are used, so that a constant offset cancels. Clocks that run 50
millionths apart shift the delay by half a millisecond in 10 s.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import floor, sqrt
from statistics import median
from typing import NamedTuple

from probe.analysis.statistics.marked_share import Estimate, difference, effective_size, marked_share
from probe.analysis.statistics.wilson import Z95

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
    """Return the share of lost packets."""
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

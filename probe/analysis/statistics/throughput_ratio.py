"""Compare the throughput of two transfers that ran side by side at equal pace."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import comb
from statistics import median
from typing import NamedTuple

from probe.analysis.statistics.marked_share import Estimate

BLOCKS = 6  # fewest for an interval of 95 % from the smallest and the largest: it misses a median once in 32
WARM_UP = 1.0  # seconds left out, in which a token bucket is emptied and a connection finds its rate
USUAL_READS = 0.9  # share of the reads that are not larger than a usual large one
SHORTEST = 3.0  # seconds behind the warm-up. A shorter block has too few packets of a slow transfer.


class Transfer(NamedTuple):
    """Hold what one connection received: bytes of each read, and its time in seconds on a clock of both transfers.

    `began` is when the server was asked, and `ended` when the transfer was whole or given up.
    """

    began: float
    ended: float
    times: Sequence[float]
    sizes: Sequence[int]


def throughput_ratio(*pairs: tuple[Transfer, Transfer]) -> Estimate | None:
    """Return the throughput of the first transfers over that of the others. None if no pair ran side by side for long.

    The common time of a pair is divided into blocks, so that other traffic on the access line is in both parts of each
    ratio. The interval is that of the median of all ratios, by their ranks. It needs no distribution, and holds for
    stalls of a policer. With more pairs, single blocks in which lost segments are made up for count less. A pair shows
    nothing if the other transfer received nothing in a block, because the access line was then busy or broken.
    """
    parts = [blocks for pair in pairs if (blocks := _paired_blocks(*pair)) is not None]
    ratios = [(low, high) for each in parts for low, high in each.bounds]
    if not ratios:
        return None
    rank = _rank(len(ratios))
    lows, highs = sorted(low for low, _ in ratios), sorted(high for _, high in ratios)
    value = sum(each.mine for each in parts) / sum(each.theirs for each in parts)
    return Estimate(value, lows[rank - 1], highs[-rank])


def ratio_of_turns(ones: Sequence[float], others: Sequence[float]) -> Estimate | None:
    """Return the rates of one connection by those of another that was read in turns with it.

    The value is the median ratio of a turn, with its interval by ranks. None for fewer turns than an interval of 95 %
    needs.
    """
    turns = [(one, other) for one, other in zip(ones, others, strict=False) if other > 0]
    if len(turns) < BLOCKS:
        return None
    ratios, rank = sorted(one / other for one, other in turns), _rank(len(turns))
    return Estimate(median(ratios), ratios[rank - 1], ratios[-rank])


class _Paired(NamedTuple):
    """Hold the bytes of both transfers in their common time, and the bounds of the ratio in each block."""

    mine: int
    theirs: int
    bounds: list[tuple[float, float]]


def _paired_blocks(one: Transfer, other: Transfer) -> _Paired | None:
    begin, end = max(one.began, other.began) + WARM_UP, min(one.ended, other.ended)
    if end - begin < SHORTEST:
        return None
    mine, theirs = (_blocks(each, begin, end) for each in (one, other))
    if not all(theirs):
        return None
    beyond = _large_read(other.sizes)  # at the edge of a block it may belong to the next one
    both = zip(mine, theirs, strict=True)
    bounds = [(max(0, a - beyond) / (b + beyond), (a + beyond) / max(1, b - beyond)) for a, b in both]
    return _Paired(sum(mine), sum(theirs), bounds)


def _large_read(sizes: Sequence[int]) -> int:
    """Return the bytes of a large read. The largest ones are of moments in which this computer was busy."""
    read = sorted(filter(None, sizes))
    return read[int(USUAL_READS * (len(read) - 1))]


def _rank(count: int) -> int:
    """Return the rank from either end at which an interval of at least 95 % for a median of `count` values ends."""
    rank, outside = 0, 0
    while 2 * (outside + comb(count, rank)) <= 0.05 * 2**count:
        outside += comb(count, rank)
        rank += 1
    return rank


def _blocks(transfer: Transfer, begin: float, end: float) -> list[int]:
    """Return the bytes received in each of BLOCKS equal parts of a time."""
    sums = [0, *accumulate(transfer.sizes)]
    edges = [begin + (end - begin) * edge / BLOCKS for edge in range(BLOCKS + 1)]
    received = [sums[bisect_right(transfer.times, edge)] for edge in edges]
    return [after - before for before, after in pairwise(received)]

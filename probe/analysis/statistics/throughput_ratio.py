"""Compare the throughput of two transfers that ran side by side at equal pace."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from probe.analysis.statistics.marked_share import Estimate

BLOCKS = 6  # fewest for an interval of 95 % from the smallest and the largest: it misses a median once in 32
WARM_UP = 1.0  # seconds left out, in which a token bucket is emptied and a connection finds its rate
SHORTEST = 3.0  # seconds behind the warm-up. A shorter block has too few packets of a slow transfer.


class Transfer(NamedTuple):
    """Hold what one connection received: bytes of each read, and its time in seconds on a clock of both transfers.

    `began` is when the server was asked, and `ended` when the transfer was whole or given up.
    """

    began: float
    ended: float
    times: Sequence[float]
    sizes: Sequence[int]


def throughput_ratio(one: Transfer, other: Transfer) -> Estimate | None:
    """Return the throughput of one transfer over that of the other. None if they ran side by side too shortly.

    The common time is divided into blocks, so that other traffic on the access line is in both parts of each ratio. The
    interval ends at the smallest and the largest ratio. This needs no distribution, and holds for stalls of a policer.
    None too if the other transfer received nothing in a block, because the access line was then busy or broken.
    """
    begin, end = max(one.began, other.began) + WARM_UP, min(one.ended, other.ended)
    if end - begin < SHORTEST:
        return None
    mine, theirs = (_blocks(each, begin, end) for each in (one, other))
    if not all(theirs):
        return None
    beyond = max(other.sizes)  # bytes of a read at the edge of a block, which may belong to the next one
    low = min(max(0, a - beyond) / (b + beyond) for a, b in zip(mine, theirs, strict=True))
    high = max((a + beyond) / max(1, b - beyond) for a, b in zip(mine, theirs, strict=True))
    return Estimate(sum(mine) / sum(theirs), low, high)


def _blocks(transfer: Transfer, begin: float, end: float) -> list[int]:
    """Return the bytes received in each of BLOCKS equal parts of a time."""
    sums = [0, *accumulate(transfer.sizes)]
    edges = [begin + (end - begin) * edge / BLOCKS for edge in range(BLOCKS + 1)]
    received = [sums[bisect_right(transfer.times, edge)] for edge in edges]
    return [after - before for before, after in pairwise(received)]

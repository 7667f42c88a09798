"""Compare the throughput of two transfers that ran side by side at equal pace."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import comb
from statistics import median
from typing import NamedTuple

from probe.analysis.statistics.shares import Estimate

BLOCKS = 6  # fewest for an interval of 95 % from the smallest and the largest: it misses a median once in 32
WARM_UP = 1.0  # seconds left out, in which a token bucket is emptied and a connection finds its rate
USUAL_READS = 0.9  # share of the reads that are not larger than a usual large one
STUDENT = {4: 4.604, 5: 4.032, 9: 3.250, 10: 3.169, 11: 3.106, 14: 2.977, 17: 2.898, 29: 2.756}
"""Student's factor for a two-sided interval of 99 %, by degrees of freedom
(https://bookdown.org/pingapang9/linear_models_bookdown/appt.html, opened 2026-11-28)."""
SHORTEST = 2.0  # seconds behind the warm-up, since a limited name delays the handshake of one transfer


class Transfer(NamedTuple):
    """Hold what one connection received: the bytes and the time of each read.

    Times are seconds on a clock that both transfers of a pair share. `began` is when the server was asked, and `ended`
    when the transfer was complete or given up.
    """

    began: float
    ended: float
    times: Sequence[float]
    sizes: Sequence[int]


def throughput_ratio(*pairs: tuple[Transfer, Transfer]) -> Estimate | None:
    """Return the throughput of the first transfers over that of the others. None if no pair ran side by side for long.

    The common time of a pair is divided into blocks, so that other traffic on the access line is in both parts of each
    ratio. The value is the ratio of all bytes, since lost segments are made up for in later blocks. Its error is that
    of the jackknife (Efron and Stein, Annals of Statistics 9, 1981). It leaves one block out at a time and needs no
    distribution. The interval has Student's factor for 99 %, because few blocks of bursts spread more than a normal
    variable. In simulations it then contains the true ratio in 94 to 100 of 100 runs.
    """
    parts = [found for pair in pairs if (found := _paired_blocks(*pair)) is not None]
    blocks = [block for each in parts for block in each.blocks]
    if not blocks:
        return None
    mine, theirs = sum(one for one, _ in blocks), sum(other for _, other in blocks)
    spread = _student(len(blocks) - 1) * _jackknife_error(blocks, mine, theirs)
    beyond = sum(each.beyond for each in parts)  # at the end of a pair it may belong to the time after it
    low = max(0.0, max(0, mine - beyond) / (theirs + beyond) - spread)
    return Estimate(mine / theirs, low, (mine + beyond) / max(1, theirs - beyond) + spread)


def _jackknife_error(blocks: Sequence[tuple[int, int]], mine: int, theirs: int) -> float:
    """Return the standard error of the ratio of two sums of blocks."""
    count = len(blocks)
    without = [(mine - a) / (theirs - b) for a, b in blocks]
    centre = sum(without) / count
    return math.sqrt((count - 1) / count * sum((each - centre) ** 2 for each in without))


def _student(freedom: int) -> float:
    """Return Student's factor for a two-sided interval of 99 %, of the next lower degree of freedom that is listed."""
    return STUDENT[max(listed for listed in STUDENT if listed <= freedom)]


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
    """Hold the bytes of both transfers in the blocks of their common time, and those of a large read."""

    blocks: list[tuple[int, int]]
    beyond: int


def _paired_blocks(one: Transfer, other: Transfer) -> _Paired | None:
    """Return the blocks in which the other transfer received anything, if at most one is without.

    The access line was else busy or broken, and a pair shows nothing then.
    """
    begin, end = max(one.began, other.began) + WARM_UP, min(one.ended, other.ended)
    if end - begin < SHORTEST:
        return None
    both = zip(_blocks(one, begin, end), _blocks(other, begin, end), strict=True)
    blocks = [(mine, theirs) for mine, theirs in both if theirs]
    return _Paired(blocks, _large_read(other.sizes)) if len(blocks) >= BLOCKS - 1 else None


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

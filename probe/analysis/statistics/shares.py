"""Estimate shares with intervals: of independent trials, and of marks that come in bursts."""

from math import sqrt
from typing import NamedTuple

Z95 = 1.959964  # two-sided 95 %


def wilson(successes: float, trials: float, z: float = Z95) -> tuple[float, float]:
    """Return (low, high) of the Wilson score interval, each from 0 to 1, (0, 1) without trials.

    Counts may be effective ones, which are not whole. It stays inside 0 to 1, and it is accurate for few trials and for
    shares near 0 and 1, unlike the normal interval.
    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927), 209-212. Raises ValueError if successes exceed trials.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    if trials == 0:
        return 0.0, 1.0
    share, spread = successes / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / trials + spread / (4 * trials))
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == trials else min(1.0, middle + half)
    return low, high


MOST_LAGS = 60  # packets. Longer memory than 1.2 s of a call leaves too few bursts in a flow of 10 s.
ASSUMED_BURSTS, ASSUMED_LENGTH = 0.5, 4.0  # bursts that are added to those seen, and their length in packets
BEYOND_BURSTS = 1.3  # lagged correlation over that of a Markov chain, from which on bursts contain unmarked packets
FEW_PERIODS = 1.5  # factor for such series. A flow has few bad periods, and their length is underestimated.
SMALL_SAMPLE = 5.0  # correlations of a short series are biased to zero, in proportion to their sum over the length


class Estimate(NamedTuple):
    """Hold an estimate with its interval of 95 %."""

    value: float
    low: float
    high: float


def marked_share(marks: int, count: int) -> Estimate:
    """Return the share of marked packets among `count`, with Wilson's interval for the effective sample size.

    The tests hold the interval's coverage for independent marks and for bursts of two and four packets on average. With
    few marks the interval is too wide, because the length of bursts is then unknown. It is (0, 1) without packets.
    """
    if count == 0:
        return Estimate(0.0, 0.0, 1.0)
    share, size = marks.bit_count() / count, effective_size(marks, count)
    return Estimate(share, *wilson(share * size, size))


def effective_size(marks: int, count: int) -> float:
    """Return the number of independent packets whose share would vary as much.

    It is `count` over the sum of all correlations of the series with itself. Two estimates of this sum are made, and
    the larger one counts. The first is that of a Markov chain with the bursts seen and half a burst of four packets. It
    holds where few bursts are seen. The second adds the correlations seen, up to the first that is not positive. It
    also holds for bad periods in which some packets pass (the model of Gilbert and Elliott).
    """
    chain, seen = _chain_inflation(marks, count), _lagged_inflation(marks, count)
    if seen > BEYOND_BURSTS * chain:
        seen *= FEW_PERIODS
    return count / max(chain, seen * (1.0 + SMALL_SAMPLE * seen / count))


def bursts(marks: int) -> int:
    """Return the number of bursts: runs of one or more marked packets."""
    return (marks & ~(marks << 1)).bit_count()


def _chain_inflation(marks: int, count: int) -> float:
    """Return the factor of the variance for a two-state Markov chain, at least 1."""
    marked = marks.bit_count()
    length = (marked + ASSUMED_BURSTS * ASSUMED_LENGTH) / (bursts(marks) + ASSUMED_BURSTS)
    begins = marked / ((count - marked) * length) if marked < count else 1.0
    correlation = min(0.98, max(0.0, 1.0 - 1.0 / length - begins))
    return (1.0 + correlation) / (1.0 - correlation)


def _lagged_inflation(marks: int, count: int) -> float:
    share = marks.bit_count() / count
    variance, total = share * (1.0 - share), 1.0
    if variance == 0.0:
        return total
    for lag in range(1, min(MOST_LAGS, count - 1) + 1):
        both = (marks & (marks >> lag)).bit_count() / (count - lag)
        if both <= share * share:
            break
        total += 2.0 * (both - share * share) / variance
    return total


def difference(one: Estimate, other: Estimate, correlation: float = 0.0) -> Estimate:
    """Return one minus other, with an interval made of both intervals.

    The method (MOVER) needs no normal distribution: G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008)
    1693-1702. `correlation` is that of the two estimates.
    """
    middle = one.value - other.value
    down, up = one.value - one.low, other.high - other.value
    low = middle - sqrt(max(0.0, down * down - 2 * correlation * down * up + up * up))
    up, down = one.high - one.value, other.value - other.low
    high = middle + sqrt(max(0.0, up * up - 2 * correlation * up * down + down * down))
    return Estimate(middle, low, high)

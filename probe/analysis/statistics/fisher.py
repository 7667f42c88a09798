"""Test if two small counts differ by more than chance: Fisher's exact test, with Holm's correction for many tests."""

from collections.abc import Sequence
from math import exp, lgamma

_TIES = 1e-7  # relative tolerance, since equally likely tables differ by rounding errors
_NOTHING = 45.0  # e**-45 is smaller than the rounding error of a float near 1


def fisher_exact(a: int, b: int, c: int, d: int) -> float:
    """Return the two-sided p-value of the table [[a, b], [c, d]], 1.0 if a margin is empty. Raises ValueError.

    The p-value sums the probabilities of all tables with the same margins that are not more likely than this one. R's
    fisher.test and scipy's fisher_exact use the same definition. Probabilities fall on both sides of the most likely
    table, so only tables with a relevant probability are computed.
    """
    if min(a, b, c, d) < 0:
        raise ValueError("counts must not be negative")
    margins = a + b, a + c, a + b + c + d
    low, high = max(0, margins[0] + margins[1] - margins[2]), min(margins[0], margins[1])
    mode = min(high, max(low, (margins[0] + 1) * (margins[1] + 1) // (margins[2] + 2)))
    threshold = _log_chance(a, *margins) + _TIES
    if _log_chance(mode, *margins) <= threshold:
        return 1.0
    return min(1.0, _tail(mode, low, threshold, margins) + _tail(mode, high, threshold, margins))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected by Holm's step-down method, in their order.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979) 65-70.
    """
    corrected, least = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = least
    return corrected


def _tail(mode: int, end: int, threshold: float, margins: tuple[int, int, int]) -> float:
    """Return the sum of probabilities from the first table below the threshold, seen from the mode, to the end."""
    step = 1 if end > mode else -1
    common, rare = 0, abs(end - mode) + 1  # distances from the mode: the first is too likely, the last after the end
    while rare - common > 1:
        middle = (common + rare) // 2
        if _log_chance(mode + step * middle, *margins) <= threshold:
            rare = middle
        else:
            common = middle
    total = 0.0
    for distance in range(rare, abs(end - mode) + 1):
        chance = _log_chance(mode + step * distance, *margins)
        if chance < threshold - _NOTHING:
            break
        total += exp(chance)
    return total


def _log_chance(x: int, row: int, column: int, total: int) -> float:
    """Return the logarithm of the hypergeometric probability of x."""
    return _log_choose(column, x) + _log_choose(total - column, row - x) - _log_choose(total, row)


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)

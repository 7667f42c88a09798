"""Test whether two shares differ by more than chance: Fisher for one table, Mantel and Haenszel for several."""

from collections.abc import Sequence
from math import exp, lgamma, log, sqrt
from typing import NamedTuple

from probe.analysis.statistics.shares import Z95

_NOTHING = 45.0  # e**-45 is smaller than the rounding error of a float near 1


def fisher_greater(a: int, b: int, c: int, d: int) -> float:
    """Return the one-sided p-value of the table [[a, b], [c, d]], 1.0 if a margin is empty. Raises ValueError.

    The p-value sums the probabilities of all tables with the same margins whose first count is `a` or more. R's
    fisher.test and scipy's fisher_exact use the same definition for the alternative "greater".
    """
    if min(a, b, c, d) < 0:
        raise ValueError("counts must not be negative")
    row, column, everything = a + b, a + c, a + b + c + d
    low, high = max(0, row + column - everything), min(row, column)
    if a == low:
        return 1.0
    mode = min(high, max(low, (row + 1) * (column + 1) // (everything + 2)))
    if a <= mode:
        return max(0.0, 1.0 - _tail(range(a - 1, low - 1, -1), row, column, everything))
    return min(1.0, _tail(range(a, high + 1), row, column, everything))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return the least false discovery rate at which each test is a discovery, in the order of the tests.

    Source: Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", J. R. Stat. Soc. B 57 (1995) 289-300.
    """
    corrected, least, count = [1.0] * len(p_values), 1.0, len(p_values)
    for rank, index in sorted(enumerate(sorted(range(count), key=p_values.__getitem__), 1), reverse=True):
        least = min(least, p_values[index] * count / rank)
        corrected[index] = least
    return corrected


def _tail(counts: range, row: int, column: int, everything: int) -> float:
    """Return the sum of the probabilities of the counts. They lead away from the most likely count."""
    total, first = 0.0, None
    for count in counts:
        chance = _log_chance(count, row, column, everything)
        first = chance if first is None else first
        if chance < first - _NOTHING:
            break
        total += exp(chance)
    return total


def _log_chance(x: int, row: int, column: int, total: int) -> float:
    """Return the logarithm of the hypergeometric probability of x."""
    return _log_choose(column, x) + _log_choose(total - column, row - x) - _log_choose(total, row)


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


HALVES = (0.5, 0.5, 0.5, 0.5)  # a stratum that keeps the ratio finite where nothing failed or worked on one side
_Table = tuple[float, float, float, float]


class OddsRatio(NamedTuple):
    """Hold an odds ratio with its interval of 95 %."""

    estimate: float
    low: float
    high: float


def odds_ratio(strata: Sequence[_Table]) -> OddsRatio:
    """Return the common odds ratio of tables (a, b, c, d) = (failed, worked, failed there, worked there).

    Counts may be weights. Sources: N. Mantel and W. Haenszel, J. Natl. Cancer Inst. 22 (1959) 719-748, and for the
    variance J. Robins, N. Breslow and S. Greenland, Biometrics 42 (1986) 311-323.
    """
    if not all(sum(table[one] * table[other] for table in strata) for one, other in ((0, 3), (1, 2))):
        strata = (*strata, HALVES)
    pr = ps_qr = qs = r = s = 0.0
    for a, b, c, d in strata:
        n = a + b + c + d
        p, q = (a + d) / n, (b + c) / n
        r, s = r + a * d / n, s + b * c / n
        pr, qs = pr + p * a * d / n, qs + q * b * c / n
        ps_qr += p * b * c / n + q * a * d / n
    spread = Z95 * sqrt(pr / (2 * r * r) + ps_qr / (2 * r * s) + qs / (2 * s * s))
    return OddsRatio(r / s, exp(log(r / s) - spread), exp(log(r / s) + spread))

"""Estimate a common odds ratio over strata: Mantel and Haenszel's estimate with an interval."""

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import NamedTuple

from probe.analysis.statistics.wilson import Z95

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

"""Describe how often clean contributors fail, with a beta-binomial model that is learnt from all vantage points.

Failures of one vantage point depend on each other, because they share lines, servers and software. So the share of
failures differs between vantage points more than a binomial model allows.
"""

from collections.abc import Sequence
from math import ceil, exp, lgamma
from typing import NamedTuple

LEAST_RATE = 0.02  # failures of clean contributors that are expected at least, however few were seen
TRIMMED = 0.1  # part of the vantage points, those with most failures, that may be censored and are left out
LEAST_TRIMMED = 3  # vantage points from which on some are left out
LEAST_SPREAD, MOST_SPREAD = 0.05, 0.5  # correlation of the contributors of one vantage point


class CleanFailures(NamedTuple):
    """Hold a beta distribution of the share that fails. Both parameters are counts that were seen before, in effect."""

    failing: float
    working: float

    def seen(self, failing: int, working: int) -> "CleanFailures":
        """Return the distribution after further contributors were seen."""
        return CleanFailures(self.failing + failing, self.working + working)

    def tail(self, failing: int, count: int) -> float:
        """Return the probability that so many of `count` clean contributors fail, or more."""
        return min(1.0, sum(self._chance(k, count) for k in range(failing, count + 1)))

    def _chance(self, k: int, count: int) -> float:
        chosen = lgamma(count + 1) - lgamma(k + 1) - lgamma(count - k + 1)
        both = _log_beta(k + self.failing, count - k + self.working) - _log_beta(self.failing, self.working)
        return exp(chosen + both)


def learnt(counts: Sequence[tuple[int, int]]) -> CleanFailures:
    """Return the distribution that fits (failing, all) contributors of many vantage points.

    The estimate uses moments: J. C. Kleinman, "Proportions with extraneous variance: single and independent samples",
    J. Am. Stat. Assoc. 68 (1973) 46-54, with the sizes of the samples as weights.
    """
    ordered = sorted(((failing, n) for failing, n in counts if n), key=lambda one: one[0] / one[1])
    known = ordered[: len(ordered) - (ceil(TRIMMED * len(ordered)) if len(ordered) >= LEAST_TRIMMED else 0)]
    total = sum(n for _, n in known)
    rate = max(LEAST_RATE, (sum(failing for failing, _ in known) + 0.5) / (total + 1))
    spread = _spread(known, rate, total)
    return CleanFailures(rate * (1 / spread - 1), (1 - rate) * (1 / spread - 1))


def _spread(known: Sequence[tuple[int, int]], rate: float, total: int) -> float:
    variance = rate * (1 - rate)
    seen = sum(n * (failing / n - rate) ** 2 for failing, n in known)
    alone = variance * sum(1 - n / total for _, n in known)
    shared = variance * sum(n * (1 - n / total) - (1 - n / total) for _, n in known)
    return min(MOST_SPREAD, max(LEAST_SPREAD, (seen - alone) / shared if shared > 0 else LEAST_SPREAD))


def _log_beta(one: float, other: float) -> float:
    return lgamma(one) + lgamma(other) - lgamma(one + other)


def binomial_tail(least: int, count: int, rate: float) -> float:
    """Return the probability that `least` or more of `count` independent trials succeed."""
    chosen = (lgamma(count + 1) - lgamma(k + 1) - lgamma(count - k + 1) for k in range(least, count + 1))
    return min(1.0, sum(exp(one) * rate**k * (1 - rate) ** (count - k) for k, one in enumerate(chosen, least)))

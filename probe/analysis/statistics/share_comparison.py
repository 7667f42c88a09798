"""Compare two shares with the probability that one is larger, for few trials too."""

from math import exp, lgamma, log


def probability_of_rise(failing: int, count: int, failing_before: int, count_before: int) -> float:
    """Return the probability that the share is larger than before, with equal priors for all shares (Beta(1, 1)).

    Both posteriors are beta distributions. The integral over them is a finite sum of beta functions:
    P(X > Y) = sum for i from 0 to a-1 of B(c + i, b + d) / ((b + i) B(1 + i, b) B(c, d)), with X ~ Beta(a, b) and
    Y ~ Beta(c, d). The test compares the sum with draws of both distributions.
    """
    a, b = 1 + failing, 1 + count - failing
    c, d = 1 + failing_before, 1 + count_before - failing_before
    return min(1.0, sum(exp(_beta(c + i, b + d) - log(b + i) - _beta(1 + i, b) - _beta(c, d)) for i in range(a)))


def _beta(one: float, other: float) -> float:
    """Return the logarithm of the beta function."""
    return lgamma(one) + lgamma(other) - lgamma(one + other)

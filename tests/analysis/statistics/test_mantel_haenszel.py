"""Test the common odds ratio with values computed by hand and with its symmetry."""

from math import exp, log, sqrt

import pytest

from probe.analysis.statistics.contingency_tables import odds_ratio
from probe.analysis.statistics.shares import Z95


def test_one_large_stratum_gives_the_usual_ratio_and_interval() -> None:
    """Compare with the odds ratio ad / bc and the interval of its logarithm. The added stratum hardly counts."""
    a, b, c, d = 4000, 2000, 3000, 6000
    found, spread = odds_ratio([(a, b, c, d)]), Z95 * sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    assert found.estimate == pytest.approx(4.0, rel=1e-3)
    assert (found.low, found.high) == pytest.approx((exp(log(4) - spread), exp(log(4) + spread)), rel=2e-3)


def test_confounding_stratum_makes_no_difference() -> None:
    """Let most measurements of one side fall on a day on which the service failed everywhere."""
    strata = [(90.0, 10.0, 9.0, 1.0), (1.0, 9.0, 10.0, 90.0)]
    assert odds_ratio(strata).estimate == pytest.approx(1.0)
    assert odds_ratio([(91.0, 19.0, 19.0, 91.0)]).estimate > 20


def test_exchanged_sides_give_the_inverse() -> None:
    here = odds_ratio([(5, 1, 2, 9), (3, 2, 1, 7)])
    there = odds_ratio([(2, 9, 5, 1), (1, 7, 3, 2)])
    assert (here.estimate, here.low, here.high) == pytest.approx((1 / there.estimate, 1 / there.high, 1 / there.low))


def test_nothing_that_fails_there_gives_a_finite_ratio() -> None:
    found = odds_ratio([(3, 0, 0, 100)])
    assert 1 < found.low < found.estimate < found.high < 1e6
    assert odds_ratio([]).estimate == 1.0

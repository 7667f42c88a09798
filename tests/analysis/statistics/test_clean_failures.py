"""Test the distribution of clean failures against exact values, and that a minority of censors does not move it."""

import pytest

from probe.analysis.statistics.clean_failures import LEAST_RATE, CleanFailures, binomial_tail, learnt


def test_tail_is_that_of_a_beta_binomial() -> None:
    assert CleanFailures(1, 1).tail(3, 9) == pytest.approx(0.7)  # all counts are equally probable
    assert CleanFailures(2, 3).tail(0, 7) == pytest.approx(1)
    assert CleanFailures(1, 3).tail(2, 2) == pytest.approx(1 / 4 * 2 / 5)


def test_binomial_tail() -> None:
    assert binomial_tail(0, 5, 0.3) == pytest.approx(1)
    assert binomial_tail(2, 3, 0.5) == pytest.approx(0.5)


def test_one_censor_in_ten_does_not_move_it() -> None:
    clean = learnt([(0, 10)] * 18)
    assert learnt([*[(0, 10)] * 18, (9, 10)]) == learnt([*[(0, 10)] * 18, (0, 10)])
    assert clean.failing / sum(clean) == LEAST_RATE


def test_differing_vantage_points_make_a_wider_distribution() -> None:
    even, uneven = learnt([(2, 10)] * 20), learnt([(0, 10), (4, 10)] * 10)
    assert sum(uneven) < sum(even) and uneven.tail(6, 6) > 10 * even.tail(6, 6)

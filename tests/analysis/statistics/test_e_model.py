"""Test the rating of a call with values of the Recommendation's formulas."""

import pytest

from probe.analysis.statistics.e_model import rate_call


def test_call_without_impairment_has_the_highest_rating() -> None:
    assert rate_call(0.0, 0.0, 0.05) == (93.2, pytest.approx(4.41, abs=0.01))


@pytest.mark.parametrize(
    ("loss", "r"), [(0.01, 93.2 - 95 / 5.3), (0.05, 93.2 - 95 * 5 / 9.3), (0.2, 93.2 - 95 * 20 / 24.3)]
)
def test_loss_lowers_the_rating_by_its_formula(loss: float, r: float) -> None:
    assert rate_call(loss, 1.0, 0.05).r == pytest.approx(r)


def test_bursts_and_delay_lower_the_rating() -> None:
    assert rate_call(0.05, 4.0, 0.05).r < rate_call(0.05, 1.0, 0.05).r
    assert rate_call(0.0, 0.0, 0.1).r == 93.2 > rate_call(0.0, 0.0, 0.2).r > rate_call(0.0, 0.0, 0.4).r


def test_delay_of_400_ms_is_that_of_the_formula() -> None:
    """Insert x = 2 into equation 7-27."""
    impairment = 25 * (65 ** (1 / 6) - 3 * (1 + (2 / 3) ** 6) ** (1 / 6) + 2)
    assert rate_call(0.0, 0.0, 0.4).r == pytest.approx(93.2 - impairment)


def test_worst_call_has_the_lowest_score() -> None:
    assert rate_call(1.0, 500.0, 3.0) == (0.0, 1.0)
    assert rate_call(0.3, 1.0, 0.3).mos >= 1.0

"""Test the probability of a rise against draws from both posterior distributions."""

import random

import pytest

from probe.analysis.statistics.share_comparison import probability_of_rise


@pytest.mark.parametrize(
    "counts", [(4, 4, 0, 4), (3, 3, 0, 3), (2, 3, 1, 3), (0, 3, 0, 3), (5, 20, 3, 40), (3, 3, 0, 0)]
)
def test_sum_equals_draws(counts: tuple[int, int, int, int]) -> None:
    failing, count, before, count_before = counts
    draw = random.Random(1).betavariate
    draws = 40_000
    larger = sum(
        draw(1 + failing, 1 + count - failing) > draw(1 + before, 1 + count_before - before) for _ in range(draws)
    )
    assert probability_of_rise(*counts) == pytest.approx(larger / draws, abs=0.01)


def test_large_counts_stay_finite() -> None:
    assert 0.999 < probability_of_rise(4000, 5000, 100, 5000) <= 1.0

"""Test Fisher's exact test with published values and its definition, and Holm's correction with known values."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.analysis.statistics.fisher import fisher_exact, holm


@pytest.mark.parametrize(
    ("table", "p"),
    [
        ((3, 1, 1, 3), 0.4857142857142857),  # Fisher's lady tasting tea: 34/70
        ((8, 2, 1, 5), 0.03496503496503497),  # the example of scipy.stats.fisher_exact's page: 0.0350
        ((6, 2, 1, 4), 0.10256410256410257),  # 132/1287
        ((0, 5, 5, 0), 2 / 252),
        ((1, 0, 0, 1), 1.0),
        ((0, 0, 3, 4), 1.0),
    ],
)
def test_known_values(table: tuple[int, int, int, int], p: float) -> None:
    assert fisher_exact(*table) == pytest.approx(p, rel=1e-9)


def by_definition(a: int, b: int, c: int, d: int) -> float:
    """Compute the p-value with integers, so that rounding does not decide which tables are equally likely."""
    row, column, total = a + b, a + c, a + b + c + d
    ways = [comb(column, x) * comb(total - column, row - x) for x in range(max(0, row + column - total), row + 1)]
    mine = comb(column, a) * comb(total - column, row - a)
    return sum(way for way in ways if way <= mine) / comb(total, row)


counts = st.integers(0, 60)


@given(counts, counts, counts, counts)
def test_p_value_equals_definition(a: int, b: int, c: int, d: int) -> None:
    assert fisher_exact(a, b, c, d) == pytest.approx(by_definition(a, b, c, d), rel=1e-6)


@given(counts, counts, counts, counts)
def test_exchanged_sides_give_same_p_value(a: int, b: int, c: int, d: int) -> None:
    assert fisher_exact(a, b, c, d) == pytest.approx(fisher_exact(c, d, a, b), rel=1e-6)


def test_large_counts_are_fast() -> None:
    assert fisher_exact(500_000, 500_000, 501_000, 499_000) == pytest.approx(0.1577, abs=1e-3)  # chi squared: 0.1575
    assert fisher_exact(900_000, 100_000, 100_000, 900_000) == 0.0


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="not be negative"):
        fisher_exact(1, -1, 2, 2)


def test_holm_correction_of_known_values() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]

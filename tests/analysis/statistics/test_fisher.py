"""Test Fisher's exact test with published values and its definition, and the bound for false discoveries."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.analysis.statistics.contingency_tables import benjamini_hochberg, fisher_greater


@pytest.mark.parametrize(
    ("table", "p"),
    [
        ((3, 1, 1, 3), 17 / 70),  # Fisher's lady tasting tea
        ((8, 2, 1, 5), 0.024475524475524476),  # scipy.stats.fisher_exact, alternative "greater"
        ((5, 0, 0, 5), 1 / 252),
        ((0, 5, 5, 0), 1.0),
        ((0, 0, 3, 4), 1.0),
    ],
)
def test_known_values(table: tuple[int, int, int, int], p: float) -> None:
    assert fisher_greater(*table) == pytest.approx(p, rel=1e-9)


def by_definition(a: int, b: int, c: int, d: int) -> float:
    row, column, total = a + b, a + c, a + b + c + d
    ways = [comb(column, x) * comb(total - column, row - x) for x in range(a, min(row, column) + 1)]
    return sum(ways) / comb(total, row)


counts = st.integers(0, 60)


@given(counts, counts, counts, counts)
def test_p_value_equals_definition(a: int, b: int, c: int, d: int) -> None:
    assert fisher_greater(a, b, c, d) == pytest.approx(by_definition(a, b, c, d), rel=1e-6, abs=1e-12)


def test_large_counts_are_fast() -> None:
    assert fisher_greater(501_000, 499_000, 500_000, 500_000) == pytest.approx(0.0788, abs=1e-3)  # half of chi squared
    assert fisher_greater(900_000, 100_000, 100_000, 900_000) == 0.0
    assert fisher_greater(100_000, 900_000, 900_000, 100_000) == 1.0


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="not be negative"):
        fisher_greater(1, -1, 2, 2)


def test_correction_of_known_values() -> None:
    """Compare with R's p.adjust, method BH."""
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert benjamini_hochberg([0.9, 0.2, 0.01]) == pytest.approx([0.9, 0.3, 0.03])
    assert benjamini_hochberg([]) == []

"""Test on small worlds that the marks of `probe compare` hold their error rate, and that blocks are marked."""

import pytest

from probe.analysis.compare.difference import RATE
from tests.worlds.cells import FEW, MANY, total
from tests.worlds.claim import most_at

SEEDS = (0, 1, 2)


@pytest.mark.parametrize(
    ("users", "axes", "least"),
    [(FEW, ("cc",), 0.3), (MANY, ("cc",), 0.7), (FEW, ("cc", "asn"), 0.3)],
    ids=["few", "many", "networks"],
)
def test_marks_hold_their_error_rate(users: int, axes: tuple[str, ...], least: float) -> None:
    """Test full blocks for countries, because a block on one network is no statement about its country."""
    found = total(users, axes, SEEDS)
    assert found.false <= found.allowed() and found.lasting > 20
    if axes == ("cc",):
        assert found.full_found >= least * found.full and found.full >= 10
    else:
        assert found.lasting_found >= least * found.lasting


def test_allowed_count_has_the_binomial_error_of_the_sample() -> None:
    assert [most_at(RATE, trials) for trials in (0, 1, 20, 100)] == [0, 0, 3, 9]

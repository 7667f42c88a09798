"""Test the interval of a share of marked packets: its coverage on 10,000 simulated flows of each kind."""

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.analysis.statistics.shares import bursts, difference, effective_size, marked_share
from tests.analysis.statistics.loss_models import PACKETS, in_bad_periods, in_bursts, independent

FLOWS = 10_000
FEW, MANY = [0.005, 0.01, 0.02], [0.05, 0.1, 0.2, 0.4]
SEED = 20261127


def coverage(share: float, flows: Iterable[int]) -> float:
    """Return how often the interval contains the true share."""
    found = [marked_share(lost, PACKETS) for lost in flows]
    return sum(each.low <= share <= each.high for each in found) / len(found)


@pytest.mark.parametrize("length", [0, 2, 4], ids=["independent", "bursts of 2", "bursts of 4"])
@pytest.mark.parametrize("share", FEW + MANY)
def test_interval_covers_the_true_loss(share: float, length: int) -> None:
    """Check 93 to 97 %. With few losses the length of bursts is unknown, and up to 99 % are covered."""
    random = Random(SEED)
    flows = in_bursts(share, length, FLOWS, random) if length else independent(share, FLOWS, random)
    assert 0.93 <= coverage(share, flows) <= (0.99 if share in FEW else 0.97)


@pytest.mark.parametrize("share", FEW + MANY)
def test_interval_of_single_losses_is_never_too_narrow(share: float) -> None:
    """Let no two lost packets follow each other. The loss then varies less than that of independent packets."""
    assert coverage(share, in_bursts(share, 1.0, FLOWS // 5, Random(SEED))) >= 0.93


@pytest.mark.parametrize(("length", "within"), [(8.0, 0.5), (5.0, 0.7)])
@pytest.mark.parametrize("share", FEW + MANY)
def test_interval_covers_the_loss_of_bad_periods(share: float, length: float, within: float) -> None:
    """Check 92 %. A flow of 10 s with 5 % loss has six bad periods, from which their length is hardly known."""
    assert coverage(share, in_bad_periods(share, length, within, FLOWS // 5, Random(SEED))) >= 0.92


def test_ordinary_interval_does_not_cover_the_loss_of_bursts() -> None:
    """Check that the flows above need more than Wilson's interval for independent packets."""
    from probe.analysis.statistics.shares import wilson

    flows = list(in_bursts(0.1, 4.0, 1000, Random(SEED)))
    inside = sum(low <= 0.1 <= high for low, high in (wilson(lost.bit_count(), PACKETS) for lost in flows))
    assert inside / len(flows) < 0.75


@given(st.integers(1, 600).flatmap(lambda count: st.tuples(st.integers(0, 2**count - 1), st.just(count))))
def test_interval_contains_the_estimate(drawn: tuple[int, int]) -> None:
    lost, count = drawn
    found = marked_share(lost, count)
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0
    assert 0.0 < effective_size(lost, count) <= count


def test_nothing_sent_says_nothing() -> None:
    assert marked_share(0, 0) == (0.0, 0.0, 1.0)


def test_bursts_are_counted() -> None:
    assert (bursts(0), bursts(0b1), bursts(0b1011_0111), bursts(0b1111)) == (0, 1, 3, 1)


def test_difference_of_equal_shares_is_zero_and_its_interval_is_symmetric() -> None:
    share = marked_share(0b1001, 500)
    found = difference(share, share)
    assert found.value == 0.0 and found.low == pytest.approx(-found.high) and found.high > 0
    assert difference(share, share, 0.9).high < found.high

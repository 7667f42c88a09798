"""Test the difference of the losses of two flows: its coverage with independent and with common losses."""

from random import Random

import pytest

from probe.analysis.statistics.media_flow import loss_difference
from tests.analysis.statistics.flows import flow, from_marks
from tests.analysis.statistics.loss_models import in_bursts

PAIRS = 500


@pytest.mark.parametrize("length", [1.5, 4.0])
@pytest.mark.parametrize(("one", "other"), [(0.02, 0.02), (0.1, 0.1), (0.3, 0.05)])
def test_interval_covers_the_difference_of_independent_flows(one: float, other: float, length: float) -> None:
    random, inside = Random(5), 0
    for here, there in zip(in_bursts(one, length, PAIRS, random), in_bursts(other, length, PAIRS, random), strict=True):
        found = loss_difference(from_marks(here), from_marks(there, starts=0.01))
        assert found is not None
        inside += found.low <= one - other <= found.high
    assert 0.93 <= inside / PAIRS <= 0.99


def test_interval_of_common_losses_is_covered_and_narrower() -> None:
    """Let the same bursts hit both flows, and a further 5 % hit one of them."""
    random, inside, widths = Random(6), 0, []
    for common in in_bursts(0.1, 8.0, PAIRS, random):
        more = sum(1 << number for number in range(500) if random.random() < 0.05)
        one, other = from_marks(common | more), from_marks(common, starts=0.01)
        found = loss_difference(one, other)
        assert found is not None
        truth = ((common | more).bit_count() - common.bit_count()) / 500
        inside += found.low <= truth <= found.high
        widths.append(found.high - found.low)
    assert inside / PAIRS >= 0.93 and sorted(widths)[PAIRS // 2] < 0.25


def test_only_common_time_counts() -> None:
    """Lose all packets of one flow before the other began."""
    early = flow(lambda number: number < 250)
    found = loss_difference(early, flow(starts=5.0))
    assert found is not None and found.value == 0.0


def test_flows_one_after_the_other_are_no_pair() -> None:
    assert loss_difference(flow(), flow(starts=10.0)) is None
    assert loss_difference(flow(packets=0), flow()) is None

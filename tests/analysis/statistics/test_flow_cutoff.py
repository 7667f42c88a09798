"""Test where a flow ends for good and at which rate it passes, on flows that were cut and limited at known places."""

from random import Random

import pytest

from probe.analysis.statistics.flow_limits import permanent_gap, plateau
from tests.analysis.statistics.flows import STEP, flow, from_marks
from tests.analysis.statistics.loss_models import in_bursts, independent

BITS = 160 * 8


def limited(rate: float, depth: float) -> set[int]:
    """Return the numbers of the packets that a token bucket of `depth` bits and `rate` bit/s drops."""
    tokens, dropped = depth, set()
    for number in range(500):
        tokens = min(depth, tokens + rate * STEP)
        if tokens >= BITS:
            tokens -= BITS
        else:
            dropped.add(number)
    return dropped


@pytest.mark.parametrize("cut", [0, 1, 8, 250, 400])
def test_cutoff_is_found_at_its_packet(cut: int) -> None:
    found = permanent_gap(flow(lambda number: number >= cut))
    assert found is not None and (found.first, found.packets) == (cut, 500 - cut)
    assert found.seconds == pytest.approx((499 - cut) * STEP)


def test_cutoff_is_found_among_other_losses() -> None:
    """Lose a tenth of the packets, and all from packet 250 on. The last losses before it belong to the gap."""
    random = Random(3)
    lost = {number for number in range(250) if random.random() < 0.1} - {249}
    found = permanent_gap(flow(lambda number: number in lost or number >= 250))
    assert found is not None and found.first == 250


def test_flow_that_goes_on_has_no_permanent_gap() -> None:
    assert permanent_gap(flow()) is None
    assert permanent_gap(flow(lambda number: 100 <= number < 400)) is None
    assert permanent_gap(flow(lambda number: number >= 470)) is None  # 0.6 s are no proof


@pytest.mark.parametrize("share", [0.02, 0.1, 0.4])
def test_chance_gives_no_permanent_gap(share: float) -> None:
    """Check 4,000 flows with independent losses, and as many with bursts of four."""
    for flows in (independent(share, 4_000, Random(4)), in_bursts(share, 4.0, 4_000, Random(4))):
        ends = [each for each in flows if each >> 475 == 2**25 - 1]  # only flows with a silent end can have a gap
        assert sum(permanent_gap(from_marks(each)) is not None for each in ends) <= 4


@pytest.mark.parametrize("rate", [16_000, 24_000, 32_000, 48_000])
@pytest.mark.parametrize("depth", [2 * BITS, 20_000, 64_000])
def test_plateau_is_the_rate_of_the_token_bucket(rate: int, depth: int) -> None:
    dropped = limited(rate, depth)
    found = plateau(flow(dropped.__contains__), BITS)
    assert found is not None and found.low <= rate <= found.high
    assert found.high - found.low < 0.2 * rate


def test_plateau_ends_where_the_flow_is_cut() -> None:
    dropped = limited(32_000, 2 * BITS) | set(range(300, 500))
    found = plateau(flow(dropped.__contains__), BITS)
    assert found is not None and found.low <= 32_000 <= found.high


def test_few_losses_have_no_plateau() -> None:
    assert plateau(flow(), BITS) is None
    assert plateau(flow(lambda number: number in range(100, 109)), BITS) is None
    assert plateau(flow(lambda number: number >= 3), BITS) is None

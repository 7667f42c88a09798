"""Test that rate limits are distinguished from losses by chance, on flows with a known limiter."""

from random import Random

import pytest

from probe.analysis.statistics.flow_limits import EVEN, can_share_limit, queue_rate, unevenness
from tests.analysis.statistics.flows import STEP, flow, from_marks
from tests.analysis.statistics.loss_models import in_bursts, independent
from tests.analysis.statistics.test_flow_cutoff import BITS, limited

FLOWS = 4_000


@pytest.mark.parametrize("rate", [16_000, 24_000, 32_000, 48_000])
@pytest.mark.parametrize("depth", [2 * BITS, 20_000])
def test_token_bucket_drops_evenly(rate: int, depth: int) -> None:
    found = unevenness(flow(limited(rate, depth).__contains__))
    assert found is not None and found < EVEN


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5])
def test_chance_is_rarely_so_even(share: float) -> None:
    for flows in (independent(share, FLOWS, Random(1)), in_bursts(share, 4.0, FLOWS, Random(2))):
        found = [unevenness(from_marks(marks)) for marks in flows]
        assert sum(each is not None and each < EVEN for each in found) <= FLOWS * 0.003


def test_few_losses_say_nothing() -> None:
    assert unevenness(flow(lambda number: number in range(9))) is None
    assert unevenness(flow(lambda number: number >= 3)) is None
    assert unevenness(flow()) is None


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_shaper_has_the_rate_at_which_its_queue_is_emptied(share: float) -> None:
    """Send at the full rate into a queue that is emptied at a share of it."""
    found = queue_rate(flow(delay=lambda number: 0.05 + number * STEP * (1 / share - 1)), BITS)
    assert found == pytest.approx(share * BITS / STEP, rel=0.01)


def test_delay_that_changes_once_or_by_chance_is_no_queue() -> None:
    random = Random(3)
    assert queue_rate(flow(delay=lambda number: 0.4 if number > 250 else 0.05), BITS) is None
    assert queue_rate(flow(delay=lambda number: random.uniform(0.05, 0.5)), BITS) is None
    assert queue_rate(flow(delay=lambda number: 0.05 + number * 1e-4), BITS) is None  # 50 ms in all
    assert queue_rate(flow(lambda number: number >= 40), BITS) is None


def shared(rate: float, phase: float, noise: float) -> list[set[int]]:
    """Return the packets that one token bucket drops of two flows, the second of which is `phase` seconds behind."""
    random, tokens, last = Random(4), 2.0 * BITS, 0.0
    dropped: list[set[int]] = [set(), set()]
    packets = [
        (number * STEP + each * phase + random.uniform(0, noise), each, number)
        for number in range(500)
        for each in (0, 1)
    ]
    for time, each, number in sorted(packets):
        tokens, last = min(2.0 * BITS, tokens + rate * (time - last)), time
        if tokens >= BITS:
            tokens -= BITS
        else:
            dropped[each].add(number)
    return dropped


@pytest.mark.parametrize("rate", [40_000, 64_000, 80_000, 100_000])
@pytest.mark.parametrize("noise", [0.0, 0.002, 0.02])
def test_limit_that_both_flows_share_is_found(rate: float, noise: float) -> None:
    """Lose packets of both at a constant rate. If one loses nothing, a limit of the other one is as likely."""
    one, other = shared(rate, 0.01, noise)
    expected = min(len(one), len(other)) >= 10
    assert can_share_limit(flow(one.__contains__), flow(other.__contains__, starts=0.01)) == expected


def test_losses_by_chance_share_no_limit() -> None:
    flows = [from_marks(marks) for share in (0.3, 0.1) for marks in independent(share, 300, Random(5))]
    shares = [can_share_limit(one, other) for one, other in zip(flows[:300], flows[300:], strict=True)]
    assert sum(shares) <= 2
    assert not any(can_share_limit(one, flow()) for one in flows)

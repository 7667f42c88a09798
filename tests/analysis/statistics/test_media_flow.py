"""Test the figures of a media flow against flows whose figures are known, and the jitter against a direct sum."""

from itertools import pairwise
from random import Random

import pytest

from probe.analysis.statistics.media_flow import (
    Gap,
    MediaFlow,
    delay_change,
    gaps,
    jitter,
    longest_gap,
    loss,
    reordered,
)
from tests.analysis.statistics.flows import PACKETS, flow


def test_clean_flow_has_no_figures() -> None:
    clean = flow()
    assert loss(clean).value == 0.0 and loss(clean).high < 0.06
    assert (longest_gap(clean), jitter(clean), reordered(clean), clean.lost) == (None, pytest.approx(0.0), 0, 0)
    found = delay_change(clean)
    assert found is not None and tuple(found) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)


def test_lost_packets_are_marked_by_number() -> None:
    few = flow(lambda number: number in {0, 3, 4}, packets=6)
    assert few.lost == 0b011001 and few.order == [1, 2, 5] and loss(few).value == 0.5


def test_gaps_have_first_packet_length_and_duration() -> None:
    gappy = flow(lambda number: number in {10, *range(20, 45), *range(490, 500)})
    assert list(gaps(gappy)) == [
        Gap(10, 1, pytest.approx(0.02)),
        Gap(20, 25, pytest.approx(0.5)),
        Gap(490, 10, pytest.approx(0.18)),
    ]
    assert longest_gap(gappy) == Gap(20, 25, pytest.approx(0.5))


def test_jitter_equals_the_weighted_sum_of_differences() -> None:
    """Compute RFC 3550's recursion as a sum: the difference that is k from the end counts (15/16)^k / 16."""
    random = Random(1)
    delays = [random.expovariate(100) for _ in range(PACKETS)]
    noisy = flow(lambda number: number % 7 == 0, delays.__getitem__)
    arrivals = sorted((noisy.sent[each] + delays[each], each) for each in range(PACKETS) if each % 7)
    transits = [time - noisy.sent[number] for time, number in arrivals]
    steps = [abs(later - earlier) for earlier, later in pairwise(transits)]
    direct = sum(step * (15 / 16) ** back / 16 for back, step in enumerate(reversed(steps)))
    assert jitter(noisy) == pytest.approx(direct) and direct > 0.005


def test_jitter_of_alternating_delay_approaches_the_difference() -> None:
    assert jitter(flow(delay=lambda number: 0.05 + 0.01 * (number % 2))) == pytest.approx(0.01, rel=1e-6)


def test_jitter_does_not_change_with_the_offset_of_the_clocks() -> None:
    offset = flow(delay=lambda number: 1e6 + 0.01 * (number % 2))
    assert jitter(offset) == pytest.approx(0.01, rel=1e-4)


def test_reordered_packets_are_those_behind_a_later_one() -> None:
    """Delay packet 10 by three packets: it alone is reordered (RFC 4737). Delay three by one: they are, too."""
    assert reordered(flow(delay=lambda number: 0.07 if number == 10 else 0.0)) == 1
    assert reordered(flow(delay=lambda number: 0.03 if number in {10, 20, 30} else 0.0)) == 3


@pytest.mark.parametrize("change", [0.0, 0.004, 0.03, -0.01])
def test_interval_of_the_delay_change_covers_it(change: float) -> None:
    """Check at least 93 % of 400 flows with a step of the delay, and delays that vary slowly around it."""
    random, inside = Random(2), 0
    for _ in range(400):
        wander, values = 0.0, []
        for _ in range(PACKETS):
            wander = 0.5 * wander + random.gauss(0, 0.003)
            values.append(wander)
        found = delay_change(
            flow(delay=lambda number, values=values: values[number] + (change if number > 250 else 0.0))  # type: ignore[misc]
        )
        assert found is not None
        inside += found.low <= change <= found.high
    assert inside / 400 >= 0.93


def test_delay_change_needs_packets_at_both_ends() -> None:
    assert delay_change(flow(lambda number: number >= 395)) is None
    assert delay_change(flow(packets=4)) is None


def test_times_must_belong_to_the_same_packets() -> None:
    with pytest.raises(ValueError, match="2 packets sent, but 1 results"):
        MediaFlow([0.0, 0.02], [None])

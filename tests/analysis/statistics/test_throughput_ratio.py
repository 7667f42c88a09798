"""Test the ratio of two transfers on simulated policers, shapers and busy access lines, whose ratio is known."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.analysis.statistics.throughput_ratio import (
    BLOCKS,
    STUDENT,
    Transfer,
    _rank,
    _student,
    ratio_of_turns,
    throughput_ratio,
)
from probe.signatures.slow_page import LEAST_PACE
from tests.analysis.statistics import transfers
from tests.analysis.statistics.transfers import PACE, CrossTraffic, Limit, Policer, Shaper, side_by_side

QUIET, BUSY, CROWDED = (1_000_000, 0.0), (200_000, 0.5), (150_000, 0.8)  # bytes a second, and the share of others
LIMITS: dict[str, Callable[[], Limit]] = {
    "policer 64 kbit/s": lambda: Policer(8_000, 16_000),
    "policer 128 kbit/s": lambda: Policer(16_000, 32_000),
    "shaper 64 kbit/s": lambda: Shaper(8_000, 1.0),
    "shaper 128 kbit/s": lambda: Shaper(16_000, 0.5),
}
RATES = {"64": 8_000, "128": 16_000}


def steady(rate: float, ended: float = 6.0) -> Transfer:
    """Return a transfer with a read of 100 bytes each moment that `rate` bytes a second need."""
    count = round(ended * rate / 100)
    return Transfer(0.0, ended, [(number + 0.5) * 100 / rate for number in range(count)], [100] * count)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("line", [QUIET, BUSY, CROWDED])
def test_interval_contains_the_rate_of_the_limit(name: str, line: tuple[float, float]) -> None:
    truth, right, wide = RATES[name.split()[1]] / PACE, 0, 0
    for seed in range(100):
        found = throughput_ratio(side_by_side(6.0, LIMITS[name](), CrossTraffic(Random(seed), *line)))
        assert found is not None
        right += found.low <= truth <= found.high
        wide += found.high > 0.5
    assert right >= 95
    assert not wide or line is CROWDED  # where all is crowded, a limit may stay unseen


@pytest.mark.parametrize("line", [QUIET, BUSY, CROWDED])
def test_other_traffic_alone_is_no_difference(line: tuple[float, float]) -> None:
    right = 0
    for seed in range(200):
        found = throughput_ratio(side_by_side(6.0, None, CrossTraffic(Random(seed), *line)))
        assert found is not None and found.high > 0.5
        right += found.low <= 1.0 <= found.high
    assert right >= 187  # of 95 %, three standard deviations less


def test_ratio_is_that_of_the_bytes() -> None:
    found = throughput_ratio((steady(4_000), steady(16_000)))
    assert found is not None
    assert found.value == pytest.approx(0.25, abs=0.01)
    assert 0.2 < found.low < 0.25 < found.high < 0.3


def test_silent_transfer_is_zero() -> None:
    found = throughput_ratio((Transfer(0.0, 6.0, [], []), steady(16_000)))
    assert found is not None
    assert (found.value, found.low) == (0.0, 0.0) and found.high < 0.01


def test_nothing_is_said_of_short_or_broken_transfers() -> None:
    assert throughput_ratio((steady(4_000), steady(16_000, ended=2.9))) is None
    assert throughput_ratio((steady(4_000), Transfer(0.0, 6.0, [0.1], [100]))) is None
    assert throughput_ratio((steady(4_000), _with_outage(2.0, 4.8))) is None


def _with_outage(begins: float, ends: float) -> Transfer:
    times = [time for time in steady(16_000).times if not begins < time < ends]
    return Transfer(0.0, 6.0, times, [100] * len(times))


def test_short_outage_of_the_other_transfer_widens_the_interval() -> None:
    found = throughput_ratio((steady(4_000), _with_outage(2.0, 4.0)))
    assert found is not None and found.low < 0.25 < 0.5 < found.high


def test_bursts_after_lost_segments_leave_the_limit_visible() -> None:
    """Let a quarter of the bytes arrive in three bursts, as in-order delivery gives them."""
    times = [1.5, 1.9, 4.0, 4.4, 5.4, 5.8]
    bursts = Transfer(0.0, 6.0, times, [13_000] * len(times))
    found = throughput_ratio(*[(bursts, steady(64_000))] * 2)
    assert found is not None and 0.0 <= found.low < 0.25 < found.high < 0.5


@pytest.mark.parametrize("line", [QUIET, BUSY, CROWDED])
@pytest.mark.parametrize("name", LIMITS)
def test_two_pairs_find_a_limit_where_one_misses_it(name: str, line: tuple[float, float]) -> None:
    one = two = right = 0
    for seed in range(100):
        pairs = [side_by_side(6.0, LIMITS[name](), CrossTraffic(Random(seed + more), *line)) for more in (0, 1000)]
        found, alone = throughput_ratio(*pairs), throughput_ratio(pairs[0])
        assert found is not None and alone is not None
        two, one = two + (found.high < 0.5), one + (alone.high < 0.5)
        right += found.low <= RATES[name.split()[1]] / PACE <= found.high
    assert right >= 95 and two >= one
    assert two >= 99 or line is CROWDED


@pytest.mark.parametrize("line", [QUIET, BUSY, CROWDED])
def test_two_pairs_on_a_busy_line_are_no_difference(line: tuple[float, float]) -> None:
    right = 0
    for seed in range(200):
        pairs = [side_by_side(6.0, None, CrossTraffic(Random(seed + more), *line)) for more in (0, 1000)]
        found = throughput_ratio(*pairs)
        assert found is not None and found.high > 0.5
        right += found.low <= 1.0 <= found.high
    assert right >= 187


WIDE, SHARED = (600_000, 0.8), (400_000, 0.5)  # of lines that are known to carry a pair at twice the pace
NEAR: dict[str, Callable[[], Limit]] = {
    "policer 256 kbit/s": lambda: Policer(32_000, 8_000),
    "shaper 256 kbit/s": lambda: Shaper(32_000, 0.5),
    "shaper 384 kbit/s": lambda: Shaper(48_000, 0.5),
}


@pytest.mark.parametrize("line", [QUIET, WIDE, SHARED])
@pytest.mark.parametrize("name", NEAR)
def test_limits_near_the_pace_are_found_at_twice_the_pace(
    name: str, line: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "PACE", 2 * PACE)
    truth, right, found = (48_000 if "384" in name else 32_000) / (2 * PACE), 0, 0
    for seed in range(50):
        ratio = throughput_ratio(side_by_side(6.0, NEAR[name](), CrossTraffic(Random(seed), *line)))
        assert ratio is not None
        right, found = right + (ratio.low <= truth <= ratio.high), found + (ratio.high < 0.5)
    assert right >= 48 and found >= 48


@pytest.mark.parametrize("line", [QUIET, WIDE, SHARED, BUSY, CROWDED])
def test_other_traffic_alone_is_no_difference_at_twice_the_pace(
    line: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "PACE", 2 * PACE)
    for seed in range(100):
        one, other = side_by_side(6.0, None, CrossTraffic(Random(seed), *line))
        is_free = sum(other.sizes) >= LEAST_PACE * 2 * PACE * 6.0
        ratio = throughput_ratio((one, other))
        assert not is_free or ratio is None or ratio.high > 0.5


@pytest.mark.parametrize(("count", "rank"), [(5, 0), (6, 1), (8, 1), (9, 2), (12, 3), (18, 5)])
def test_ranks_are_those_of_the_sign_test(count: int, rank: int) -> None:
    """Compare with the table in Conover, Practical Nonparametric Statistics, for an interval of 95 % (recalled)."""
    assert _rank(count) == rank
    outside = [number for number in range(2**count) if number.bit_count() < rank] if count <= 12 else []
    assert 2 * len(outside) <= 0.05 * 2**count


@pytest.mark.parametrize(("freedom", "listed"), [(4, 4), (5, 5), (6, 5), (11, 11), (16, 14), (59, 29)])
def test_factor_is_that_of_the_next_lower_degree_of_freedom(freedom: int, listed: int) -> None:
    assert _student(freedom) == STUDENT[listed]


TURN_RATES = st.floats(min_value=1.0, max_value=64_000.0)


@given(st.lists(st.tuples(TURN_RATES, TURN_RATES), min_size=BLOCKS, max_size=20))
def test_ratio_of_turns_is_in_its_interval(turns: list[tuple[float, float]]) -> None:
    ratio = ratio_of_turns(*zip(*turns, strict=True))
    assert ratio is not None and ratio.low <= ratio.value <= ratio.high


def test_one_fast_turn_does_not_move_the_ratio() -> None:
    ratio = ratio_of_turns([10.0] * 8 + [60.0], [50.0] * 9)
    assert ratio is not None and (ratio.value, ratio.low, ratio.high) == (0.2, 0.2, 0.2)
    assert ratio_of_turns([10.0] * 5, [50.0] * 5) is None

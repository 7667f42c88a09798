"""Test that failures which gather at some hours are found, and that sources which always fail, or never, are not."""

from collections.abc import Callable
from random import Random

import pytest

from probe.analysis.statistics.hour_scan import HOURS, HourOutcome, gathered, weekly_windows, windows_of_days

FIRST, DAYS = 739_404, 28  # a Monday


def moments(fails: Callable[[int, int, int], bool], seed: int = 1, sources: int = 12) -> list[HourOutcome]:
    """Return the moments of sources that measure every third day at any hour."""
    rng = Random(seed)
    drawn = [
        (source, FIRST + day, rng.randrange(HOURS))
        for source in range(sources)
        for day in range(DAYS)
        if rng.random() < 0.35
    ]
    return [
        HourOutcome(source, day, hour, fails(source, day, hour) or rng.random() < 0.02) for source, day, hour in drawn
    ]


@pytest.mark.parametrize("begin", [2, 13, 21])
def test_hours_of_each_night_are_found_in_every_time_zone(begin: int) -> None:
    found = gathered(moments(lambda source, day, hour: (hour - begin) % HOURS < 7), weekly_windows())
    assert found is not None and found.p_value < 1e-3
    assert abs(found.window.begin - begin) <= 1 and abs(found.window.hours - 7) <= 1
    assert found.inside[0] > 0.9 * found.inside[1] and found.outside[0] < 0.1 * found.outside[1]


def test_days_of_the_week_are_found() -> None:
    found = gathered(moments(lambda source, day, hour: (day - FIRST) % 7 in (4, 5)), weekly_windows())
    assert found is not None and found.p_value < 1e-3
    assert (found.window.first, found.window.days) == (4, 2)


def test_mornings_of_some_days_are_found() -> None:
    seen = moments(lambda source, day, hour: 10 <= day - FIRST < 16 and 4 <= hour < 12, sources=25)
    found = gathered(seen, windows_of_days(FIRST, FIRST + DAYS - 1))
    assert found is not None and found.p_value < 0.01
    assert FIRST + 8 <= found.window.first <= FIRST + 12


@pytest.mark.parametrize(
    "fails",
    [
        lambda source, day, hour: False,
        lambda source, day, hour: source < 4,  # some sources always fail
        lambda source, day, hour: day >= FIRST + 14,  # a block begins
        lambda source, day, hour: (7 * source + 3 * day) % 5 < 2,  # at no special hours
    ],
    ids=["nothing", "sources", "onset", "anywhere"],
)
def test_other_failures_gather_at_no_hours(fails: Callable[[int, int, int], bool]) -> None:
    chances = [found.p_value for seed in range(5) if (found := gathered(moments(fails, seed), weekly_windows()))]
    assert min(chances, default=1.0) > 0.01


def test_source_that_measures_only_at_night_and_always_fails_is_no_evidence() -> None:
    own = [HourOutcome(99, FIRST + day, hour, fails=True) for day in range(DAYS) for hour in (1, 2)]
    found = gathered([*own, *moments(lambda source, day, hour: False)], weekly_windows())
    assert found is not None and found.inside[0] > 20 and found.p_value == 1.0

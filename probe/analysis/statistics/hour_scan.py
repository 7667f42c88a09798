"""Find the hours in which failures gather: the same hours of each week, or hours of some days.

The windows are scanned as in M. Kulldorff, "A spatial scan statistic", Communications in Statistics 26 (1997)
1481-1496: the window with the largest likelihood ratio is chosen. Hours are a circle, so a window can contain midnight.

The window is tested exactly and within sources, given how often each source failed and when it measured. So a device
that measures only at night, or that always fails, is no evidence. The p-value is that of the best window, times the
number of windows.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from math import comb, log
from typing import NamedTuple

HOURS, WEEK = 24, 7
SHORTEST, LONGEST = 2, 14  # hours of a window
WEEKDAYS = (1, 2, 5, WEEK)  # days of the week in a window
DAYS = (1, 2, 3, 5, 7, 14)  # days in a row of a window
HOURS_OF_DAYS = (3, 6, 9, 12)  # hours of a window on such days, or whole days
LEAST_FAILURES = 3  # in a window
TOGETHER = 14  # days in which a source's outcomes are compared for weekly windows, so that no onset looks like one


class HourOutcome(NamedTuple):
    """Hold what one source found in one hour of one day. `day` is an ordinal, on which 1 is a Monday."""

    source: int
    day: int
    hour: int
    fails: bool


class Window(NamedTuple):
    """Hold `hours` from the hour `begin` on, UTC, on `days` days from `first` on. A weekly window begins on a weekday.

    The hours after midnight belong to the day on which the window began.
    """

    weekly: bool
    first: int
    days: int
    begin: int
    hours: int

    def contains(self, moment: HourOutcome) -> bool:
        day = self.day_of(moment)
        start = (day - 1) % WEEK if self.weekly else day
        inside = (start - self.first) % WEEK < self.days if self.weekly else 0 <= start - self.first < self.days
        return inside and (moment.hour - self.begin) % HOURS < self.hours

    def day_of(self, moment: HourOutcome) -> int:
        """Return the day on which the hours around a moment began."""
        return moment.day - (moment.hour < self.begin)


class Gathered(NamedTuple):
    """Hold the best window, its p-value, and (failing, all) sources' days inside and outside."""

    window: Window
    p_value: float
    inside: tuple[int, int]
    outside: tuple[int, int]


class Windows(NamedTuple):
    """Hold the windows that are tried: each of `hours` (begin and length) with each of `days` (first and number)."""

    weekly: bool
    hours: tuple[tuple[int, int], ...]
    days: tuple[tuple[int, int], ...]

    @property
    def number(self) -> int:
        return len(self.hours) * len(self.days)


_WHOLE_DAYS = (0, HOURS)


def weekly_windows() -> Windows:
    """Return the windows that repeat each week or each day."""
    days = tuple((first, number) for number in WEEKDAYS for first in range(1 if number == WEEK else WEEK))
    hours = [(begin, length) for length in range(SHORTEST, LONGEST + 1) for begin in range(HOURS)]
    return Windows(True, (*hours, _WHOLE_DAYS), days)


def windows_of_days(first: int, last: int) -> Windows:
    """Return the windows of some days in a row."""
    days = tuple((day, number) for number in DAYS for day in range(first, last - number + 2))
    hours = [(begin, length) for length in HOURS_OF_DAYS for begin in range(HOURS)]
    return Windows(False, (*hours, _WHOLE_DAYS), days)


def gathered(moments: Sequence[HourOutcome], windows: Windows) -> Gathered | None:
    """Return the window in which failures gather most, None if they gather in none."""
    best = _best(moments, windows)
    if best is None:
        return None
    strata, inside, outside = _strata(moments, best)
    return Gathered(best, min(1.0, windows.number * _tail(strata)), inside, outside)


def _best(moments: Sequence[HourOutcome], windows: Windows) -> Window | None:
    """Return the window with the largest likelihood ratio, with failures more frequent inside."""
    failing, count = sum(one.fails for one in moments), len(moments)
    found, most, grid = None, 0.0, _grid(moments, weekly=windows.weekly)
    for begin, hours in windows.hours:
        bad, everything = _sums_by_day(grid, windows, begin, hours)
        for first, days in windows.days:
            worst = bad[first + days] - bad[first]
            if worst < LEAST_FAILURES:
                continue
            ratio = _likelihood_ratio(worst, everything[first + days] - everything[first], failing, count)
            if ratio > most:
                found, most = Window(windows.weekly, first, days, begin, hours), ratio
    return found


_Grid = list[tuple[int, int, int, int]]  # day, hour, failures and moments


def _grid(moments: Iterable[HourOutcome], *, weekly: bool) -> _Grid:
    """Count the moments of each hour of the week, in which Monday is 0, or of each hour of each day."""
    bad, everything = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    for one in moments:
        place = ((one.day - 1) % WEEK if weekly else one.day), one.hour
        bad[place] += one.fails
        everything[place] += 1
    return [(*place, bad[place], n) for place, n in everything.items()]


def _sums_by_day(grid: _Grid, windows: Windows, begin: int, hours: int) -> tuple[dict[int, int], dict[int, int]]:
    """Return how many failures and moments are in these hours before each day.

    A week is a circle, so its days are there twice.
    """
    bad, everything = Counter[int](), Counter[int]()
    for day, hour, failing, n in grid:
        if (hour - begin) % HOURS < hours:
            start = day - (hour < begin)
            own = start % WEEK if windows.weekly else start
            bad[own] += failing
            everything[own] += n
    days = range(2 * WEEK) if windows.weekly else range(windows.days[0][0], windows.days[-1][0] + max(DAYS))
    turn = WEEK if windows.weekly else days.stop
    return _before(bad, days, turn), _before(everything, days, turn)


def _before(counts: Counter[int], days: range, turn: int) -> dict[int, int]:
    return dict(enumerate(accumulate((counts[day % turn] for day in days), initial=0), days.start))


def _likelihood_ratio(bad: int, n: int, failing: int, count: int) -> float:
    """Return Kulldorff's ratio of Bernoulli likelihoods as a logarithm, 0 if failures are no more frequent inside."""
    if not 0 < n < count or bad * (count - n) <= (failing - bad) * n:
        return 0.0
    parts = ((bad, n), (n - bad, n), (failing - bad, count - n), (count - n - failing + bad, count - n))
    usual = ((failing, count), (count - failing, count))
    return sum(k * log(k / m) for k, m in parts if k) - sum(k * log(k / m) for k, m in usual if k)


_Stratum = tuple[int, int, int, int]  # failing inside, all inside, failing, all


def _strata(moments: Iterable[HourOutcome], window: Window) -> tuple[list[_Stratum], tuple[int, int], tuple[int, int]]:
    """Return the counts of each source and period. A source counts once a day inside and once outside."""
    outcomes: dict[tuple[int, int, bool], list[bool]] = defaultdict(list)
    for one in moments:
        outcomes[one.source, window.day_of(one), window.contains(one)].append(one.fails)
    counts: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    sums = [0, 0, 0, 0]
    for (source, day, inside), found in outcomes.items():
        fails = 2 * sum(found) > len(found)
        for into in (counts[source, day // TOGETHER if window.weekly else 0], sums):
            into[0] += inside and fails
            into[1] += inside
            into[2] += fails
            into[3] += 1
    bad, n, failing, count = sums
    return [(a, b, c, d) for a, b, c, d in counts.values()], (bad, n), (failing - bad, count - n)


def _tail(strata: Iterable[_Stratum]) -> float:
    """Return the exact probability of so many failures inside, if each source fails at times that are drawn by chance.

    The sum of independent hypergeometric counts is computed, as in Mantel and Haenszel's test without its normal
    approximation.
    """
    informative = [one for one in strata if 0 < one[1] < one[3] and 0 < one[2] < one[3]]
    chances, seen = [1.0], sum(one[0] for one in informative)
    for _, n, failing, count in informative:
        own = list(_hypergeometric(n, failing, count))
        chances = list(_convolved(chances, own))
    return min(1.0, sum(chances[seen:]))


def _hypergeometric(n: int, failing: int, count: int) -> Iterator[float]:
    everything = comb(count, n)
    for bad in range(min(n, failing) + 1):
        yield comb(failing, bad) * comb(count - failing, n - bad) / everything


def _convolved(one: Sequence[float], other: Sequence[float]) -> Iterator[float]:
    for total in range(len(one) + len(other) - 1):
        yield sum(
            one[part] * other[total - part]
            for part in range(max(0, total - len(other) + 1), min(total, len(one) - 1) + 1)
        )

"""Test if a service works less often in a cell than at the baseline. Sources are compared, not measurements."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import NamedTuple

from probe.analysis.compare.contributors import Kind, Network, enough, failing_networks, sources_in
from probe.analysis.compare.current import LEAST, newest_start
from probe.analysis.compare.units import Unit, by_state, measured
from probe.analysis.statistics.clean_failures import CleanFailures, learnt
from probe.analysis.statistics.contingency_tables import OddsRatio, benjamini_hochberg, fisher_greater, odds_ratio
from probe.analysis.statistics.share_comparison import probability_of_rise

LEAST_SOURCES = 2  # one source can be one user behind a filter of their own
NEARLY_ALL = 0.8  # share of a column's sources at which a service works, for the robust baseline
RATE = 0.05  # of false discoveries among all marks
CLEAN = 0.5  # share of a column's sources that fail at most, for the prior of clean contributors
RISE = 0.95  # probability that a larger share fails than at a named baseline
LOOKS = 2  # at the days of a source: all of them, and the newest
TEST = "fisher_exact_greater_sources_benjamini_hochberg"
TEST_OF_NAMED = "beta_binomial_greater_sources_benjamini_hochberg"

_Stratum = tuple[str, Kind]  # week, and program with its version
_Strata = dict[_Stratum, list[float]]  # weights that fail and that work


class Column(NamedTuple):
    """Hold the sources of one service at one vantage point.

    `strata` has the weights of the service's units, one weight for each source. `enough` is False for a country in
    which too few contributors saw failures.
    """

    runs: int
    failing: int
    sources: int
    strata: _Strata
    enough: bool


@dataclass(frozen=True)
class Difference:
    """Hold the comparison of one cell with the baseline, which has `columns` vantage points.

    `baseline` is None for the robust one.
    `p_value` is the least false discovery rate at which the cell is marked. Of `sources`, `failing` fail.
    """

    p_value: float
    p_value_uncorrected: float
    odds_ratio: OddsRatio | None  # None if no week was measured on both sides
    failing: int
    sources: int
    baseline_failing: int
    baseline_sources: int
    columns: int
    enough: bool
    baseline: dict[str, str] | None = None

    @property
    def test(self) -> str:
        """Return the name of the test, which depends on the baseline."""
        return TEST_OF_NAMED if self.baseline else TEST

    @property
    def worse(self) -> bool:
        """Return True if the cell is marked: it is worse than the baseline, by enough sources and contributors."""
        return self.p_value <= RATE and self.failing >= LEAST_SOURCES and self.enough


def column_of(units: Sequence[Unit], *, country: bool = False) -> Column:
    """Return the sources of a cell, which may be about a country.

    A source fails if most of its days fail, all of them or the newest.
    """
    outcomes = [(unit, outcome) for unit in units if (outcome := unit.fails) is not None]
    sources = sources_of(outcomes)
    strata: _Strata = defaultdict(lambda: [0.0, 0.0])
    for own in sources:
        for unit, outcome in own:
            strata[_week(unit.day), unit.kind][not outcome] += 1 / len(own)
    runs = sum(sum(by_state([unit]).values()) for unit, _ in outcomes)
    return Column(runs, sum(map(_fails, sources)), len(sources), strata, not country or _enough(units))


def _enough(units: Sequence[Unit]) -> bool:
    """Return True if enough contributors saw failures in the networks that fail, on all days or the newest."""
    outcomes = measured(units)
    newest = newest_start(max((one.day for one in outcomes), default=""))
    for part in (outcomes, [one for one in outcomes if one.day >= newest]):
        sources = sources_in(part)
        failing = failing_networks(sources)
        if enough(source for source in sources if source.fails and source.network in failing):
            return True
    return False


Outcomes = list[tuple[Unit, bool]]


@cache
def _week(day: str) -> str:
    """Return the year and week of a day. Few sources measure on the same day. A text that is no day is returned."""
    try:
        return "{} {}".format(*date.fromisoformat(day).isocalendar())
    except ValueError:
        return day


def sources_of(outcomes: Outcomes) -> list[Outcomes]:
    """Group the units into sources that cannot share a user, as far as records tell.

    Networks are different sources. So are versions in one network, unless one was seen last before the other came,
    since a user may have updated.
    """
    versions: dict[Network, dict[Kind, Outcomes]] = defaultdict(lambda: defaultdict(list))
    for unit, outcome in outcomes:
        versions[unit.network][unit.kind].append((unit, outcome))
    found: list[Outcomes] = []
    for of_network in versions.values():
        own: list[Outcomes] = []
        for group in sorted(of_network.values(), key=lambda group: min(unit.day for unit, _ in group)):
            begin = min(unit.day for unit, _ in group)
            before = next((one for one in own if max(unit.day for unit, _ in one) <= begin), None)
            if before is None:
                own.append(group)
            else:
                before += group
        found += own
    return found


def _fails(source: Outcomes) -> bool:
    newest = newest_start(max(unit.day for unit, _ in source))
    return any(
        2 * sum(outcome for _, outcome in part) > len(part)
        for part in (source, [(unit, outcome) for unit, outcome in source if unit.day >= newest])
    )


def robust_baseline(columns: Mapping[int, Column]) -> list[int]:
    """Return the columns in which the service works at NEARLY_ALL sources, none if they are less than half.

    One failing source alone removes no column. A minority of columns cannot move the result: they are left out if many
    of their sources fail, and otherwise count with few failures.
    """
    measured = [place for place, column in columns.items() if column.sources]
    works = [
        place
        for place in measured
        if columns[place].failing < LEAST_SOURCES or columns[place].failing <= (1 - NEARLY_ALL) * columns[place].sources
    ]
    return works if 2 * len(works) >= len(measured) else []


def differences(
    services: Mapping[str, Mapping[int, Column]], baseline: int | None = None
) -> dict[tuple[str, int], Difference]:
    """Return the difference of each cell that has LEAST runs and LEAST_SOURCES sources, by service and column.

    `baseline` is the column of a named baseline. Without one, each service has the robust baseline.
    """
    tested: dict[tuple[str, int], Difference] = {}
    clean = clean_sources(services)
    for service, columns in services.items():
        usual = [baseline] if baseline is not None else robust_baseline(columns)
        reference = _Reference([columns[place] for place in usual if place in columns])
        for place, column in columns.items():
            if place == baseline or column.runs < LEAST or column.sources < LEAST_SOURCES:
                continue
            prior = clean if baseline is not None else None
            if (found := reference.test(column, inside=place in usual, clean=prior)) is not None:
                tested[service, place] = found
    rates = benjamini_hochberg([found.p_value for found in tested.values()])
    return {key: replace(found, p_value=rate) for (key, found), rate in zip(tested.items(), rates, strict=True)}


def clean_sources(services: Mapping[str, Mapping[int, Column]]) -> CleanFailures:
    """Return how often sources of vantage points fail in which a service mostly works."""
    counts = [(one.failing, one.sources) for columns in services.values() for one in columns.values()]
    return learnt([(failing, sources) for failing, sources in counts if failing <= CLEAN * sources])


def state_rates(services: Mapping[str, Mapping[int, Column]]) -> dict[tuple[str, int], float]:
    """Return by service and column the least false discovery rate at which the failures of a cell are no accident.

    The p-value is the probability that so many clean contributors fail.
    """
    clean, keys, chances = clean_sources(services), list[tuple[str, int]](), list[float]()
    for service, columns in services.items():
        for place, column in columns.items():
            if column.sources:
                keys.append((service, place))
                chances.append(min(1.0, LOOKS * clean.tail(column.failing, column.sources)))
    return dict(zip(keys, benjamini_hochberg(chances), strict=True))


def _p_value(column: Column, failing: int, sources: int, clean: CleanFailures | None) -> float:
    """Return the probability of so many failing sources, if they are as those of the baseline."""
    if clean is None:
        return fisher_greater(column.failing, column.sources - column.failing, failing, sources - failing)
    if probability_of_rise(column.failing, column.sources, failing, sources) < RISE:
        return 1.0
    return min(1.0, LOOKS * clean.seen(failing, sources - failing).tail(column.failing, column.sources))


class _Reference:
    """Hold the sources of all columns of the baseline together."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = len(columns)
        self.failing, self.sources = sum(one.failing for one in columns), sum(one.sources for one in columns)
        self.strata: _Strata = defaultdict(lambda: [0.0, 0.0])
        for column in columns:
            for stratum, (failing, working) in column.strata.items():
                self.strata[stratum][0] += failing
                self.strata[stratum][1] += working

    def test(self, column: Column, *, inside: bool, clean: CleanFailures | None) -> Difference | None:
        """Compare a column with the others. `inside`: the column is one of the baseline's. None without others.

        A named baseline has few sources. So `clean` contributors of all vantage points count too.
        """
        failing, sources = self.failing - inside * column.failing, self.sources - inside * column.sources
        if not sources:
            return None
        p = _p_value(column, failing, sources, clean)
        tables = [
            (bad, good, max(0.0, others[0] - inside * bad), max(0.0, others[1] - inside * good))
            for stratum, (bad, good) in column.strata.items()
            if (others := self.strata.get(stratum)) is not None
        ]
        shared = [table for table in tables if table[2] + table[3] > 1e-9]  # differences of sums of weights
        ratio = odds_ratio(shared) if shared else None
        return Difference(
            p, p, ratio, column.failing, column.sources, failing, sources, self.columns - inside, column.enough
        )

"""Test if a service works less often in a cell than at the baseline. Sources are compared, not measurements."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import NamedTuple

from probe.analysis.compare.current import LEAST, newest_start
from probe.analysis.compare.units import Unit, by_state, fails
from probe.analysis.statistics.fisher import benjamini_hochberg, fisher_greater
from probe.analysis.statistics.mantel_haenszel import OddsRatio, odds_ratio

LEAST_SOURCES = 2  # one source can be one user behind a filter of their own
NEARLY_ALL = 0.8  # share of a column's sources at which a service works, for the robust baseline
RATE = 0.05  # of false discoveries among all marks
TEST = "fisher_exact_greater_sources_benjamini_hochberg"

_Stratum = tuple[str, str]  # week and version
_Strata = dict[_Stratum, list[float]]  # weights that fail and that work


class Column(NamedTuple):
    """Hold a service's sources at one vantage point. `strata` has the weights of its units, one for each source."""

    runs: int
    failing: int
    sources: int
    strata: _Strata


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
    baseline: dict[str, str] | None = None

    @property
    def worse(self) -> bool:
        """Return True if the cell is marked: it is worse than the baseline, by LEAST_SOURCES sources at least."""
        return self.p_value <= RATE and self.failing >= LEAST_SOURCES


def column_of(units: Sequence[Unit]) -> Column:
    """Return the sources of a cell. A source fails if most of its days fail, all of them or the newest."""
    outcomes = [(unit, outcome) for unit in units if (outcome := fails(by_state([unit]))) is not None]
    sources = sources_of(outcomes)
    strata: _Strata = defaultdict(lambda: [0.0, 0.0])
    for own in sources:
        for unit, outcome in own:
            strata[_week(unit.day), unit.software][not outcome] += 1 / len(own)
    runs = sum(sum(by_state([unit]).values()) for unit, _ in outcomes)
    return Column(runs, sum(map(_fails, sources)), len(sources), strata)


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
    versions: dict[tuple[str, str], dict[str, Outcomes]] = defaultdict(lambda: defaultdict(list))
    for unit, outcome in outcomes:
        versions[unit.network][unit.software].append((unit, outcome))
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
    for service, columns in services.items():
        usual = [baseline] if baseline is not None else robust_baseline(columns)
        reference = _Reference([columns[place] for place in usual if place in columns])
        for place, column in columns.items():
            if place == baseline or column.runs < LEAST or column.sources < LEAST_SOURCES:
                continue
            if (found := reference.test(column, inside=place in usual)) is not None:
                tested[service, place] = found
    rates = benjamini_hochberg([found.p_value for found in tested.values()])
    return {key: replace(found, p_value=rate) for (key, found), rate in zip(tested.items(), rates, strict=True)}


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

    def test(self, column: Column, *, inside: bool) -> Difference | None:
        """Compare a column with the others. `inside`: the column is one of the baseline's. None without others."""
        failing, sources = self.failing - inside * column.failing, self.sources - inside * column.sources
        if not sources:
            return None
        p = fisher_greater(column.failing, column.sources - column.failing, failing, sources - failing)
        tables = [
            (bad, good, max(0.0, others[0] - inside * bad), max(0.0, others[1] - inside * good))
            for stratum, (bad, good) in column.strata.items()
            if (others := self.strata.get(stratum)) is not None
        ]
        shared = [table for table in tables if table[2] + table[3] > 1e-9]  # differences of sums of weights
        ratio = odds_ratio(shared) if shared else None
        return Difference(p, p, ratio, column.failing, column.sources, failing, sources, self.columns - inside)

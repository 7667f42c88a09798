"""Count what networks do to all connections: the regimes of runs at each vantage point, and behind failures."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from probe.analysis.compare.axes import AXES, ROWS, Question
from probe.analysis.compare.current import newest_start
from probe.analysis.compare.units import FAILING, RUN, sql_of_runs
from probe.analysis.compare.verdict_table import EVERYTHING, VerdictTable
from probe.analysis.observations.lenient_json import tables
from probe.analysis.rules.regime_rules import REGIMES, UNKNOWN, WITHOUT_LISTS
from probe.analysis.verdicts.network_regimes import Regimes, RegimeSearch, RunRows

MOST_ROWS = 100_000  # verdicts that are held at once
_READ = ("target", "service", "state", "valid", "invalid_reason", "anomalies", "endpoints", "measurement_line")
_ALIKE = ("of_run VARCHAR", "on_day VARCHAR", "regime VARCHAR")

Vantage = tuple[str, ...]
RunDay = tuple[str, str]
"""A run on one day. The parts of a run on two days are judged apart, as units are."""
Failing = dict[Vantage, dict[str, dict[tuple[str, str], int]]]
"""Runs by day and regime, for each vantage point and service."""


class Place(NamedTuple):
    """Hold the axes that make vantage points, and the condition for their rows with the values of its placeholders."""

    axes: Sequence[str]
    condition: str
    values: Sequence[str]

    def columns(self) -> list[str]:
        """Return SQL for the values of the axes."""
        return [AXES[axis] for axis in self.axes]


@dataclass(frozen=True)
class NetworkRegimes:
    """Count the runs of a vantage point's newest days by their main regime, and by the restrictions beside it.

    Runs that say nothing about their network, such as OONI's measurements, are left out.
    """

    main: dict[str, int] = field(default_factory=dict)
    restrictions: dict[str, int] = field(default_factory=dict)
    first: str = ""
    last: str = ""

    @property
    def runs(self) -> int:
        return sum(self.main.values())


@dataclass(frozen=True)
class RegimesAt:
    """Hold the regimes of a vantage point, and of each service the failing runs in networks that stop most connections.

    These are counted by day and regime.
    """

    regimes: NetworkRegimes
    failing: Mapping[str, Mapping[tuple[str, str], int]]

    def failing_since(self, service: str, first: str) -> dict[str, int]:
        """Return the failing runs of a service by regime, from a day on."""
        counts: Counter[str] = Counter()
        for (day, regime), runs in self.failing.get(service, {}).items():
            counts[regime] += runs if day >= first else 0
        return _ordered(counts)


def regimes_of(table: VerdictTable, question: Question, place: Place, vantages: Sequence[Vantage]) -> list[RegimesAt]:
    """Return the regimes of some vantage points, in their order. They are those of the newest days.

    Evidence is read from all rows of a run, also from services that the question leaves out.
    """
    wanted = set(vantages)
    firsts = {vantage: first for vantage, first in newest_days(table, place).items() if vantage in wanted}
    at = _vantages_of_runs(table, place, firsts)
    found = dict(_judged(table, question, at))
    failing = _failing(table, question, place, found)
    own: dict[Vantage, list[RunDay]] = defaultdict(list)
    for key in found:
        for vantage in at[key]:
            own[vantage].append(key)
    return [RegimesAt(_counts({key: found[key] for key in own[vantage]}), failing[vantage]) for vantage in vantages]


def newest_days(table: VerdictTable, place: Place) -> dict[Vantage, str]:
    """Return the first of the newest days of every vantage point, also of one where no measurement counts."""
    names = place.columns()
    group = f" GROUP BY {', '.join(names)}" if names else ""
    statement = f"SELECT {', '.join([*names, 'MAX(day)'])} FROM verdicts WHERE {place.condition}{group}"
    return {tuple(row[:-1]): newest_start(row[-1]) for row in table.select(statement, place.values) if row[-1]}


def _vantages_of_runs(table: VerdictTable, place: Place, firsts: Mapping[Vantage, str]) -> dict[RunDay, set[Vantage]]:
    """Return the runs since the first days, with the vantage points at which they are."""
    names = ", ".join([*place.columns(), RUN, "day"])
    statement = f"SELECT DISTINCT {names} FROM verdicts WHERE ({place.condition}) AND day >= ?"
    found: dict[RunDay, set[Vantage]] = defaultdict(set)
    for *vantage, run, day in table.select(statement, [*place.values, min(firsts.values(), default="~")]):
        if day >= firsts.get(tuple(vantage), "~"):
            found[run, day].add(tuple(vantage))
    return found


def _judged(table: VerdictTable, question: Question, wanted: Iterable[RunDay]) -> Iterator[tuple[RunDay, Regimes]]:
    """Yield the regimes of the runs that say something about their network."""
    days: dict[str, set[str]] = defaultdict(set)
    for run, day in wanted:
        days[day].add(run)
    condition, values = of_whole_runs(question)
    search = RegimeSearch()
    for some in days_together(table, sorted(days)):
        rows = _rows(table, f"({condition}) AND day IN ({', '.join('?' * len(some))})", [*values, *some])
        found = {key: run for key, run in rows.items() if key[0] in days[key[1]]}
        for key, regimes in zip(found, search.of(list(found.values())), strict=True):
            if regimes is not None:
                yield key, regimes
    search.close()


def of_whole_runs(question: Question) -> tuple[str, list[str]]:
    """Return the part of a question's condition that all rows of a run meet or none, and its values."""
    only = tuple((name, value) for name, value in question.only if name not in ROWS)
    return replace(question, since="", until="", only=only).condition()


def days_together(table: VerdictTable, days: Sequence[str]) -> Iterator[list[str]]:
    """Yield days that are read together, with at most MOST_ROWS rows or one day."""
    counts = dict(table.select(f"SELECT day, COUNT(*) FROM {EVERYTHING} GROUP BY day")) if days else {}
    some, size = list[str](), 0
    for day in days:
        if some and size + counts.get(day, 0) > MOST_ROWS:
            yield some
            some, size = [], 0
        some.append(day)
        size += counts.get(day, 0)
    if some:
        yield some


def _rows(table: VerdictTable, condition: str, values: Sequence[str]) -> dict[RunDay, RunRows]:
    """Return the records of each run, and what its measurements say about the network."""
    speaking = f"SELECT {RUN} FROM {EVERYTHING} WHERE ({condition}) AND network_facts <> ''"
    statement = (
        f"SELECT {RUN}, day, network_facts, {', '.join(_READ)} FROM {EVERYTHING} "
        f"WHERE ({condition}) AND {RUN} IN ({speaking})"
    )
    found: dict[RunDay, RunRows] = defaultdict(RunRows)
    for run, day, facts, *row in table.select(statement, [*values, *values]):
        found[run, day].network.add(facts)
        found[run, day].records.append(_record(dict(zip(_READ, row, strict=True))))
    return found


def _record(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row in the form of a verdict record, as far as regimes need it."""
    try:
        endpoints = tables(json.loads(row["endpoints"] or "[]"))
    except ValueError:
        endpoints = []
    return row | {"anomalies": row["anomalies"].split(), "endpoints": endpoints}


def _counts(own: Mapping[RunDay, Regimes]) -> NetworkRegimes:
    main = Counter(one.regime for one in own.values())
    beside = Counter(name for one in own.values() for name in one.restrictions)
    days = sorted(day for _, day in own) or [""]
    return NetworkRegimes(_ordered(main), _ordered(beside), days[0], days[-1])


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return {regime: counts[regime] for regime in (*REGIMES, UNKNOWN) if counts[regime]}


def together(networks: Iterable[NetworkRegimes]) -> NetworkRegimes:
    """Return the counts of several vantage points together. A run at two of them counts twice."""
    main, beside = Counter[str](), Counter[str]()
    for one in networks:
        main.update(one.main)
        beside.update(one.restrictions)
    return NetworkRegimes(_ordered(main), _ordered(beside))


def stops_most(regimes: Regimes) -> str:
    """Return the regime of a run that stops most connections without a list of what is blocked, "" without one."""
    return next((name for name in (regimes.regime, *regimes.restrictions) if name in WITHOUT_LISTS), "")


def _failing(table: VerdictTable, question: Question, place: Place, found: Mapping[RunDay, Regimes]) -> Failing:
    """Return how many runs of each cell fail where the network stops most connections."""
    runs = [(run, day, regime) for (run, day), regimes in found.items() if (regime := stops_most(regimes))]
    counts: Failing = defaultdict(lambda: defaultdict(dict))
    if not runs:
        return counts
    table.note("alike_runs", _ALIKE, runs)
    keys = [ROWS[question.row], *place.columns(), "day", "alike_runs.regime"]
    source = f"verdicts JOIN alike_runs ON alike_runs.of_run = {RUN} AND alike_runs.on_day = day"
    for service, *rest in table.select(sql_of_runs(keys, place.condition, source), place.values):
        vantage, (day, regime, *by_state) = tuple(rest[: len(place.axes)]), rest[len(place.axes) :]
        if failing := sum(by_state[: len(FAILING)]):
            counts[vantage][service][day, regime] = failing
    return counts

"""Count verdicts into cells: one service at one vantage point, with its state now, its networks and its difference."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from probe.analysis.compare.axes import ARTIFICIAL, AXES, CONDITIONS, ROWS, Question
from probe.analysis.compare.current import LEAST, Current, NetworkNow, describe
from probe.analysis.compare.difference import (
    Difference,
    clean_sources,
    column_of,
    differences,
    robust_baseline,
    state_rates,
)
from probe.analysis.compare.examples import NEWEST, Example, example_of
from probe.analysis.compare.instrument import suspects
from probe.analysis.compare.networks import NetworkRegimes, Place, RegimesAt, regimes_of
from probe.analysis.compare.partial_blocks import partial_blocks
from probe.analysis.compare.partial_tests import PartialBlock
from probe.analysis.compare.repeated_failures import (
    DERIVED,
    IMPAIRED,
    RepeatedRuns,
    Repetition,
    ServiceRuns,
    repetition,
    select_repeated,
)
from probe.analysis.compare.run_figures import (
    CallRun,
    Calls,
    Cutoff,
    Figure,
    Throughput,
    calls_of,
    calls_since,
    cutoff_since,
    cutoffs_of,
    ratios_of,
    throughput_since,
)
from probe.analysis.compare.units import COUNTED_STATE, FAILING, NOT_COUNTED, STATES, Unit, select_units
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.statistics.clean_failures import CleanFailures
from probe.asn.network_names import network_name

INSUFFICIENT = "insufficient"
ROBUST = "robust"

# Measurements without a run id are counted as different runs.
REPORTERS = "COUNT(DISTINCT CASE WHEN run_id <> '' THEN run_id END) + SUM(CASE WHEN run_id = '' THEN 1 ELSE 0 END)"


class Network(NamedTuple):
    """Hold one network of a cell.

    `n` counts its runs. `found` is its state in the newest days, and `since` the first day of this state.
    """

    asn: str
    name: str
    n: int
    found: str | None
    since: str | None


@dataclass
class Cell:
    """Hold the counts of one service (or target) at one vantage point.

    - `now` describes the newest days. `found` is its state, None without a run that counts.
    - `state` equals `found` if `runs` is at least LEAST, else it is `insufficient`.
    - `n` counts measurements, `by_state` splits them, `set_aside` has by reason those that do not count.
    - `mechanisms` are named by at least half of the measurements with this state.
    - `derived` says why the state is `likely_blocked` although the measurements are `impaired`, None if they agree.
    - `reporters_max` counts runs, an upper limit for the number of users.
    - `throughput` sums up the comparisons of transfers in the newest days, None without any.
    - `cutoff` sums up the ages at which connections ended in the newest days, None without any.
    - `calls` sums up the figures of call packets in failing runs of the newest days, None without any.
    - `partial` are the partial blocks: at some hours, on some days, in part of the runs, on some networks.
    - `q_value` is the least false discovery rate at which the failures are no accident of clean contributors, None if
      no source fails or works.
    - `whole_network` counts failing runs of the newest days in which the network stops most connections, by regime.
    """

    service: str
    vantage: dict[str, str]
    state: str = INSUFFICIENT
    found: str | None = None
    mechanisms: list[str] = field(default_factory=list)
    n: int = 0
    by_state: dict[str, int] = field(default_factory=dict)
    set_aside: dict[str, int] = field(default_factory=dict)
    networks: list[Network] = field(default_factory=list)
    reporters_max: int = 0
    witness: Example | None = None  # the published key for the example measurement
    runs: int = 0
    now: Current | None = None
    difference: Difference | None = None
    derived: Repetition | None = None
    whole_network: dict[str, int] = field(default_factory=dict)
    throughput: Throughput | None = None
    cutoff: Cutoff | None = None
    calls: Calls | None = None
    partial: list[PartialBlock] = field(default_factory=list)
    q_value: float | None = None


class Tally(NamedTuple):
    """Count rows of one cell that have equal network, state, mechanisms and reason to be set aside."""

    network: str
    network_name: str
    state: str
    mechanisms: str
    set_aside: str
    n: int
    reporters: int
    newest: str


@dataclass
class Comparison:
    """Hold the cells of every service at every vantage point, those of the baseline first.

    A service that was not measured at a vantage point has a cell with `n` 0.
    """

    question: Question
    services: list[str]
    vantages: list[dict[str, str]]
    cells: dict[tuple[str, int], Cell]
    baseline: bool
    left_out: tuple[int, int] = (0, 0)  # vantage points that `top` removed, and their measurements
    instrument: list[tuple[str, str]] = field(default_factory=list)
    untested: int = 0  # services without a robust baseline
    networks: list[NetworkRegimes] = field(default_factory=list)  # of each vantage point

    def rows(self) -> Iterator[tuple[str, list[Cell]]]:
        """Iterate over the services with their cells, in the order of the vantage points."""
        for service in self.services:
            yield service, [self.cells[service, column] for column in range(len(self.vantages))]


def compare(table: VerdictTable, question: Question, top: int = 0) -> Comparison:
    """Compare vantage points. `top` keeps the ones with most measurements, 0 keeps all."""
    faults = prepare(table, question)
    at_baseline = " AND ".join(f"{CONDITIONS[name]} = ?" for name, _ in question.baseline)
    values = [value for _, value in question.baseline]
    axes, elsewhere = question.axes(), f"NOT ({at_baseline})" if at_baseline else "1 = 1"
    found = _columns(table, question.row, axes, elsewhere, values)
    vantages, left_out = _ranked({vantage: column.tallies for vantage, column in found.items()}, top)
    columns = [found[vantage] for vantage in vantages]
    if at_baseline:
        own = _columns(table, question.row, (), at_baseline, values).get((), _Column({}, {}, {}, {}, {}, {}, {}))
        columns.insert(0, own._replace(vantage=dict(question.baseline)))
    services = sorted({service for column in columns for service in column.tallies})
    everywhere = [*found.values(), *columns[: bool(at_baseline)]]
    runs = {service: _runs_of(service, everywhere) for service in services}
    cells = {
        (service, number): _derived(_cell(service, column), column, runs[service])
        for service in services
        for number, column in enumerate(columns)
    }
    regimes = regimes_of(table, question, Place(axes, elsewhere, values), vantages)
    if at_baseline:
        regimes = [*regimes_of(table, question, Place((), at_baseline, values), [()]), *regimes]
    networks = _with_regimes(cells, regimes)
    tested = {
        service: {
            number: column_of(column.units.get(service, []), country=is_country(column.vantage))
            for number, column in enumerate(columns)
        }
        for service in services
    }
    named = dict(question.baseline) or None
    for key, difference in differences(tested, 0 if named else None).items():
        cells[key].difference = replace(difference, baseline=named)
    for key, rate in state_rates(tested).items():
        cells[key].q_value = rate
    places = Place(axes, elsewhere, values)
    for (service, number), own_partial in _partial(
        table, question, places, columns[bool(named) :], clean_sources(tested)
    ).items():
        cells[service, number + bool(named)].partial = own_partial
    untested = (
        0 if named else sum(not robust_baseline(one) for one in tested.values() if any(c.sources for c in one.values()))
    )
    at = [column.vantage for column in columns]
    return Comparison(question, services, at, cells, bool(named), left_out, faults, untested, networks)


PLACES = frozenset({"cc", "asn", *ARTIFICIAL})
"""Axes of vantage points that are places. Partial blocks are those of places."""


def _partial(
    table: VerdictTable, question: Question, place: Place, columns: Sequence["_Column"], clean: CleanFailures
) -> dict[tuple[str, int], list[PartialBlock]]:
    if "cc" not in place.axes or not PLACES.issuperset(place.axes):
        return {}
    cells = {
        (service, number): units for number, column in enumerate(columns) for service, units in column.units.items()
    }
    return partial_blocks(
        table, question.row, place, cells, [tuple(column.vantage.values()) for column in columns], clean
    )


def _with_regimes(cells: Mapping[tuple[str, int], Cell], found: Sequence[RegimesAt]) -> list[NetworkRegimes]:
    """Add to each cell the failing runs in which the network stops most connections. Returns the regimes by column."""
    for (service, number), cell in cells.items():
        if cell.now is not None:
            cell.whole_network = found[number].failing_since(service, cell.now.first)
    return [one.regimes for one in found]


class _Column(NamedTuple):
    """Hold what is known of one vantage point, by service."""

    vantage: dict[str, str]
    tallies: dict[str, list[Tally]]
    units: dict[str, list[Unit]]
    repeated: dict[str, list[RepeatedRuns]]
    ratios: dict[str, list[Figure]]
    cutoffs: dict[str, list[Figure]]
    calls: dict[str, list[CallRun]]


def prepare(table: VerdictTable, question: Question) -> list[tuple[str, str]]:
    """Filter the table by the question, and store the faulty software versions beside it. Returns these versions."""
    table.filtered(*question.condition())
    faults = table.kept("suspects", lambda: suspects(table))
    table.note("suspects", ("service VARCHAR", "software VARCHAR"), faults)
    return faults


_Tallies = dict[tuple[str, ...], dict[str, list[Tally]]]  # by vantage point and service


def _tallies(table: VerdictTable, row: str, axes: Sequence[str], condition: str, values: Sequence[str]) -> _Tallies:
    names = [ROWS[row], *(AXES[axis] for axis in axes)]
    alike = ["probe_asn", "MAX(network)", COUNTED_STATE, "mechanisms", NOT_COUNTED]
    keys = [*range(1, len(names) + 2), len(names) + 3, len(names) + 4, len(names) + 5]
    statement = (
        f"SELECT {', '.join([*names, *alike])}, COUNT(*), {REPORTERS}, {NEWEST} FROM verdicts WHERE {condition} "
        f"GROUP BY {', '.join(map(str, keys))}"
    )
    found: _Tallies = defaultdict(lambda: defaultdict(list))
    for service, *rest in table.select(statement, values):
        found[tuple(rest[: len(axes)])][service].append(Tally(*rest[len(axes) :]))
    return found


def _columns(
    table: VerdictTable, row: str, axes: Sequence[str], condition: str, values: Sequence[str]
) -> dict[tuple[str, ...], _Column]:
    tallies = _tallies(table, row, axes, condition, values)
    units = select_units(table, row, axes, condition, values)
    repeated = select_repeated(table, row, axes, condition, values)
    place = Place(axes, condition, values)
    ratios, cutoffs = ratios_of(table, row, place), cutoffs_of(table, row, place)
    calls = calls_of(table, row, place)
    return {
        vantage: _Column(
            dict(zip(axes, vantage, strict=True)),
            services,
            units[vantage],
            repeated[vantage],
            ratios[vantage],
            cutoffs[vantage],
            calls[vantage],
        )
        for vantage, services in tallies.items()
    }


def _ranked(tallies: _Tallies, top: int) -> tuple[list[tuple[str, ...]], tuple[int, int]]:
    """Return the vantage points by falling number of measurements, and the counts of those beyond the top."""
    counts = {
        vantage: sum(tally.n for alike in services.values() for tally in alike) for vantage, services in tallies.items()
    }
    ranked = sorted(counts, key=lambda vantage: (-counts[vantage], vantage))
    beyond = ranked[top:] if top else []
    return ranked[: top or None], (len(beyond), sum(counts[vantage] for vantage in beyond))


def _cell(service: str, column: _Column) -> Cell:
    tallies = column.tallies.get(service, [])
    counted = [tally for tally in tallies if not tally.set_aside]
    states = _sums((tally.state, tally.n) for tally in counted)
    country = is_country(column.vantage)
    now, networks = describe(column.units.get(service, []), country=country)
    accused = now is not None and now.state in FAILING and country and not now.enough
    found, runs = now.state if now else None, sum(network.n for network in networks.values())
    return Cell(
        service,
        column.vantage,
        state=found if found is not None and runs >= LEAST and not accused else INSUFFICIENT,
        found=found,
        mechanisms=_mechanisms(counted, now),
        n=sum(states.values()),
        by_state={state: states[state] for state in STATES if state in states},
        set_aside=dict(sorted(_sums((tally.set_aside, tally.n) for tally in tallies if tally.set_aside).items())),
        networks=_networks(networks, counted),
        reporters_max=sum(tally.reporters for tally in counted),
        witness=example_of([(tally.state, tally.newest) for tally in counted or tallies], found),
        runs=runs,
        now=now,
        throughput=throughput_since(column.ratios.get(service, ()), now.first if now else ""),
        cutoff=cutoff_since(column.cutoffs.get(service, ()), now.first if now else ""),
        calls=calls_since(column.calls.get(service, ()), now.first if now else ""),
    )


def is_country(vantage: Mapping[str, str]) -> bool:
    """Return True if a vantage point is a country as a whole, on real networks or in a synthetic world."""
    return "cc" in vantage and "asn" not in vantage and not vantage.get("lab")


def _derived(cell: Cell, column: _Column, everywhere: ServiceRuns | None) -> Cell:
    """Return the cell with the state that follows from repetition. Its measurements keep theirs."""
    repeated = column.repeated.get(cell.service, [])
    if cell.now is None or cell.state != IMPAIRED or everywhere is None or not repeated:
        return cell
    units = column.units[cell.service]
    if (derived := repetition(units, repeated, describe(units)[1], everywhere)) is None:
        return cell
    return replace(cell, derived=derived, state=DERIVED, found=DERIVED, now=replace(cell.now, state=DERIVED))


def _runs_of(service: str, columns: Sequence[_Column]) -> ServiceRuns | None:
    """Return the runs of a service in all columns, None without repeated failures."""
    repeated = [one for column in columns for one in column.repeated.get(service, ())]
    units = (unit for column in columns for unit in column.units.get(service, ()))
    return ServiceRuns(units, repeated) if repeated else None


def _mechanisms(tallies: list[Tally], now: Current | None) -> list[str]:
    """Return the mechanisms of the measurements with the cell's state, or of all if it works and a network fails."""
    hidden = now is not None and now.failing > 0 and now.state not in FAILING
    accusing = [tally for tally in tallies if tally.mechanisms and (hidden or (now and tally.state == now.state))]
    named = _sums((name, tally.n) for tally in accusing for name in tally.mechanisms.split())
    return sorted(name for name, n in named.items() if 2 * n >= sum(tally.n for tally in accusing))


def _networks(networks: dict[tuple[str, str], NetworkNow], tallies: list[Tally]) -> list[Network]:
    names: dict[str, str] = {}
    for tally in tallies:
        names[tally.network] = max(names.get(tally.network, ""), tally.network_name)
    ranked = sorted(networks.items(), key=lambda item: (-item[1].n, item[0]))
    return [
        Network(asn, names[asn] or network_name(asn), network.n, network.found, network.since)
        for (_, asn), network in ranked
    ]


def _sums(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for name, n in pairs:
        sums[name] += n
    return sums

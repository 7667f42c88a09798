"""Count verdicts into cells: one service at one vantage point, with counts, networks and a test of the difference."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from probe.analysis.compare.axes import AXES, CONDITIONS, ROWS, Question
from probe.analysis.compare.instrument import SOFTWARE, suspects
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.rules.rule import SEVERITY
from probe.analysis.statistics.fisher import fisher_exact, holm
from probe.asn.table import AsnTable

SHARE = 0.8  # of a cell's measurements must have its state
LEAST = 5  # measurements are needed for a statement about a vantage point
MIXED, INSUFFICIENT, OK = "mixed", "insufficient", "ok"
TEST = "fisher_exact_two_sided_holm"
REST = "rest"

# Mechanisms that a network without working IPv6 causes. It never causes a reset that follows a name.
_BROKEN_FAMILY = ("", "tcp.timeout", "ip.unreachable", "udp.timeout")
SET_ASIDE = f"""CASE
  WHEN NOT valid THEN CASE WHEN invalid_reason = '' THEN 'invalid' ELSE invalid_reason END
  WHEN state = '' OR state = 'insufficient' THEN 'insufficient'
  WHEN ipv6_broken AND state <> 'ok' AND mechanisms IN ({", ".join(f"'{name}'" for name in _BROKEN_FAMILY)})
    THEN 'ipv6_broken'
  WHEN state <> 'ok' AND EXISTS (SELECT 1 FROM suspects
    WHERE suspects.service = verdicts.service AND suspects.software = {SOFTWARE}) THEN 'instrument'
  ELSE '' END"""
# The newest row of a group as one text, of which every engine can compute the maximum. `_example` splits it again.
_TIME = 20
_NEWEST = (
    f"MAX(SUBSTR(measurement_start_time || '{' ' * _TIME}', 1, {_TIME})"
    " || measurement_line || ' ' || LENGTH(service) || ' ' || service || measurement_file)"
)
# Measurements without a run id are counted as different runs.
REPORTERS = "COUNT(DISTINCT CASE WHEN run_id <> '' THEN run_id END) + SUM(CASE WHEN run_id = '' THEN 1 ELSE 0 END)"


class Network(NamedTuple):
    """Hold one network of a cell. `found` is the state that most of its measurements have (`winner`)."""

    asn: str
    name: str
    n: int
    found: str | None


@dataclass(frozen=True)
class Example:
    """Locate the newest measurement that has the cell's state, and the service whose verdict has it."""

    file: str
    line: int
    service: str
    time: str


@dataclass
class Cell:
    """Hold the counts of one service (or target) at one vantage point.

    - `n` counts valid and sufficient measurements, `by_state` splits them, `set_aside` has the others by reason.
    - `found` is the state of at least SHARE of the `n`, else `mixed`. It is None without any.
    - `state` equals `found` if `n` is at least LEAST, else it is `insufficient`.
    - `mechanisms` are named by at least half of the accusing measurements.
    - `reporters_max` counts runs, an upper limit for the number of users.
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
    difference: dict[str, Any] | None = None


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
    """Hold the cells of every service at every vantage point, the baseline's first. A gap is a cell with `n` 0."""

    question: Question
    services: list[str]
    vantages: list[dict[str, str]]
    cells: dict[tuple[str, int], Cell]
    baseline: bool
    left_out: tuple[int, int] = (0, 0)  # vantage points that `top` removed, and their measurements
    instrument: list[tuple[str, str]] = field(default_factory=list)

    def rows(self) -> Iterator[tuple[str, list[Cell]]]:
        """Iterate over the services with their cells, in the order of the vantage points."""
        for service in self.services:
            yield service, [self.cells[service, column] for column in range(len(self.vantages))]


def compare(table: VerdictTable, question: Question, top: int = 0) -> Comparison:
    """Compare vantage points. `top` keeps the ones with most measurements, 0 keeps all."""
    faults = prepare(table, question)
    at_baseline = " AND ".join(f"{CONDITIONS[name]} = ?" for name, _ in question.baseline)
    values = [value for _, value in question.baseline]
    axes = question.axes()
    found = _tallies(table, question.row, axes, f"NOT ({at_baseline})" if at_baseline else "1 = 1", values)
    vantages, left_out = _ranked(found, top)
    columns = [(dict(zip(axes, vantage, strict=True)), found[vantage]) for vantage in vantages]
    if at_baseline:
        columns.insert(0, (dict(question.baseline), _tallies(table, question.row, (), at_baseline, values)[()]))
    services = sorted({service for _, tallies in columns for service in tallies})
    cells = {
        (service, number): _cell(service, vantage, tallies.get(service, []))
        for service in services
        for number, (vantage, tallies) in enumerate(columns)
    }
    comparison = Comparison(question, services, [at for at, _ in columns], cells, bool(at_baseline), left_out, faults)
    _test(comparison)
    return comparison


def prepare(table: VerdictTable, question: Question) -> list[tuple[str, str]]:
    """Filter the table by the question, and store the faulty software versions beside it. Returns these versions."""
    table.filtered(*question.condition())
    faults = suspects(table)
    table.note("suspects", ("service VARCHAR", "software VARCHAR"), faults)
    return faults


_Tallies = dict[tuple[str, ...], dict[str, list[Tally]]]  # by vantage point and service


def _tallies(table: VerdictTable, row: str, axes: Sequence[str], condition: str, values: Sequence[str]) -> _Tallies:
    names = [ROWS[row], *(AXES[axis] for axis in axes)]
    alike = ["probe_asn", "MAX(network)", "state", "mechanisms", SET_ASIDE]
    keys = [*range(1, len(names) + 2), len(names) + 3, len(names) + 4, len(names) + 5]
    statement = (
        f"SELECT {', '.join([*names, *alike])}, COUNT(*), {REPORTERS}, {_NEWEST} FROM verdicts WHERE {condition} "
        f"GROUP BY {', '.join(map(str, keys))}"
    )
    found: _Tallies = defaultdict(lambda: defaultdict(list))
    for service, *rest in table.select(statement, values):
        found[tuple(rest[: len(axes)])][service].append(Tally(*rest[len(axes) :]))
    return found


def _ranked(tallies: _Tallies, top: int) -> tuple[list[tuple[str, ...]], tuple[int, int]]:
    """Return the vantage points by falling number of measurements, and the counts of those beyond the top."""
    counts = {
        vantage: sum(tally.n for alike in services.values() for tally in alike) for vantage, services in tallies.items()
    }
    ranked = sorted(counts, key=lambda vantage: (-counts[vantage], vantage))
    beyond = ranked[top:] if top else []
    return ranked[: top or None], (len(beyond), sum(counts[vantage] for vantage in beyond))


def _cell(service: str, vantage: dict[str, str], tallies: list[Tally]) -> Cell:
    counted = [tally for tally in tallies if not tally.set_aside]
    states = _sums((tally.state, tally.n) for tally in counted)
    n, found = sum(states.values()), winner(states)
    return Cell(
        service,
        vantage,
        state=found if found is not None and n >= LEAST else INSUFFICIENT,
        found=found,
        mechanisms=_mechanisms(counted, found),
        n=n,
        by_state={str(state): states[state] for state in SEVERITY if state in states},
        set_aside=dict(sorted(_sums((tally.set_aside, tally.n) for tally in tallies if tally.set_aside).items())),
        networks=_networks(counted),
        reporters_max=sum(tally.reporters for tally in counted),
        witness=_example(counted or tallies, found),
    )


def winner(states: Counter[str]) -> str | None:
    """Return the state of at least SHARE of the measurements, `mixed` without one, None without measurements."""
    n = sum(states.values())
    if not n:
        return None
    ((state, most),) = states.most_common(1)
    return state if most >= SHARE * n else MIXED


def _mechanisms(tallies: list[Tally], found: str | None) -> list[str]:
    accusing = [tally for tally in tallies if tally.mechanisms and found in (tally.state, MIXED)]
    named = _sums((name, tally.n) for tally in accusing for name in tally.mechanisms.split())
    return sorted(name for name, n in named.items() if 2 * n >= sum(tally.n for tally in accusing))


def _networks(tallies: list[Tally]) -> list[Network]:
    states: dict[str, Counter[str]] = defaultdict(Counter)
    names: dict[str, str] = {}
    for tally in tallies:
        states[tally.network][tally.state] += tally.n
        names[tally.network] = max(names.get(tally.network, ""), tally.network_name)
    ranked = sorted(states, key=lambda asn: (-states[asn].total(), asn))
    return [Network(asn, names[asn] or network_name(asn), states[asn].total(), winner(states[asn])) for asn in ranked]


@cache
def network_name(asn: str) -> str:
    """Return the operator's name of a network such as `AS64500`, from the bundled table, "" if it is unknown."""
    number = asn.removeprefix("AS")
    return _asn_table().name(int(number)) if number.isdecimal() and len(number) < 11 else ""


@cache
def _asn_table() -> AsnTable:
    return AsnTable()


def _example(tallies: list[Tally], found: str | None) -> Example | None:
    """Return the newest measurement with the cell's state. In a mixed cell it has the gravest state.

    Without measurements that count, the newest of the others is returned.
    """
    for state in (*SEVERITY, ""):
        newest = [tally.newest for tally in tallies if tally.state == state and found in (state, MIXED, None)]
        if newest:
            time, (line, length, rest) = max(newest)[:_TIME], max(newest)[_TIME:].split(" ", 2)
            return Example(rest[int(length) :], int(line), rest[: int(length)], time.rstrip())
    return None


def _test(comparison: Comparison) -> None:
    """Set every cell's p-value: its share of `ok` against the baseline's, or against all other vantage points'."""
    tested: list[tuple[Cell, float]] = []
    for _, cells in comparison.rows():
        reference = cells[:1] if comparison.baseline else cells
        n, ok = sum(cell.n for cell in reference), sum(cell.by_state.get(OK, 0) for cell in reference)
        for cell in cells[comparison.baseline :]:
            works = cell.by_state.get(OK, 0)
            other_works, others = (ok, n) if comparison.baseline else (ok - works, n - cell.n)
            if cell.n and others:
                tested.append((cell, fisher_exact(works, cell.n - works, other_works, others - other_works)))
    against: Any = dict(comparison.question.baseline) if comparison.baseline else REST
    for (cell, raw), p in zip(tested, holm([raw for _, raw in tested]), strict=True):
        cell.difference = {"baseline": against, "p_value": p, "test": TEST, "p_value_uncorrected": raw}


def _sums(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for name, n in pairs:
        sums[name] += n
    return sums

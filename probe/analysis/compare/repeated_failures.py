"""Derive `likely_blocked` for a cell whose single failures repeat, while the control and other services work.

A measurement of OONI tries once, so one failure is `impaired`. The rule needs repetition that outages, bad lines,
servers, software versions and local filters do not explain. The limits are design values. `tests/worlds` measures them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from probe.analysis.compare.axes import AXES, ROWS
from probe.analysis.compare.contributors import Kind, Network
from probe.analysis.compare.current import NetworkNow, describe
from probe.analysis.compare.difference import sources_of
from probe.analysis.compare.units import COUNTED_STATE, DEVICE, FAILING, NOT_COUNTED, RUN, WORKING, Unit, by_state
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.rules.rule import State
from probe.analysis.statistics.contingency_tables import fisher_greater

IMPAIRED = State.IMPAIRED.value
SOURCE_DAYS = 2  # with runs that fail alike, for each source
DEVICES = 2  # sources that one user behind a local filter can be
BEYOND = 3  # runs of other sources that fail alike
ALIKE = 0.5  # of the failing runs fail alike
NOT_WORKING = 0.9  # of the runs that fail alike or work. Runs of other users, or a bad line, make it smaller.


class RepeatedRuns(NamedTuple):
    """Count a network's runs of one day and kind of device in which a service failed alone, by the layer that failed.

    `others_failing` and `others_working` count the other services of these runs.
    """

    cc: str
    asn: str
    day: str
    kind: Kind
    layer: str
    runs: int
    others_failing: int
    others_working: int

    @property
    def network(self) -> tuple[str, str]:
        return self.cc, self.asn


@dataclass(frozen=True)
class Evidence:
    """Hold the units and the repeated runs of some networks, since each began to fail."""

    units: list[Unit]
    repeated: list[RepeatedRuns]

    @property
    def failing(self) -> int:
        return sum(one.runs for one in self.repeated)

    @property
    def others(self) -> tuple[int, int]:
        return sum(one.others_failing for one in self.repeated), sum(one.others_working for one in self.repeated)

    @property
    def days(self) -> int:
        return len({one.day for one in self.repeated})

    def runs(self, states: Sequence[str] = (*FAILING, *WORKING)) -> int:
        """Return the number of runs in these states."""
        counts = by_state(self.units)
        return sum(counts[state] for state in states)

    def alike(self) -> bool:
        """Return True if nearly all runs fail, most of them alike."""
        alike = self.failing
        return alike >= ALIKE * self.runs(FAILING) and alike >= NOT_WORKING * (alike + self.runs(WORKING))

    def sources(self) -> list["Evidence"]:
        """Return the evidence of each source that fails alike on SOURCE_DAYS days, that with most runs first."""
        outcomes = [(unit, bad) for unit in self.units if (bad := unit.fails) is not None]
        found = [self._of_source([unit for unit, _ in own]) for own in sources_of(outcomes)]
        return sorted((one for one in found if one.days >= SOURCE_DAYS), key=lambda one: -one.failing)

    def _of_source(self, units: list[Unit]) -> "Evidence":
        places = {(unit.network, unit.day, unit.kind) for unit in units}
        return Evidence(units, [one for one in self.repeated if (one.network, one.day, one.kind) in places])

    def of_several_users(self) -> bool:
        """Return True if the failures repeat without the DEVICES sources that have most of them."""
        beyond = self.sources()[DEVICES:]
        return bool(beyond) and joined(beyond).failing >= BEYOND and joined(beyond).alike()

    def p_value(self) -> float:
        """Return the p-value of Fisher's test that the service fails as often as others in its failing runs."""
        return fisher_greater(self.failing, self.runs(WORKING), *self.others)


def since(units: Iterable[Unit], repeated: Iterable[RepeatedRuns], now: NetworkNow) -> Evidence:
    """Return the evidence of a network since its last change."""
    first = now.since or ""
    return Evidence([unit for unit in units if unit.day >= first], [one for one in repeated if one.day >= first])


def joined(some: Sequence[Evidence]) -> Evidence:
    """Return the evidence of several networks or sources together."""
    return Evidence([unit for one in some for unit in one.units], [runs for one in some for runs in one.repeated])


class ServiceRuns:
    """Hold the units and the repeated runs of one service in all networks."""

    def __init__(self, units: Iterable[Unit], repeated: Iterable[RepeatedRuns]) -> None:
        self._units: dict[Network, list[Unit]] = defaultdict(list)
        self._repeated: dict[Network, list[RepeatedRuns]] = defaultdict(list)
        for unit in units:
            self._units[unit.network].append(unit)
        for one in repeated:
            self._repeated[one.network].append(one)

    @cached_property
    def _outcomes(self) -> dict[Network, list[tuple[str, bool | None]]]:
        """Return if each unit fails, with its day."""
        return {network: [(unit.day, unit.fails) for unit in units] for network, units in self._units.items()}

    def beside(self, country: str, layer: str) -> dict[Network, Evidence]:
        """Return the networks of a country that fail alike."""
        found = {
            network: since(units, [one for one in self._repeated[network] if one.layer == layer], now[network])
            for network, units in self._units.items()
            if network[0] == country and (now := describe(units)[1])[network].found == IMPAIRED
        }
        return {network: one for network, one in found.items() if one.alike() and one.days >= SOURCE_DAYS}

    def measured(self, country: str) -> int:
        """Return the number of a country's networks with runs."""
        return sum(network[0] == country for network in self._units)

    def elsewhere(self, evidence: Evidence) -> tuple[int, int]:
        """Return in how many networks of other countries the service works on most days of that time, and of all."""
        countries, days = {unit.cc for unit in evidence.units}, [one.day for one in evidence.repeated]
        outcomes = [
            [outcome for day, outcome in own if min(days) <= day <= max(days)]
            for network, own in self._outcomes.items()
            if network[0] not in countries
        ]
        known = [own for own in outcomes if any(outcome is not None for outcome in own)]
        return sum(own.count(False) > own.count(True) for own in known), len(known)


LAYERS = ("tcp", "tls", "quic", "http")
"""Layers of failures that OONI's measurements have, and that were not seen often enough to say more."""


def _listed(words: Sequence[str]) -> str:
    return "({})".format(", ".join(f"'{word}'" for word in words))


_SINGLE = (
    f"state = 'impaired' AND rule_id = 'unconfirmed' AND layer IN {_listed(LAYERS)} "
    "AND attempts > 0 AND failures = attempts AND controls > 0 AND control_successes = controls"
)
_OUTCOMES = {
    "failing": f"{COUNTED_STATE} IN {_listed(FAILING)}",
    "working": f"{COUNTED_STATE} IN {_listed(WORKING)}",
    "single": _SINGLE,
}
_SUMS = ", ".join(f"SUM(CASE WHEN {condition} THEN 1 ELSE 0 END) AS {name}" for name, condition in _OUTCOMES.items())


Repeated = dict[tuple[str, ...], dict[str, list[RepeatedRuns]]]  # by vantage point and service


def select_repeated(
    table: VerdictTable, row: str, axes: Sequence[str], condition: str = "1 = 1", values: Sequence[str] = ()
) -> Repeated:
    """Return the repeated runs of every vantage point and service among the rows that meet the condition."""
    found: Repeated = defaultdict(lambda: defaultdict(list))
    if not table.select(f"SELECT 1 FROM verdicts WHERE {_SINGLE} LIMIT 1"):
        return found
    for service, *rest in sorted(table.select(_statement(row, axes, condition), values)):
        cc, asn, day, program, version, *counts = rest[len(axes) :]
        found[tuple(rest[: len(axes)])][service].append(RepeatedRuns(cc, asn, day, (program, version), *counts))
    return found


def _statement(row: str, axes: Sequence[str], condition: str) -> str:
    """Return the SELECT. Most other services of a run must work, so that an outage of the network counts nothing."""
    keys = [ROWS[row], *(AXES[axis] for axis in axes), "probe_cc", "probe_asn", "day", *DEVICE[:2], RUN]
    names = [f"key{number}" for number in range(len(keys))]
    listed = ", ".join(f"{key} AS {name}" for key, name in zip(keys, names, strict=True))
    of_run, kept = ", ".join(names[1:]), ", ".join(names[:-1])
    return f"""
WITH services AS (
  SELECT {listed}, {_SUMS}, MIN(CASE WHEN {_SINGLE} THEN layer END) AS layer,
    COUNT(DISTINCT CASE WHEN {_SINGLE} THEN layer END) AS layers
  FROM verdicts WHERE ({condition}) AND {NOT_COUNTED} = '' GROUP BY {", ".join(map(str, range(1, len(names) + 1)))}
), runs AS (
  SELECT {of_run}, SUM(CASE WHEN failing > 0 AND failing >= working THEN 1 ELSE 0 END) AS bad,
    SUM(CASE WHEN working > failing THEN 1 ELSE 0 END) AS good
  FROM services GROUP BY {of_run}
)
SELECT {kept}, layer, COUNT(*), SUM(bad - 1), SUM(good) FROM services JOIN runs USING ({of_run})
WHERE single > 0 AND single = failing AND working = 0 AND layers = 1 AND good > bad - 1 GROUP BY {kept}, layer"""


RULE, DERIVED = "repeated_failures", State.LIKELY_BLOCKED.value
RUNS = 8  # that fail alike
DAYS = 5  # with such runs. Outages are shorter.
CHANCE = 1e-4  # largest p-value of the test against other services in the same runs
ELSEWHERE = 3  # networks of other countries in which the service works
ELSEWHERE_SHARE = 0.5  # of the networks of other countries. Below, the server has a fault.
MOST_NETWORKS = 0.5  # of a country's networks fail alike, if no single one has several users


@dataclass(frozen=True)
class Repetition:
    """Hold why a cell is likely blocked although each measurement is `impaired`.

    - `failing` of the `runs` of these `networks` fail alike, on so many `days`. `layer` is where they fail.
    - `sources` counts networks, and versions in them. `country_networks` fail alike, in the cell and beside it.
    - `others_failing` and `others_working` count other services in the failing runs. `p_value` compares both.
    - The service works in `elsewhere_working` of the `elsewhere` networks of other countries.
    """

    rule: str
    layer: str
    networks: list[str]
    failing: int
    runs: int
    days: int
    sources: int
    country_networks: int
    others_failing: int
    others_working: int
    p_value: float
    elsewhere_working: int
    elsewhere: int


def repetition(
    units: Sequence[Unit], repeated: Sequence[RepeatedRuns], networks: Mapping[Network, NetworkNow], all_: ServiceRuns
) -> Repetition | None:
    """Return why a cell with these units is likely blocked, None if it is not. `all_` has the runs of all cells.

    A cell of several countries gets None.
    """
    if len({unit.cc for unit in units}) > 1:
        return None
    for layer in sorted({one.layer for one in repeated}):
        alike = [one for one in repeated if one.layer == layer]
        for evidence in _candidates(units, alike, networks):
            if (found := _judged(layer, evidence, all_)) is not None:
                return found
    return None


def _candidates(
    units: Sequence[Unit], alike: Sequence[RepeatedRuns], networks: Mapping[Network, NetworkNow]
) -> Iterator[Evidence]:
    """Iterate over the evidence of all networks together that fail alike, then over that of each."""
    found = []
    for network in sorted({one.network for one in alike}):
        own = [unit for unit in units if unit.network == network], [one for one in alike if one.network == network]
        if networks[network].found == IMPAIRED and (evidence := since(*own, networks[network])).alike():
            found.append(evidence)
    if len(found) > 1:
        yield joined(found)
    yield from found


def _judged(layer: str, evidence: Evidence, all_: ServiceRuns) -> Repetition | None:
    if evidence.failing < RUNS or evidence.days < DAYS or evidence.p_value() > CHANCE:
        return None
    country = evidence.units[0].cc
    beside = all_.beside(country, layer)
    alone = len({one.network for one in evidence.repeated}) == 1 and evidence.of_several_users()
    if not alone and not _of_country(beside, all_.measured(country)):
        return None
    working, measured = all_.elsewhere(evidence)
    if working < max(ELSEWHERE, ELSEWHERE_SHARE * measured):
        return None
    return Repetition(
        RULE,
        layer,
        sorted({one.asn for one in evidence.repeated}),
        evidence.failing,
        evidence.runs(),
        evidence.days,
        len(evidence.sources()),
        len(beside),
        *evidence.others,
        evidence.p_value(),
        working,
        measured,
    )


def _of_country(beside: Mapping[Network, Evidence], measured: int) -> bool:
    """Return True if several networks of a country fail alike, MOST_NETWORKS of those that measured."""
    sources = sum(len(one.sources()) for one in beside.values())
    return len(beside) >= max(2, MOST_NETWORKS * measured) and sources > DEVICES

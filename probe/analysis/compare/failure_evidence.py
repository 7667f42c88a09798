"""Collect the runs in which a service failed alone, and compare them with users, services and networks beside them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from probe.analysis.compare.current import NetworkNow, describe
from probe.analysis.compare.difference import sources_of
from probe.analysis.compare.repeated_runs import RepeatedRuns
from probe.analysis.compare.units import FAILING, WORKING, Unit, by_state, fails
from probe.analysis.rules.rule import State
from probe.analysis.statistics.fisher import fisher_greater

IMPAIRED = State.IMPAIRED.value
SOURCE_DAYS = 2  # with runs that fail alike, for each source
DEVICES = 2  # sources that one user behind a local filter can be
BEYOND = 3  # runs of other sources that fail alike
ALIKE = 0.5  # of the failing runs fail alike
NOT_WORKING = 0.9  # of the runs that fail alike or work. Runs of other users, or a bad line, make it smaller.

Network = tuple[str, str]  # country and AS number


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
        outcomes = [(unit, bad) for unit in self.units if (bad := fails(by_state([unit]))) is not None]
        found = [self._of_source([unit for unit, _ in own]) for own in sources_of(outcomes)]
        return sorted((one for one in found if one.days >= SOURCE_DAYS), key=lambda one: -one.failing)

    def _of_source(self, units: list[Unit]) -> "Evidence":
        places = {(unit.network, unit.day, unit.software) for unit in units}
        return Evidence(units, [one for one in self.repeated if (one.network, one.day, one.software) in places])

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
        return {
            network: [(unit.day, fails(by_state([unit]))) for unit in units] for network, units in self._units.items()
        }

    def beside(self, country: str, rule_id: str) -> dict[Network, Evidence]:
        """Return the networks of a country that fail alike."""
        found = {
            network: since(units, [one for one in self._repeated[network] if one.rule_id == rule_id], now[network])
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

"""Return the series of a page: runs by day of each service, in countries and networks."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from probe.analysis.compare.units import FAILING, WORKING, Unit, by_state, select_units
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.statistics.wilson import wilson

MOST_POINTS = 40_000  # days of services in all series, about a megabyte
Place = tuple[str, str]  # country and network, "" for all networks together
Point = list[int]  # day, runs that fail, that work, and other ones, then the interval of 95 % in thousandths
Points = dict[Place, dict[str, list[Point]]]


def points(table: VerdictTable, row: str, days: Sequence[str]) -> Points:
    """Return the points of every country, and of every network in a country that has several."""
    numbers, found = {day: number for number, day in enumerate(days)}, Points()
    for (cc,), services in select_units(table, row, ("cc",)).items():
        for service, units in services.items():
            counted = [unit for unit in units if unit.day in numbers]
            for asn, own in {"": counted, **_by_network(counted)}.items():
                found.setdefault((cc, asn), {})[service] = _series(own, numbers)
    networks = Counter(cc for cc, asn in found if asn)
    return {place: series for place, series in found.items() if place[1] == "" or networks[place[0]] > 1}


def _by_network(units: Iterable[Unit]) -> dict[str, list[Unit]]:
    found: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        found[unit.asn].append(unit)
    return found


def _series(units: Iterable[Unit], numbers: dict[str, int]) -> list[Point]:
    by_day: dict[int, list[Unit]] = defaultdict(list)
    for unit in units:
        by_day[numbers[unit.day]].append(unit)
    return [_point(day, by_day[day]) for day in sorted(by_day)]


def _point(day: int, units: Iterable[Unit]) -> Point:
    runs = by_state(units)
    failing, working = (sum(runs[state] for state in kind) for kind in (FAILING, WORKING))
    low, high = wilson(failing, failing + working)
    return [day, failing, working, runs.total() - failing - working, round(1000 * low), round(1000 * high)]


def within_limit(found: Points) -> list[Place]:
    """Return the places up to MOST_POINTS: countries before networks, those with most runs first."""
    runs = {place: sum(sum(point[1:4]) for one in series.values() for point in one) for place, series in found.items()}
    kept, total = list[Place](), 0
    for place in sorted(found, key=lambda place: (place[1] != "", -runs[place], place)):
        total += sum(map(len, found[place].values()))
        if total > MOST_POINTS and kept:
            break
        kept.append(place)
    return kept

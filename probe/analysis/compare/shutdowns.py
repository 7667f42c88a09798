"""Find days on which measurements went missing: on several networks of a country together, or on one large network."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from probe.analysis.compare.event import SHUTDOWN, Event, began_together, span, typical
from probe.analysis.compare.timeline import prefix
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.statistics.cusum import COLLAPSED, USUAL_DAYS, USUAL_LEAST, Change, collapse

ALONE = 20.0  # usual daily measurements that one network needs for an event of its own
ALL_TOGETHER = 2 * USUAL_LEAST  # usual daily measurements that a country needs: the minimum of two networks
_VOLUMES = f"SELECT probe_cc, probe_asn, {prefix('day')}, COUNT(DISTINCT line_hash) FROM verdicts GROUP BY 1, 2, 3"
_Volumes = dict[str, Counter[str]]  # measurements by day, by network of one country


def shutdowns(table: VerdictTable, days: list[str]) -> list[Event]:
    """Return every collapse of volume as an event. The last day is left out, since it may be incomplete."""
    countries: dict[str, _Volumes] = defaultdict(lambda: defaultdict(Counter))
    for cc, network, day, n in table.select(_VOLUMES):
        countries[cc][network][day] += n
    return [event for cc, volumes in countries.items() for event in _silences(cc, volumes, days[:-1])]


def _silences(cc: str, volumes: _Volumes, days: list[str]) -> Iterator[Event]:
    whole = list(_of_all(cc, volumes, days))
    yield from whole
    yield from (one for one in _of_some(cc, volumes, days) if not any(one.meets(other) for other in whole))


def _of_all(cc: str, volumes: _Volumes, days: list[str]) -> Iterator[Event]:
    """Find collapses of a country's total. Each network may have too few measurements for one of its own."""
    everything = sum(volumes.values(), Counter[str]())
    for change in collapse([everything[day] for day in days]):
        networks = [network for network, counts in volumes.items() if _fell(counts, change, days)]
        if len(networks) > 1 and change.usual >= ALL_TOGETHER:
            yield _event(cc, networks, change, days)


def _fell(counts: Counter[str], change: Change, days: list[str]) -> bool:
    """Return True if a network's own volume fell to COLLAPSED of its usual volume during the change."""
    onset = change.onset or 0
    before, inside = days[max(0, onset - USUAL_DAYS) : onset], days[onset : change.end]
    usual = sum(counts[day] for day in before) / max(1, len(before))
    return usual > 0 and sum(counts[day] for day in inside) <= COLLAPSED * usual * len(inside)


def _of_some(cc: str, volumes: _Volumes, days: list[str]) -> Iterator[Event]:
    fallen = [
        (network, change) for network, counts in volumes.items() for change in collapse([counts[day] for day in days])
    ]
    for same in began_together(fallen):
        if len(same) > 1 or same[0][1].usual >= ALONE:  # a small network may be one user who stopped
            yield _event(cc, (network for network, _ in same), typical(change for _, change in same), days)


def _event(cc: str, networks: Iterable[str], change: Change, days: list[str]) -> Event:
    onset, end = span(change, days)
    return Event(None, sorted(set(networks)), onset, end, None, days[change.detected], SHUTDOWN, cc)

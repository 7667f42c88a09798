"""Distinguish shutdowns of a country's Internet access from users who stopped measuring."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import exp, prod
from statistics import median

from probe.analysis.compare.over_time.event import SHUTDOWN, STOPPED, Event, span
from probe.analysis.compare.over_time.silences import (
    LONGEST,
    RETURN_DAYS,
    Country,
    NetworkActivity,
    UsualSilences,
    usual,
)
from probe.analysis.compare.over_time.stopped import stopped
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.statistics.cusum import COLLAPSED, Change

FALSE_A_YEAR = 0.03  # coincidences of users who stop, per country and year, up to which a silence is a shutdown
A_YEAR = 365
NETWORKS = 2  # that must fall silent together
HOLIDAY = 0.1  # share of the usual runs that a country makes on its quietest holidays
HOLIDAY_CHANCE = 0.05  # probability of so few runs on such holidays, up to which a silence is a shutdown
ELSEWHERE = 0.5  # share of its usual activity that the rest of the table must have at the same time
# A run without any network does not show that the network works. Measurements without a run id are runs of their own.
_RUNS = """
SELECT probe_cc, probe_asn, day, COUNT(DISTINCT CASE WHEN run_id = '' THEN line_hash ELSE run_id END) FROM verdicts
WHERE invalid_reason <> 'no_network' GROUP BY 1, 2, 3"""
_Runs = dict[str, dict[str, Counter[str]]]  # by country, network and day


def shutdowns(table: VerdictTable, days: list[str]) -> list[Event]:
    """Return shutdowns, and other periods in which measurements stopped.

    The last day is left out, since it may be incomplete.
    """
    runs: _Runs = defaultdict(lambda: defaultdict(Counter))
    for cc, network, day, n in table.select(_RUNS):
        runs[cc][network][day] += n
    days = _measured(runs, days[:-1])
    countries = [
        Country(cc, {asn: NetworkActivity([counts[day] for day in days]) for asn, counts in networks.items()})
        for cc, networks in runs.items()
    ]
    tests = len(countries) * len(days)
    rates, everywhere = UsualSilences(countries), [sum(day) for day in zip(*(c.active for c in countries), strict=True)]
    return [event for country in countries for event in _of_country(country, rates, everywhere, days, tests)]


def _measured(runs: _Runs, days: list[str]) -> list[str]:
    """Leave out the last days if few networks have runs on them. A wrong clock must not prolong the data."""
    networks = Counter(day for by_network in runs.values() for counts in by_network.values() for day in counts)
    least = COLLAPSED * median(networks.values()) if networks else 0
    last = max((place for place, day in enumerate(days) if networks[day] > least), default=-1)
    return days[: last + 1]


def _of_country(
    country: Country, rates: UsualSilences, everywhere: Sequence[int], days: Sequence[str], tests: int
) -> Iterator[Event]:
    """Iterate over the events of a country. `tests` is the number of days of countries on which one can begin."""
    dark = [
        replace(
            _event(country, change, days, SHUTDOWN),
            q_value=min(1.0, tests * _chance(country, rates, change, len(days))),
        )
        for change in _silent(country, rates, everywhere)
    ]
    yield from dark
    others = [_event(country, change, days, STOPPED, networks) for change, networks in stopped(country)]
    yield from (one for one in others if not any(one.meets(other) for other in dark))


def _silent(country: Country, rates: UsualSilences, everywhere: Sequence[int]) -> Iterator[Change]:
    """Find periods in which networks are silent together that would not be by chance."""
    reached = 0
    for onset in range(1, len(everywhere)):
        length = country.silent_days(onset) if onset >= reached and country.active[onset - 1] else 0
        detected = _detected(country, rates, onset, length)
        if detected is not None and _works_elsewhere(country, everywhere, onset, length):
            reached = onset + length
            yield Change(onset, reached if reached < len(everywhere) else None, detected)


def _detected(country: Country, rates: UsualSilences, onset: int, length: int) -> int | None:
    """Return the day on which a silence is long enough for a shutdown, or on which the networks' return shows it."""
    for days in range(1, min(length, LONGEST) + 1):
        if _is_shutdown(country, rates, onset, days, returned=False):
            return onset + days - 1
    known = onset + length + RETURN_DAYS
    if 0 < length <= LONGEST and known <= len(country.active):
        return known - 1 if _is_shutdown(country, rates, onset, length, returned=True) else None
    return None


def _is_shutdown(country: Country, rates: UsualSilences, onset: int, days: int, *, returned: bool) -> bool:
    """Return True if neither independent networks nor holidays explain a silence.

    Independent networks would be silent together so at most FALSE_A_YEAR times a year.
    """
    if not _quieter_than_holidays(country, onset, days):
        return False
    fallen = country.fell_silent(onset, days)
    shares = [rates.share(country, network, onset, days, returned=returned) for network in fallen]
    return len(shares) >= NETWORKS and A_YEAR * prod(shares) <= FALSE_A_YEAR


def _chance(country: Country, rates: UsualSilences, change: Change, days: int) -> float:
    """Return the probability that independent networks are silent together for so long."""
    onset = change.onset or 0
    length = min(LONGEST, (days if change.end is None else change.end) - onset)
    return prod(rates.share(country, one, onset, length, returned=False) for one in country.fell_silent(onset, length))


def _quieter_than_holidays(country: Country, onset: int, days: int) -> bool:
    """Return True if a silence has fewer runs than a country's quietest holidays would have, of a Poisson model.

    On a holiday all networks have fewer runs together, so they are not independent then.
    """
    networks = country.networks.values()
    expected = HOLIDAY * days * sum(usual(one.runs, onset) for one in networks)
    term = total = exp(-expected)
    for number in range(1, sum(sum(one.runs[onset : onset + days]) for one in networks) + 1):
        term *= expected / number
        total += term
    return total <= HOLIDAY_CHANCE


def _works_elsewhere(country: Country, everywhere: Sequence[int], onset: int, days: int) -> bool:
    """Return False if the other countries' measurements are missing too, as with a fault of the probe or the store."""
    others = [total - own for total, own in zip(everywhere, country.active, strict=True)]
    before = usual(others, onset)
    return sum(others[onset : onset + days]) >= ELSEWHERE * before * days


def _event(country: Country, change: Change, days: Sequence[str], kind: str, networks: Iterable[str] = ()) -> Event:
    onset, end = span(change, days)
    named = sorted(networks) or country.silent_networks(change.onset or 0, change.end)
    return Event(None, named, onset, end, None, days[change.detected], kind, country.cc)

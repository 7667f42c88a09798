"""Return the series, mechanisms, events and notes of a page."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from probe.analysis.compare.axes import ROWS, Question, QuestionError
from probe.analysis.compare.instrument import SOFTWARE
from probe.analysis.compare.over_time.annotations import Annotation
from probe.analysis.compare.over_time.event_evidence import EventEvidence, ShownEvent, shown_events
from probe.analysis.compare.over_time.events import period_text, prepared_events
from probe.analysis.compare.over_time.period import Period, period_of
from probe.analysis.compare.units import COUNTED_STATE, FAILING, NOT_COUNTED, WORKING, Unit, by_state, select_units
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.statistics.shares import wilson
from probe.countries.country_names import country_name
from probe.messages import listed, tr, tr_plural

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


def _listed(states: tuple[str, ...]) -> str:
    return ", ".join(f"'{state}'" for state in states)


_FAILS, _WORKS = f"{COUNTED_STATE} IN ({_listed(FAILING)})", f"{COUNTED_STATE} IN ({_listed(WORKING)})"


def failing_runs(table: VerdictTable, row: str) -> list[tuple[str, str, str, str, int]]:
    """Return service, country, day, mechanisms and the number of runs that fail with them, each run once.

    The runs are those that `select_units` counts as failing. Several mechanisms of a run are separated by spaces.
    """
    found: list[tuple[str, str, str, str, int]] = table.select(f"""
SELECT service, cc, day, mechanisms, COUNT(*) FROM (
  SELECT {ROWS[row]} AS service, probe_cc AS cc, probe_asn AS asn, day, {SOFTWARE} AS software,
    CASE WHEN run_id <> '' THEN run_id ELSE line_hash END AS run,
    MAX(CASE WHEN {_FAILS} THEN mechanisms ELSE '' END) AS mechanisms,
    SUM(CASE WHEN {_FAILS} THEN 1 ELSE 0 END) AS failing, SUM(CASE WHEN {_WORKS} THEN 1 ELSE 0 END) AS working
  FROM verdicts WHERE {NOT_COUNTED} = '' GROUP BY 1, 2, 3, 4, 5, 6
) AS run_rows WHERE failing > 0 AND failing >= working GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4""")
    return found


_EVENT_KEYS = ("service", "cc", "onset", "end", "mechanism", "networks", "detected_at", "kind")
_Failing = dict[Place, dict[str, list[list[int]]]]  # day, number of the mechanism, and runs


def over_time_data(table: VerdictTable, question: Question, annotations: Sequence[Annotation] = ()) -> dict[str, Any]:
    """Return days, series, events and notes, or the sentence that says why there are none."""
    try:
        period = period_of(table)
        events = prepared_events(table)
    except QuestionError as error:
        nothing = {"days": [], **_over_time([], {}, []), "events": [], "annotations": []}
        return {**nothing, "strays": "", "series_note": str(error)}
    days = period.days
    found = points(table, question.row, days)
    kept = within_limit(found)
    mechanisms, failing = _by_mechanism(table, question.row, days)
    places = [
        {"cc": cc, "asn": asn, "series": found[cc, asn], "failing": failing.get((cc, asn), {})} for cc, asn in kept
    ]
    return {
        "days": days,
        **_over_time(places, found, mechanisms),
        "events": [event_data(shown) for shown in shown_events(table, events, days[-1] if days else "")],
        "annotations": [asdict(note) for note in annotations],
        "strays": strays_sentence(period),
        "series_note": None,
    }


def strays_sentence(period: Period) -> str:
    """Return the sentence about runs that the period leaves out, "" without any."""
    if not period.strays:
        return ""
    return tr_plural(
        "{count} run is dated more than a year from all others ({days}), perhaps by a wrong clock. The period leaves "
        "it out.",
        "{count} runs are dated more than a year from all others ({days}), perhaps by a wrong clock. The period leaves "
        "them out.",
        period.stray_runs,
        days=listed(period.strays[:5]),
    )


def event_data(shown: ShownEvent) -> dict[str, Any]:
    """Return an event with its period, evidence and probability as texts."""
    found = {key: getattr(shown.event, key) for key in _EVENT_KEYS}
    return found | {
        "key": shown.key,
        "period": period_text(shown.event),
        "days": tr_plural("{count} day", "{count} days", shown.days) if shown.days is not None else tr("not known"),
        "evidence": evidence_text(shown.evidence),
        "probability": probability_text(shown.evidence),
    }


def probability_text(found: EventEvidence | None) -> str:
    """Return the probability in percent, and never 100."""
    if found is None or found.probability is None:
        return tr("not known")
    percent = 100 * found.probability
    return tr("over 99.9 %") if percent > 99.9 else f"{percent:.1f} %"


def evidence_text(found: EventEvidence | None) -> str:
    """Return what the sources found during an event and before it."""
    if found is None:
        return tr("only missing measurements, which show no cause")
    during = tr_plural(
        "{failing} of {count} source fails during it",
        "{failing} of {count} sources fail during it",
        found.sources,
        failing=found.failing,
    )
    before = tr("{failing} of {count} before", failing=found.failing_before, count=found.sources_before)
    accusing = tr_plural("{count} accusing measurement", "{count} accusing measurements", found.accusing)
    devices = tr_plural("by at least {count} device", "by at least {count} devices", found.contributors)
    return listed(
        [during, *([before] if found.sources_before else [tr("nothing is known of before")]), accusing, devices]
    )


def _over_time(places: list[dict[str, Any]], found: dict[Place, Any], mechanisms: list[str]) -> dict[str, Any]:
    names = {place["cc"]: country_name(place["cc"]) for place in places}
    left_out = len(found) - len(places)
    return {"places": places, "places_left_out": left_out, "country_names": names, "mechanisms": mechanisms}


def _by_mechanism(table: VerdictTable, row: str, days: Sequence[str]) -> tuple[list[str], _Failing]:
    """Return the mechanisms, the most frequent first, and the runs that fail by country and service."""
    numbers = {day: number for number, day in enumerate(days)}
    rows = [one for one in failing_runs(table, row) if one[2] in numbers]
    totals: Counter[str] = Counter()
    for _, _, _, mechanisms, runs in rows:
        totals[mechanisms] += runs
    names = {name: number for number, name in enumerate(sorted(totals, key=lambda name: (-totals[name], name)))}
    found: _Failing = defaultdict(lambda: defaultdict(list))
    for service, cc, day, mechanisms, runs in rows:
        found[cc, ""][service].append([numbers[day], names[mechanisms], runs])
    return [name.replace(" ", " + ") for name in names], found

"""Return the series, mechanisms, events and notes of a page."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from probe.analysis.compare.axes import Question, QuestionError
from probe.analysis.compare.over_time.annotations import Annotation
from probe.analysis.compare.over_time.events import prepared_events, together
from probe.analysis.compare.over_time.run_mechanisms import failing_runs
from probe.analysis.compare.over_time.timeline import steps
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.report.page.series_data import Place, points, within_limit
from probe.countries.names import country_name

_EVENT_KEYS = ("service", "cc", "onset", "end", "mechanism", "networks", "detected_at", "kind")
_Failing = dict[Place, dict[str, list[list[int]]]]  # day, number of the mechanism, and runs


def over_time_data(table: VerdictTable, question: Question, annotations: Sequence[Annotation] = ()) -> dict[str, Any]:
    """Return days, series, events and notes, or the sentence that says why there are none."""
    try:
        days = steps(day for (day,) in table.select("SELECT DISTINCT day FROM verdicts WHERE valid"))
        events = prepared_events(table)
    except QuestionError as error:
        return {"days": [], **_over_time([], {}, []), "events": [], "annotations": [], "series_note": str(error)}
    found = points(table, question.row, days)
    kept = within_limit(found)
    mechanisms, failing = _by_mechanism(table, question.row, days)
    places = [
        {"cc": cc, "asn": asn, "series": found[cc, asn], "failing": failing.get((cc, asn), {})} for cc, asn in kept
    ]
    return {
        "days": days,
        **_over_time(places, found, mechanisms),
        "events": [{key: getattr(event, key) for key in _EVENT_KEYS} for event in together(events)],
        "annotations": [asdict(note) for note in annotations],
        "series_note": None,
    }


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

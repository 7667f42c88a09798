"""Find when interference began and ended, on which networks and how, and when measurements went missing."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby

from probe.analysis.compare.axes import Question, QuestionError
from probe.analysis.compare.cells import SET_ASIDE, prepare
from probe.analysis.compare.compare import folded
from probe.analysis.compare.event import INTERFERENCE, Event, began_together, span, typical
from probe.analysis.compare.shutdowns import shutdowns
from probe.analysis.compare.timeline import prefix, steps
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.rules.rule import ACCUSING
from probe.analysis.statistics.cusum import Change, interference
from probe.messages import tr, tr_plural

OFTEN = 0.5  # share of an event's accusing measurements that must name a mechanism


@dataclass
class _Track:
    """Count one service's verdicts by day, on one network or in a whole country (`network` "")."""

    service: str
    cc: str
    network: str
    hits: Counter[str]
    misses: Counter[str]
    mechanisms: dict[str, Counter[str]]


_COUNTS = f"""
SELECT service, probe_cc, probe_asn, {prefix("day")}, state, mechanisms, COUNT(*) FROM verdicts
WHERE {SET_ASIDE} = '' GROUP BY 1, 2, 3, 4, 5, 6"""


def events(table: VerdictTable, question: Question) -> list[Event]:
    """Return all events by onset. Raises QuestionError if measurements span too many days, or none matches."""
    prepare(table, question)
    days = _days(table)
    if not days:
        raise QuestionError(tr("No measurement matches. Widen --since, --until and --only."))
    return _find(table, days)


def prepared_events(table: VerdictTable) -> list[Event]:
    """Return all events of a table that `prepare` has filtered, none if no measurement matches."""
    return _find(table, _days(table))


def _days(table: VerdictTable) -> list[str]:
    return steps(day for (day,) in table.select(f"SELECT DISTINCT {prefix('day')} FROM verdicts"))


def _find(table: VerdictTable, days: list[str]) -> list[Event]:
    found = _interference(table, days) + shutdowns(table, days)
    return sorted(found, key=lambda event: (event.onset or "", event.cc, event.service or "", event.networks))


def together(found: Iterable[Event]) -> list[Event]:
    """Join events that differ only in the mechanism, for display. The mechanisms are separated by commas."""
    groups = (list(group) for _, group in groupby(found, key=lambda event: replace(event, mechanism=None)))
    return [
        replace(group[0], mechanism=", ".join(e.mechanism for e in group if e.mechanism) or None) for group in groups
    ]


def to_json(found: Iterable[Event]) -> str:
    """Return one JSON object per line and event."""
    return "".join(json.dumps(asdict(event), allow_nan=False) + "\n" for event in found)


def to_text(found: Iterable[Event]) -> str:
    """Return the events as ASCII text of at most 80 columns."""
    lines: list[str] = []
    for event in together(found):
        lines.append(f"{_period(event)}  {event.cc}"[:79])
        shutdown = tr("possible shutdown: measurements went missing")
        service = event.service if event.service is not None else shutdown
        networks = tr_plural(
            "{count} network: {networks}",
            "{count} networks: {networks}",
            len(event.networks),
            networks=", ".join([*event.networks[:5], *(["..."] if len(event.networks) > 5 else [])]),
        )
        detected = tr("detected on {day}", day=event.detected_at)
        for text in (f"{service}  {event.mechanism or ''}", networks, detected):
            lines += [f"    {line}" for line in folded(text, 75)]
    nothing = tr("No event was found: nothing began or ended clearly enough in these measurements.")
    return "\n".join(lines or [nothing]) + "\n"


def _period(event: Event) -> str:
    if event.onset and event.end:
        return tr("{onset} to before {end}", onset=event.onset, end=event.end)
    if event.onset:
        return tr("since {onset}", onset=event.onset)
    return tr("until before {end}", end=event.end) if event.end else tr("during the whole period")


def _interference(table: VerdictTable, days: list[str]) -> list[Event]:
    tracks = _tracks(table)
    single = [(track, change) for track in tracks.values() if track.network for change in _changes(track, days)]
    whole = [(track, change) for track in tracks.values() if not track.network for change in _changes(track, days)]
    found = []
    for (service, cc), shown in _grouped(single, lambda track: (track.service, track.cc)).items():
        found += [event for same in began_together(shown) for event in _events(service, cc, same, days)]
    known = list(found)
    for track, change in whole:  # seen if each network has too few measurements, and all together have enough
        networks = _showing(tracks, track, *span(change, days))
        if len(networks) > 1:
            new = list(_events(track.service, track.cc, [(network, change) for network in networks], days))
            found += [event for event in new if not any(event.meets(other) for other in known)]
    return found


def _tracks(table: VerdictTable) -> dict[tuple[str, str, str], _Track]:
    tracks: dict[tuple[str, str, str], _Track] = {}
    for service, cc, network, day, state, mechanisms, n in table.select(_COUNTS):
        for name in dict.fromkeys((network, "")):
            track = tracks.get((service, cc, name))
            if track is None:
                track = _Track(service, cc, name, Counter(), Counter(), defaultdict(Counter))
                tracks[service, cc, name] = track
            if state in ACCUSING:
                track.hits[day] += n
                track.mechanisms[day].update(dict.fromkeys(mechanisms.split(), n))
            elif state == "ok":  # down and impaired show neither interference nor its absence
                track.misses[day] += n
    return tracks


def _changes(track: _Track, days: list[str]) -> list[Change]:
    return interference([(track.hits[day], track.misses[day]) for day in days])


def _grouped(
    shown: Iterable[tuple[_Track, Change]], key: Callable[[_Track], tuple[str, str]]
) -> dict[tuple[str, str], list[tuple[_Track, Change]]]:
    groups: dict[tuple[str, str], list[tuple[_Track, Change]]] = defaultdict(list)
    for track, change in shown:
        groups[key(track)].append((track, change))
    return groups


def _events(service: str, cc: str, shown: list[tuple[_Track, Change]], days: list[str]) -> Iterator[Event]:
    """Iterate over one event per mechanism, the most frequent first."""
    onset, end = span(typical(change for _, change in shown), days)
    networks = sorted({track.network for track, _ in shown})
    detected = days[min(change.detected for _, change in shown)]
    for mechanism in _mechanisms([track for track, _ in shown], onset, end):
        yield Event(service, networks, onset, end, mechanism, detected, INTERFERENCE, cc)


def _mechanisms(tracks: list[_Track], onset: str | None, end: str | None) -> Sequence[str | None]:
    """Return the mechanisms of the share OFTEN between onset and end, else the most frequent one, else None."""
    named: Counter[str] = Counter()
    for track in tracks:
        for day, mechanisms in track.mechanisms.items():
            if _inside(day, onset, end):
                named.update(mechanisms)
    hits = sum(n for track in tracks for day, n in track.hits.items() if _inside(day, onset, end))
    ordered = sorted(named, key=lambda name: (-named[name], name))
    return [name for name in ordered if named[name] >= OFTEN * hits] or ordered[:1] or (None,)


def _inside(day: str, onset: str | None, end: str | None) -> bool:
    return (onset or "") <= day and (end is None or day < end)


def _showing(
    tracks: dict[tuple[str, str, str], _Track], whole: _Track, onset: str | None, end: str | None
) -> list[_Track]:
    """Return the networks on which more measurements of that time accuse than work."""

    def inside(counts: Counter[str]) -> int:
        return sum(n for day, n in counts.items() if _inside(day, onset, end))

    mine = (track for track in tracks.values() if (track.service, track.cc) == (whole.service, whole.cc))
    return [track for track in mine if track.network and inside(track.hits) > inside(track.misses)]

"""When interference began and ended, on which networks, and how; and when the measurements themselves went missing."""

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

OFTEN = 0.5  # a mechanism is told where this share of an event's accusing measurements name it


@dataclass
class _Track:
    """One service on one network (or over a whole country, with `network` ""): its counts by day."""

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
    """All events, in order of onset. Raises QuestionError where measurements span too many days, or none is left."""
    prepare(table, question)
    days = _days(table)
    if not days:
        raise QuestionError("nothing is left to look at")
    return _on(table, days)


def prepared_events(table: VerdictTable) -> list[Event]:
    """The same from a table that `prepare` has seen; none where none is left."""
    return _on(table, _days(table))


def _days(table: VerdictTable) -> list[str]:
    return steps(day for (day,) in table.select(f"SELECT DISTINCT {prefix('day')} FROM verdicts"))


def _on(table: VerdictTable, days: list[str]) -> list[Event]:
    found = _interference(table, days) + shutdowns(table, days)
    return sorted(found, key=lambda event: (event.onset or "", event.cc, event.service or "", event.networks))


def together(found: Iterable[Event]) -> list[Event]:
    """The same for people: one for all mechanisms of an event, with a comma between them."""
    groups = (list(group) for _, group in groupby(found, key=lambda event: replace(event, mechanism=None)))
    return [
        replace(group[0], mechanism=", ".join(e.mechanism for e in group if e.mechanism) or None) for group in groups
    ]


def to_json(found: Iterable[Event]) -> str:
    """One JSON object per event."""
    return "".join(json.dumps(asdict(event), allow_nan=False) + "\n" for event in found)


def to_text(found: Iterable[Event]) -> str:
    """The events for people, ASCII, at most 80 columns."""
    lines: list[str] = []
    for event in together(found):
        time = f"{event.onset or 'before the data'} .. {event.end or 'lasts'}"
        what = event.service if event.service is not None else "possible shutdown: measurements went missing"
        networks = f"{len(event.networks)} network(s): {', '.join(event.networks[:5])}"
        networks += ", ..." if len(event.networks) > 5 else ""
        lines.append(f"{time}  {event.cc}"[:79])
        for text in (f"{what}  {event.mechanism or ''}", networks, f"noticed on {event.detected_at}"):
            lines += [f"    {line}" for line in folded(text, 75)]
    return "\n".join(lines or ["no event: nothing began or ended clearly enough in these measurements"]) + "\n"


def _interference(table: VerdictTable, days: list[str]) -> list[Event]:
    tracks = _tracks(table)
    single = [(track, change) for track in tracks.values() if track.network for change in _changes(track, days)]
    whole = [(track, change) for track in tracks.values() if not track.network for change in _changes(track, days)]
    found = []
    for (service, cc), shown in _grouped(single, lambda track: (track.service, track.cc)).items():
        found += [event for same in began_together(shown) for event in _events(service, cc, same, days)]
    known = list(found)
    for track, change in whole:  # too few measurements on each network, and enough over all of them
        networks = _showing(tracks, track, *span(change, days))
        if len(networks) > 1:
            told = list(_events(track.service, track.cc, [(network, change) for network in networks], days))
            found += [event for event in told if not any(event.meets(other) for other in known)]
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
            elif state == "ok":  # down and impaired are no sign of either
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
    """One for each mechanism; the one that is named most often comes first."""
    onset, end = span(typical(change for _, change in shown), days)
    networks = sorted({track.network for track, _ in shown})
    noticed = days[min(change.detected for _, change in shown)]
    for mechanism in _mechanisms([track for track, _ in shown], onset, end):
        yield Event(service, networks, onset, end, mechanism, noticed, INTERFERENCE, cc)


def _mechanisms(tracks: list[_Track], onset: str | None, end: str | None) -> Sequence[str | None]:
    """What OFTEN is named between onset and end, or else what is named most; None where nothing is."""
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
    """The networks on which most measurements of that time accuse."""

    def inside(counts: Counter[str]) -> int:
        return sum(n for day, n in counts.items() if _inside(day, onset, end))

    mine = (track for track in tracks.values() if (track.service, track.cc) == (whole.service, whole.cc))
    return [track for track in mine if track.network and inside(track.hits) > inside(track.misses)]

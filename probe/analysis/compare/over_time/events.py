"""Find when interference began and ended, on which networks and how, and when measurements went missing."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import groupby

from probe.analysis.compare.axes import Question, QuestionError
from probe.analysis.compare.cells import prepare
from probe.analysis.compare.compare import folded
from probe.analysis.compare.over_time.context import Context
from probe.analysis.compare.over_time.event import INTERFERENCE, STOPPED, Event, began_together, near, span, typical
from probe.analysis.compare.over_time.shutdowns import shutdowns
from probe.analysis.compare.over_time.timeline import steps
from probe.analysis.compare.over_time.tracks import Track, changes, tracks_of
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.statistics.cusum import Change
from probe.messages import listed, tr, tr_plural

OFTEN = 0.5  # share of an event's accusing measurements that must name a mechanism


def events(table: VerdictTable, question: Question) -> list[Event]:
    """Return all events by onset. Raises QuestionError if measurements span too many days, or none matches."""
    prepare(table, question)
    if not _days(table) and not table.select("SELECT COUNT(*) FROM verdicts WHERE NOT valid")[0][0]:
        raise QuestionError(tr("No measurement matches. Widen --since, --until and --only."))
    return prepared_events(table)


def prepared_events(table: VerdictTable) -> list[Event]:
    """Return all events of a table that `prepare` has filtered, none if no measurement matches."""
    days = _days(table)
    found = _interference(table, days) + shutdowns(table, days)
    return sorted(found, key=lambda event: (event.onset or "", event.cc, event.service or "", event.networks))


def _days(table: VerdictTable) -> list[str]:
    """Return all days. Those of invalid measurements, whose clock may be wrong, do not prolong the period."""
    return steps(day for (day,) in table.select("SELECT DISTINCT day FROM verdicts WHERE valid"))


def together(found: Iterable[Event]) -> list[Event]:
    """Join events that differ only in the mechanism, for display. The mechanisms are separated by commas."""
    groups = (list(group) for _, group in groupby(found, key=lambda event: replace(event, mechanism=None)))
    return [
        replace(group[0], mechanism=", ".join(e.mechanism for e in group if e.mechanism) or None) for group in groups
    ]


def to_json(found: Iterable[Event], context: Context | None = None) -> str:
    """Return one JSON object per line and event. A context adds the key `context_share`."""
    return "".join(json.dumps(asdict(event) | _beside(event, context), allow_nan=False) + "\n" for event in found)


def _beside(event: Event, context: Context | None) -> dict[str, float | None]:
    return {} if context is None else {"context_share": context.share(event) if event.service is None else None}


def to_text(found: Iterable[Event], context: Context | None = None) -> str:
    """Return the events as ASCII text of at most 80 columns."""
    lines: list[str] = []
    for event in together(found):
        lines.append(f"{_period(event)}  {event.cc}"[:79])
        networks = tr_plural(
            "{count} network: {networks}",
            "{count} networks: {networks}",
            len(event.networks),
            networks=listed([*event.networks[:5], *(["..."] if len(event.networks) > 5 else [])]),
        )
        detected = tr("detected on {day}", day=event.detected_at)
        for text in (_subject(event), networks, detected, *_context_of(event, context)):
            lines += [f"    {line}" for line in folded(text, 75)]
    nothing = tr("No event was found: nothing began or ended clearly enough in these measurements.")
    return "\n".join(lines or [nothing]) + "\n"


def _subject(event: Event) -> str:
    if event.service is not None:
        return f"{event.service}  {event.mechanism or ''}"
    if event.kind == STOPPED:
        return tr("measurements stopped: perhaps the users stopped, no shutdown is shown")
    return tr("possible shutdown: networks fell silent together")


def _context_of(event: Event, context: Context | None) -> list[str]:
    """Return a sentence about the public series for missing measurements, none for interference."""
    if context is None or event.service is not None:
        return []
    if (share := context.share(event)) is None:
        return [tr("public series: no values for this country and period")]
    return [tr("public series: {percent}% of its mean in the two weeks before", percent=f"{100 * share:.0f}")]


def _period(event: Event) -> str:
    if event.onset and event.end:
        return tr("{onset} to before {end}", onset=event.onset, end=event.end)
    if event.onset:
        return tr("since {onset}", onset=event.onset)
    return tr("until before {end}", end=event.end) if event.end else tr("during the whole period")


def _interference(table: VerdictTable, days: list[str]) -> list[Event]:
    by_service: dict[tuple[str, str], list[Track]] = defaultdict(list)
    for track in tracks_of(table):
        by_service[track.service, track.cc].append(track)
    return [event for tracks in by_service.values() for event in _of_service(tracks, days)]


def _of_service(tracks: list[Track], days: list[str]) -> list[Event]:
    """Find the events of one service in one country."""
    alone = [(track, change) for track in tracks for change in changes([track], days)]
    found = [event for same in began_together(alone) for event in _events(*_pooled(same, days), days)]
    known = list(found)
    for change in changes(tracks, days):  # seen if each network has too few days, and all together have enough
        networks = _showing(tracks, *span(change, days))
        if len(networks) > 1:
            new = list(_events(networks, change, days))
            found += [event for event in new if not any(event.meets(other) for other in known)]
    return found


def _pooled(same: list[tuple[Track, Change]], days: list[str]) -> tuple[list[Track], Change]:
    """Return the networks, and the change that they show together. Their common evidence is there earlier."""
    tracks, common = [track for track, _ in same], typical(change for _, change in same)
    return tracks, next((one for one in changes(tracks, days) if near(one, common)), common)


def _events(tracks: list[Track], change: Change, days: list[str]) -> Iterator[Event]:
    """Iterate over one event per mechanism, the most frequent first."""
    onset, end = span(change, days)
    networks, (service, cc) = sorted({track.network for track in tracks}), (tracks[0].service, tracks[0].cc)
    for mechanism in _mechanisms(tracks, onset, end):
        yield Event(service, networks, onset, end, mechanism, days[change.detected], INTERFERENCE, cc)


def _mechanisms(tracks: list[Track], onset: str | None, end: str | None) -> Sequence[str | None]:
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


def _showing(tracks: Iterable[Track], onset: str | None, end: str | None) -> list[Track]:
    """Return the networks on which more measurements of that time accuse than work."""

    def inside(counts: Counter[str]) -> int:
        return sum(n for day, n in counts.items() if _inside(day, onset, end))

    return [track for track in tracks if inside(track.hits) > inside(track.misses)]

"""Find when interference began and ended, on which networks and how, and when measurements went missing."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby

from probe.analysis.compare.axes import Question, QuestionError
from probe.analysis.compare.cells import prepare
from probe.analysis.compare.compare import folded
from probe.analysis.compare.contributors import DeviceDay, Kind, Source, enough, failing_networks, sources_in
from probe.analysis.compare.over_time.context import Context
from probe.analysis.compare.over_time.event import INTERFERENCE, STOPPED, Event, began_together, near, span, typical
from probe.analysis.compare.over_time.everywhere import began_everywhere
from probe.analysis.compare.over_time.period import period_of
from probe.analysis.compare.over_time.shutdowns import shutdowns
from probe.analysis.compare.units import DEVICE, SET_ASIDE
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.rules.rule import ACCUSING
from probe.analysis.statistics.clean_failures import learnt
from probe.analysis.statistics.contingency_tables import benjamini_hochberg
from probe.analysis.statistics.cusum import Change, interference
from probe.messages import listed, tr, tr_plural

_COUNTS = f"""
SELECT service, probe_cc, probe_asn, day, {", ".join(DEVICE)}, state, mechanisms, COUNT(*) FROM verdicts
WHERE {SET_ASIDE} = '' GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"""
_Counts = Counter[str]  # measurements by day
_Device = tuple[Kind, str]  # with `probe_id`


@dataclass
class Track:
    """Hold the counts of one service on one network. `hits` accuse.

    `balance` has by day and device how many measurements more accuse than work.
    """

    service: str
    cc: str
    network: str
    hits: _Counts = field(default_factory=Counter)
    balance: dict[str, Counter[_Device]] = field(default_factory=lambda: defaultdict(Counter))
    mechanisms: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def day(self, day: str) -> tuple[float, float]:
        """Return the shares of devices that accuse and work. They add up to 1 however many measurements a day has.

        Devices of one kind without an id count as one.
        """
        found = [more > 0 for more in self.balance[day].values()] if day in self.balance else []
        return (sum(found) / len(found), found.count(False) / len(found)) if found else (0.0, 0.0)

    def sources(self, onset: str | None, end: str | None) -> list[Source]:
        """Return the sources of a period."""
        return sources_in(
            DeviceDay((self.cc, self.network), kind, probe_id, day, more > 0)
            for day, devices in self.balance.items()
            if _inside(day, onset, end)
            for (kind, probe_id), more in devices.items()
        )


def tracks_of(table: VerdictTable) -> Iterator[Track]:
    """Return the tracks of a table that `prepare` has filtered."""
    return iter(table.kept("tracks", lambda: _read_tracks(table)))


def _read_tracks(table: VerdictTable) -> list[Track]:
    tracks: dict[tuple[str, str, str], Track] = {}
    for service, cc, network, day, program, version, probe_id, state, mechanisms, n in table.select(_COUNTS):
        device = (program, version), probe_id
        track = tracks.setdefault((service, cc, network), Track(service, cc, network))
        if state in ACCUSING:
            track.hits[day] += n
            track.balance[day][device] += n
            track.mechanisms[day].update(dict.fromkeys(mechanisms.split(), n))
        elif state == "ok":  # down and impaired show neither interference nor its absence
            track.balance[day][device] -= n
    return list(tracks.values())


def changes(tracks: Iterable[Track], days: list[str]) -> list[Change]:
    """Find the changes of one or several networks together, of which each counts once a day."""
    shares = [[track.day(day) for day in days] for track in tracks]
    return interference([(sum(s[0] for s in a_day), sum(s[1] for s in a_day)) for a_day in zip(*shares, strict=True)])


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
    """Return all days. Invalid measurements, and a few that are years from all others, do not prolong the period."""
    return period_of(table).days


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
        lines.append(f"{period_text(event)}  {event.cc}"[:79])
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


def period_text(event: Event) -> str:
    """Return from when to when an event lasts, in words."""
    if event.onset and event.end:
        return tr("{onset} to before {end}", onset=event.onset, end=event.end)
    if event.onset:
        return tr("since {onset}", onset=event.onset)
    return tr("until before {end}", end=event.end) if event.end else tr("during the whole period")


def _interference(table: VerdictTable, days: list[str]) -> list[Event]:
    by_service: dict[str, dict[str, list[Track]]] = defaultdict(lambda: defaultdict(list))
    for track in tracks_of(table):
        by_service[track.service][track.cc].append(track)
    found = [
        (event, tracks)
        for countries in by_service.values()
        for cc, tracks in countries.items()
        for event in _of_service(tracks, days)
        if not began_everywhere(event, [others for name, others in countries.items() if name != cc])
    ]
    return list(_with_rates(found, [tracks for one in by_service.values() for tracks in one.values()], len(days)))


def _with_rates(
    found: Sequence[tuple[Event, list[Track]]], everything: Sequence[list[Track]], days: int
) -> Iterator[Event]:
    """Iterate over the events with their false discovery rates, among all services and countries.

    The p-value is the probability that so many clean sources fail together, times the number of days on which an event
    can begin. How often clean sources fail is learnt from all networks that mostly work.
    """
    if not found:
        return
    counts = [votes(track.sources(None, None)) for tracks in everything for track in tracks]
    clean = learnt([(failing, n) for failing, n in counts if 2 * failing <= n])
    chances = {}
    for event, tracks in found:
        own = [
            source for one in tracks if one.network in event.networks for source in one.sources(event.onset, event.end)
        ]
        key = event.service, event.cc, event.onset, event.end, *event.networks
        chances[key] = min(1.0, days * clean.tail(*votes(own)))
    clear = [1.0] * max(0, len(everything) - len(chances))
    rates = dict(zip(chances, benjamini_hochberg([*chances.values(), *clear]), strict=False))
    for event, _ in found:
        key = event.service, event.cc, event.onset, event.end, *event.networks
        yield replace(event, q_value=rates[key])


def votes(sources: Iterable[Source]) -> tuple[int, int]:
    """Return how many sources fail, and how many there are."""
    fails = [source.fails for source in sources]
    return sum(fails), len(fails)


def _of_service(tracks: list[Track], days: list[str]) -> list[Event]:
    alone = [(track, change) for track in tracks for change in changes([track], days)]
    found = [event for same in began_together(alone) for event in _accused(*_pooled(same, days), days)]
    known = list(found)
    for change in changes(tracks, days):  # seen if each network has too few days, and all together have enough
        new = list(_accused(tracks, change, days))
        found += [event for event in new if not any(event.meets(other) for other in known)]
    return found


def _accused(tracks: list[Track], change: Change, days: list[str]) -> Iterator[Event]:
    """Iterate over the events of the networks that fail in a period. There are none without enough contributors."""
    sources = [source for track in tracks for source in track.sources(*span(change, days))]
    failing = failing_networks(sources)
    if enough(source for source in sources if source.fails and source.network in failing):
        yield from _events([track for track in tracks if (track.cc, track.network) in failing], change, days)


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

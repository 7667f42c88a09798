"""Sum up the evidence of an event: what its sources found during it and before it, and how probable the change is."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from probe.analysis.compare.contributors import contributors
from probe.analysis.compare.over_time.event import Event
from probe.analysis.compare.over_time.events import Track, together, tracks_of, votes
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.statistics.share_comparison import probability_of_rise


@dataclass(frozen=True)
class EventEvidence:
    """Hold what is known of an event beside its days.

    - `accusing` counts measurements that accuse during it. Of `sources`, `failing` fail during it.
    - `failing_before` and `sources_before` are the same before it. There is no source if the data begin with the event.
    - `contributors` is the least number of devices that failing sources can be.
    - `probability` is that of a larger failing share during the event than before, None if nothing is known of before.
      Each source has one vote. A cause is not in this number.
    """

    accusing: int
    failing: int
    sources: int
    failing_before: int
    sources_before: int
    contributors: int
    probability: float | None


@dataclass(frozen=True)
class ShownEvent:
    """Hold an event with its key, which is the same on every page, its days so far, and its evidence.

    Missing measurements have no evidence.
    """

    event: Event
    key: str
    days: int | None
    evidence: EventEvidence | None


def shown_events(table: VerdictTable, events: Sequence[Event], last: str) -> list[ShownEvent]:
    """Return the events for display: those that last are first, then the newest. `last` is the last day of the data.

    The table is one that `prepare` has filtered.
    """
    tracks: dict[tuple[str, str], list[Track]] = defaultdict(list)
    for track in tracks_of(table) if events else ():
        tracks[track.service, track.cc].append(track)
    ordered = sorted(
        together(events), key=lambda one: (one.end is None, one.onset or "", one.detected_at), reverse=True
    )
    seen: dict[str, int] = defaultdict(int)
    found = []
    for event in ordered:
        key = "~".join((event.service or event.kind, event.cc, event.onset or "start"))
        seen[key] += 1
        unique = key if seen[key] == 1 else f"{key}~{seen[key]}"
        own = [one for one in tracks[event.service or "", event.cc] if one.network in event.networks]
        found.append(ShownEvent(event, unique, _days(event, last), _evidence(event, own) if own else None))
    return found


def _days(event: Event, last: str) -> int | None:
    """Return how many days an event lasted, or lasts so far, None if its onset is not known."""
    if event.onset is None:
        return None
    whole = 0 if event.end else 1  # the last day of the data is in it
    return (date.fromisoformat(event.end or last) - date.fromisoformat(event.onset)).days + whole


def _evidence(event: Event, tracks: Sequence[Track]) -> EventEvidence:
    during = [source for track in tracks for source in track.sources(event.onset, event.end)]
    before = [source for track in tracks for source in track.sources(None, event.onset)] if event.onset else []
    accusing = sum(
        n
        for track in tracks
        for day, n in track.hits.items()
        if (event.onset or "") <= day and (event.end is None or day < event.end)
    )
    (failing, sources), (failing_before, sources_before) = votes(during), votes(before)
    known = failing, sources, failing_before, sources_before
    devices = contributors(source for source in during if source.fails)
    return EventEvidence(accusing, *known, devices, probability_of_rise(*known) if sources_before else None)

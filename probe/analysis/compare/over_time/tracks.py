"""Count each service's verdicts by day, on each network and in each country. A day of a network counts once."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from probe.analysis.compare.units import SET_ASIDE
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.rules.rule import ACCUSING
from probe.analysis.statistics.cusum import Change, interference

_COUNTS = f"""
SELECT service, probe_cc, probe_asn, day, state, mechanisms, COUNT(*) FROM verdicts
WHERE {SET_ASIDE} = '' GROUP BY 1, 2, 3, 4, 5, 6"""
_Counts = Counter[str]  # measurements by day


@dataclass
class Track:
    """Hold the counts of one service on one network. `hits` accuse, `misses` work."""

    service: str
    cc: str
    network: str
    hits: _Counts = field(default_factory=Counter)
    misses: _Counts = field(default_factory=Counter)
    mechanisms: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def day(self, day: str) -> tuple[float, float]:
        """Return the shares that accuse and work. They add up to 1 however many measurements a day has.

        Those of one day often come from one user, and no record says so.
        """
        n = self.hits[day] + self.misses[day]
        return (self.hits[day] / n, self.misses[day] / n) if n else (0.0, 0.0)


def tracks_of(table: VerdictTable) -> Iterator[Track]:
    """Return the tracks of a table that `prepare` has filtered."""
    tracks: dict[tuple[str, str, str], Track] = {}
    for service, cc, network, day, state, mechanisms, n in table.select(_COUNTS):
        track = tracks.setdefault((service, cc, network), Track(service, cc, network))
        if state in ACCUSING:
            track.hits[day] += n
            track.mechanisms[day].update(dict.fromkeys(mechanisms.split(), n))
        elif state == "ok":  # down and impaired show neither interference nor its absence
            track.misses[day] += n
    return iter(tracks.values())


def changes(tracks: Iterable[Track], days: list[str]) -> list[Change]:
    """Find the changes of one or several networks together, of which each counts once a day."""
    shares = [[track.day(day) for day in days] for track in tracks]
    return interference([(sum(s[0] for s in a_day), sum(s[1] for s in a_day)) for a_day in zip(*shares, strict=True)])

"""One event, and how changes in the series of several networks become one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from probe.analysis.statistics.cusum import Change

INTERFERENCE, SHUTDOWN = "interference", "possible_shutdown"
TOGETHER = 1  # days between the onsets of one event on two networks
T = TypeVar("T")


@dataclass(frozen=True)
class Event:
    """One mechanism of one event, on as many networks of one country as show it together. Days are `YYYY-MM-DD`.

    A service that is blocked in two ways at once has two, alike but for the mechanism. `onset` is None where the data
    begin with it, `end` is the first day after it, None while it lasts. A possible shutdown has no service and no
    mechanism: measurements went missing, and what is missing says nothing of why.
    """

    service: str | None
    networks: list[str]
    onset: str | None
    end: str | None
    mechanism: str | None
    detected_at: str
    kind: str
    cc: str

    def meets(self, other: "Event") -> bool:
        """Same service, same country, and some day in common."""
        if (self.service, self.cc) != (other.service, other.cc):
            return False
        return all(a.end is None or (b.onset or "") <= a.end for a, b in ((self, other), (other, self)))


def began_together(shown: Iterable[tuple[T, Change]]) -> list[list[tuple[T, Change]]]:
    """Cut what began on several networks into groups whose onsets follow each other by TOGETHER days at most."""
    ordered = sorted(shown, key=lambda pair: _began(pair[1]))
    cuts = [n + 1 for n, (a, b) in enumerate(pairwise(ordered)) if _began(b[1]) - _began(a[1]) > TOGETHER]
    return [ordered[start:end] for start, end in pairwise([0, *cuts, len(ordered)]) if start < end]


def _began(change: Change) -> int:
    return -2 if change.onset is None else change.onset  # not together with one that begins on the first day


def typical(changes: Iterable[Change]) -> Change:
    """The onset and the end that most networks show; the earlier where as many show another."""
    shown = list(changes)
    onsets = Counter(change.onset for change in shown)
    ends = Counter(change.end for change in shown)
    onset = min(onsets, key=lambda place: (-onsets[place], -1 if place is None else place))
    end = min(ends, key=lambda place: (-ends[place], 1 << 30 if place is None else place))
    return Change(onset, end, min(change.detected for change in shown))


def span(change: Change, days: Sequence[str]) -> tuple[str | None, str | None]:
    """Its first day, and the first day after it."""
    return (None if change.onset is None else days[change.onset]), (None if change.end is None else days[change.end])

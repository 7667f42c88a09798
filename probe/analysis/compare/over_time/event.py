"""Define events, and join changes in the series of several networks into one event."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

from probe.analysis.statistics.cusum import Change

INTERFERENCE, SHUTDOWN, STOPPED = "interference", "possible_shutdown", "measurements_stopped"
TOGETHER = 1  # days at most between the onsets of one event on two networks
T = TypeVar("T")


@dataclass(frozen=True)
class Event:
    """Hold one event of one mechanism, on all networks of a country that show it together. Days are `YYYY-MM-DD`.

    A service that is blocked in two ways at once has two events that differ in the mechanism. `onset` is None if the
    data begin with the event. `end` is the first day after it, None if it lasts. A possible shutdown, and measurements
    that stopped, have no service and no mechanism, since missing measurements do not show a cause. `q_value` is the
    least false discovery rate at which chance does not explain the event, None for measurements that stopped.
    """

    service: str | None
    networks: list[str]
    onset: str | None
    end: str | None
    mechanism: str | None
    detected_at: str
    kind: str
    cc: str
    q_value: float | None = field(default=None, compare=False)

    def meets(self, other: "Event") -> bool:
        """Return True for the same service and country with at least one day in common."""
        if (self.service, self.cc) != (other.service, other.cc):
            return False
        return all(a.end is None or (b.onset or "") <= a.end for a, b in ((self, other), (other, self)))


def began_together(shown: Iterable[tuple[T, Change]]) -> list[list[tuple[T, Change]]]:
    """Group changes whose onsets follow each other by TOGETHER days at most."""
    ordered = sorted(shown, key=lambda pair: _began(pair[1]))
    cuts = [n + 1 for n, (a, b) in enumerate(pairwise(ordered)) if _began(b[1]) - _began(a[1]) > TOGETHER]
    return [ordered[start:end] for start, end in pairwise([0, *cuts, len(ordered)]) if start < end]


def near(one: Change, other: Change) -> bool:
    """Return True if two changes begin at most TOGETHER days apart."""
    return abs(_began(one) - _began(other)) <= TOGETHER


def _began(change: Change) -> int:
    return -2 if change.onset is None else change.onset  # more than TOGETHER before the first day, which is 0


def typical(changes: Iterable[Change]) -> Change:
    """Return the onset and the end that most networks show, the earlier of equally frequent ones."""
    shown = list(changes)
    onsets = Counter(change.onset for change in shown)
    ends = Counter(change.end for change in shown)
    onset = min(onsets, key=lambda day: (-onsets[day], -1 if day is None else day))
    end = min(ends, key=lambda day: (-ends[day], 1 << 30 if day is None else day))
    return Change(onset, end, min(change.detected for change in shown))


def span(change: Change, days: Sequence[str]) -> tuple[str | None, str | None]:
    """Return the first day of a change, and the first day after it."""
    return (None if change.onset is None else days[change.onset]), (None if change.end is None else days[change.end])

"""Since when, and until when: change points in daily counts, by cumulative sums of log-likelihood ratios.

Source: E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954) 100-115; the start of the last excursion from
zero is the estimate of the change point. Two rates are told apart, P_FINE and P_HIT; nothing is fitted to the series.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from statistics import median

P_FINE, P_HIT = 0.05, 0.5  # share of accusing measurements without and with interference
THRESHOLD = 12.0  # what the sum must exceed: six accusing measurements in a row, or more among working ones
A_DAY = 10  # measurements that one day may weigh: those of one day are often of one volunteer
COLLAPSED = 0.2  # of the usual volume
USUAL_DAYS = 14
USUAL_CAP = 15.0  # a Poisson model takes large volumes for steadier than they are; one silent day is not enough
USUAL_LEAST = 3.0
_HIT, _MISS = log(P_HIT / P_FINE), log((1 - P_HIT) / (1 - P_FINE))


@dataclass(frozen=True)
class Change:
    """Places in a series: the first of the change, the first after it (None: it lasts), and where it was noticed.

    `onset` is None when the series begins with it: how long it has been so is not in the data.
    """

    onset: int | None
    end: int | None
    detected: int
    usual: float = 0.0


class Sum:
    """A cumulative sum that cannot fall below zero, and where its present excursion began."""

    def __init__(self) -> None:
        self.value, self.start = 0.0, 0

    def add(self, place: int, weight: float) -> bool:
        """Add one day's weight; True once the threshold is exceeded."""
        if self.value <= 0.0:
            self.start = place
        self.value = max(0.0, self.value + weight)
        return self.value > THRESHOLD


def interference(days: Sequence[tuple[int, int]]) -> list[Change]:
    """Changes in (accusing, working) counts by day; days without either say nothing and break nothing.

    The end is told by the same two rates turned round, so that a partial block does not end and begin over and over.
    """
    found: list[Change] = []
    first = next((place for place, counts in enumerate(days) if any(counts)), 0)
    running, since, detected = Sum(), 0, -1  # detected -1: at present all is well
    for place, (hits, misses) in enumerate(days):
        if not hits + misses:
            continue
        share = min(1.0, A_DAY / (hits + misses))
        weight = share * (hits * _HIT + misses * _MISS)
        if not running.add(place, weight if detected < 0 else -weight):
            continue
        if detected < 0:
            since, detected = running.start, place
        else:
            found.append(Change(since if since > first else None, running.start, detected))
            detected = -1
        running = Sum()
    if detected >= 0:
        found.append(Change(since if since > first else None, None, detected))
    return found


def collapse(volumes: Sequence[int]) -> list[Change]:
    """Changes to COLLAPSED of the usual volume: the median of the USUAL_DAYS before, and none below USUAL_LEAST."""
    found: list[Change] = []
    history: list[int] = []
    running, since, detected, usual = Sum(), 0, -1, 0.0
    for place, volume in enumerate(volumes):
        if detected < 0 and running.value <= 0.0:
            usual = float(median(history[-USUAL_DAYS:])) if len(history) >= USUAL_DAYS // 2 else 0.0
        weight = _fallen(volume, usual)
        if detected < 0:
            history.append(volume)
        if not running.add(place, weight if detected < 0 else -weight):
            continue
        if detected < 0:
            since, detected = running.start, place
            del history[-(place - since + 1) :]
        else:
            found.append(Change(since, running.start, detected, usual))
            detected = -1
        running = Sum()
    if detected >= 0:
        found.append(Change(since, None, detected, usual))
    return found


def _fallen(volume: int, usual: float) -> float:
    """The log-likelihood ratio of COLLAPSED of the usual volume against all of it, as if Poisson."""
    if usual < USUAL_LEAST:
        return 0.0
    scale = min(1.0, USUAL_CAP / usual)
    return scale * (volume * log(COLLAPSED) + usual * (1 - COLLAPSED))

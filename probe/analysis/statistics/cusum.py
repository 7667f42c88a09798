"""Find change points in daily counts with cumulative sums (CUSUM) of log-likelihood ratios.

Source: E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954) 100-115. The start of the last excursion from
zero estimates the change point. The sums distinguish two fixed rates, P_FINE and P_HIT. Nothing is fitted to the data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from statistics import median

P_FINE, P_HIT = 0.05, 0.5  # share of accusing measurements without and with interference
THRESHOLD = 12.0  # the sum must exceed this: six accusing observations in a row, or more among working ones
COLLAPSED = 0.2  # share of the usual volume
USUAL_DAYS = 14
USUAL_CAP = 15.0  # a Poisson model expects too little variation of large volumes. One day without data is not enough.
USUAL_LEAST = 3.0  # usual daily measurements below which no collapse is reported
_HIT, _MISS = log(P_HIT / P_FINE), log((1 - P_HIT) / (1 - P_FINE))


@dataclass(frozen=True)
class Change:
    """Hold indexes in a series: the first of the change, the first after it, and the one that detected it.

    `end` is None if the change lasts. `onset` is None if the series begins with it, since its start is then unknown.
    """

    onset: int | None
    end: int | None
    detected: int
    usual: float = 0.0


class Sum:
    """Hold a cumulative sum that never falls below zero, and the start of its current excursion."""

    def __init__(self) -> None:
        self.value, self.start = 0.0, 0

    def add(self, day: int, weight: float) -> bool:
        """Add one day's weight, and return True if the threshold is exceeded."""
        if self.value <= 0.0:
            self.start = day
        self.value = max(0.0, self.value + weight)
        return self.value > THRESHOLD


def interference(days: Sequence[tuple[float, float]]) -> list[Change]:
    """Find changes in (accusing, working) counts by day. Days without counts are skipped.

    The end of a change needs the same evidence in the other direction. Otherwise a partial block would end and begin
    again and again.
    """
    found: list[Change] = []
    first = next((place for place, counts in enumerate(days) if any(counts)), 0)
    running, since, detected = Sum(), 0, -1  # `detected` is -1 outside of a change
    for place, (hits, misses) in enumerate(days):
        if not hits + misses:
            continue
        weight = hits * _HIT + misses * _MISS
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
    """Find changes to COLLAPSED of the usual volume, which is the median of the USUAL_DAYS before.

    Nothing is found below a usual volume of USUAL_LEAST.
    """
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
    """Return the log-likelihood ratio of COLLAPSED of the usual volume against all of it, for a Poisson model."""
    if usual < USUAL_LEAST:
        return 0.0
    scale = min(1.0, USUAL_CAP / usual)
    return scale * (volume * log(COLLAPSED) + usual * (1 - COLLAPSED))

"""Find the period of the measurements. Days that a wrong clock made, years from all others, do not stretch it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from probe.analysis.compare.over_time.timeline import LONGEST, steps
from probe.analysis.compare.units import DEVICE, RUN
from probe.analysis.compare.verdict_table import VerdictTable

GAP = 365  # days without a measurement, after which a few runs are strays
MOST_STRAYS, STRAY_SHARE = 2, 0.01  # runs, and part of the runs of the period, that can be strays
TIMES_MORE = 10  # runs that the period has for each stray one. Two runs of two years are both in the period.


@dataclass(frozen=True)
class Period:
    """Hold the days of a period, and the days of the strays with the number of their runs.

    Strays are a few runs that are dated more than GAP days from all others. In a period that would be too long, all
    runs of one device are strays, however many it made. Their measurements still count.
    """

    days: list[str]
    strays: list[str]
    stray_runs: int


def period_of(table: VerdictTable) -> Period:
    """Return the period of the valid measurements. Raises QuestionError if it has too many days."""
    device = " || ' ' || ".join(("probe_asn", *DEVICE))
    found = table.select(
        f"SELECT day, COUNT(DISTINCT {RUN}), MIN({device}), MAX({device}) FROM verdicts WHERE valid GROUP BY 1"
    )
    runs = {day: int(n) for day, n, *_ in found if _day(day) is not None}
    devices = {day: set(ends) for day, _, *ends in found}
    groups = _groups(sorted(runs))
    if not groups:
        return Period([], [], 0)
    sizes = [sum(runs[day] for day in group) for group in groups]
    strays = [number for number, size in enumerate(sizes) if _is_stray(size, max(sizes))]
    if _length(kept := _kept(groups, strays)) > LONGEST:
        alone = [n for n, group in enumerate(groups) if len(set[str]().union(*(devices[day] for day in group))) == 1]
        strays = sorted({*strays, *(n for n in alone if TIMES_MORE * sizes[n] <= max(sizes))})
        kept = _kept(groups, strays)
    return Period(steps(kept), [day for n in strays for day in groups[n]], sum(sizes[n] for n in strays))


def _groups(days: Sequence[str]) -> list[list[str]]:
    """Divide sorted days where more than GAP days are missing."""
    groups = [[day] for day in days[:1]]
    for before, day in pairwise(days):
        if (_of(day) - _of(before)).days > GAP:
            groups.append([])
        groups[-1].append(day)
    return groups


def _kept(groups: Sequence[Sequence[str]], strays: Sequence[int]) -> list[str]:
    return [day for number, group in enumerate(groups) if number not in strays for day in group]


def _length(days: Sequence[str]) -> int:
    return (_of(days[-1]) - _of(days[0])).days + 1


def _is_stray(runs: int, most: int) -> bool:
    return runs <= max(MOST_STRAYS, STRAY_SHARE * most) and TIMES_MORE * runs <= most


def _of(day: str) -> date:
    return date.fromisoformat(day)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except (ValueError, TypeError):
        return None

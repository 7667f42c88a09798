"""Sum up figures of a service over the runs of a cell: how fast it is, and at which age its connections end.

Figures of calls are those of the call packets to the helper in the same runs.

Most pairs of transfers compare the service's name with an innocuous one. Pages at the service's own address are
compared with bytes from the test helper. A run has one ratio and one age, those of its verdict records.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

from probe.analysis.compare.axes import ROWS
from probe.analysis.compare.networks import Place, Vantage
from probe.analysis.compare.units import FAILING, NOT_COUNTED, RUN
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.observations.lenient_json import table as object_in
from probe.analysis.phenomena.throughput import MOST_RATIO

_FAILING = ", ".join(f"'{state}'" for state in FAILING)
LIMITED = float(MOST_RATIO)
_END = "MIN(CASE WHEN {name}_{end} >= 0 THEN {name}_{end} ELSE {name} END)"
_RATIO, _AGE = "throughput_ratio", "cutoff"  # columns. The ends of their intervals are columns beside them.


class Throughput(NamedTuple):
    """Hold the ratios of runs that compared transfers: their number and the median.

    `low` and `high` are the least and the largest end of their intervals of 95 %. `limited` counts runs whose interval
    ends below LIMITED. A ratio of 1 means that there is no difference.
    """

    runs: int
    limited: int
    median: float
    low: float
    high: float


class Cutoff(NamedTuple):
    """Hold the ages in seconds at which connections ended in runs: their number and the median.

    `low` and `high` are the least and the largest end of their intervals.
    """

    runs: int
    median: float
    low: float
    high: float


class Calls(NamedTuple):
    """Hold the medians of failing runs that measured call packets, each None if no run has the figure.

    `rate` is in bit/s. `loss` and `late` are shares of the packets. `delay` is the growth of the delay in seconds, and
    `mos` the mean opinion score from 1 to 4.5.
    """

    runs: int
    rate: int | None
    loss: float | None
    late: float | None
    delay: float | None
    mos: float | None


class CallRun(NamedTuple):
    """Hold the figures of call packets in one run on one day, as the verdict record has them."""

    day: str
    media: dict[str, Any]


class Figure(NamedTuple):
    """Hold the figure of one run on one day, and its interval. Rows without one have the figure in its place."""

    day: str
    estimate: float
    low: float
    high: float


Figures = dict[Vantage, dict[str, list[Figure]]]


def ratios_of(table: VerdictTable, row: str, place: Place) -> Figures:
    """Return the ratios by vantage point and service. Of several measurements in a run, the smallest counts."""
    return _figures_of(table, row, place, _RATIO)


def cutoffs_of(table: VerdictTable, row: str, place: Place) -> Figures:
    """Return the ages by vantage point and service. Of several measurements in a run, the smallest counts."""
    return _figures_of(table, row, place, _AGE)


def _figures_of(table: VerdictTable, row: str, place: Place, name: str) -> Figures:
    keys = [ROWS[row], *place.columns(), RUN, "day"]
    figures = f"MIN({name}), {_END.format(name=name, end='low')}, {_END.format(name=name, end='high')}"
    statement = (
        f"SELECT {', '.join(keys)}, {figures} FROM verdicts "
        f"WHERE ({place.condition}) AND {name} >= 0 AND {NOT_COUNTED} = '' "
        f"GROUP BY {', '.join(map(str, range(1, len(keys) + 1)))}"
    )
    found: Figures = defaultdict(lambda: defaultdict(list))
    for service, *rest in table.select(statement, place.values):
        vantage, (_, day, *numbers) = tuple(rest[: len(place.axes)]), rest[len(place.axes) :]
        found[vantage][service].append(Figure(day, *numbers))
    return found


def calls_of(table: VerdictTable, row: str, place: Place) -> dict[Vantage, dict[str, list[CallRun]]]:
    """Return the figures of call packets by vantage point and service, one of each run that fails."""
    keys = [ROWS[row], *place.columns(), RUN, "day"]
    statement = (
        f"SELECT {', '.join(keys)}, MAX(media) FROM verdicts WHERE ({place.condition}) AND media <> '' "
        f"AND {NOT_COUNTED} = '' AND state IN ({_FAILING}) "
        f"GROUP BY {', '.join(map(str, range(1, len(keys) + 1)))}"
    )
    found: dict[Vantage, dict[str, list[CallRun]]] = defaultdict(lambda: defaultdict(list))
    for service, *rest in table.select(statement, place.values):
        _, day, media = rest[len(place.axes) :]
        if figures := _object(media):
            found[tuple(rest[: len(place.axes)])][service].append(CallRun(day, figures))
    return found


def _object(written: str) -> dict[str, Any]:
    try:
        return object_in(json.loads(written))
    except ValueError:
        return {}


def calls_since(runs: Sequence[CallRun], first: str) -> Calls | None:
    """Return the figures of calls since a day together, None without any."""
    newest = [run.media for run in runs if run.day >= first]
    if not newest:
        return None
    rate = _median_of(newest, "rate")
    loss, late = (_median_of(newest, name) for name in ("loss", "late"))
    delay, mos = (_median_of(newest, name) for name in ("delay_change", "mos"))
    return Calls(len(newest), None if rate is None else round(rate), loss, late, delay, mos)


def _median_of(runs: Sequence[dict[str, Any]], name: str) -> float | None:
    """Return the median of a figure, which can have an interval, None if no run has it."""
    values = [value[0] if isinstance(value := run.get(name), list) and value else value for run in runs]
    known = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return round(median(known), 4) if known else None


def throughput_since(ratios: Sequence[Figure], first: str) -> Throughput | None:
    """Return the ratios since a day together, None without any."""
    newest = [ratio for ratio in ratios if ratio.day >= first]
    limited = sum(ratio.high < LIMITED for ratio in newest)
    return Throughput(len(newest), limited, *_middle_and_ends(newest, 4)) if newest else None


def cutoff_since(ages: Sequence[Figure], first: str) -> Cutoff | None:
    """Return the ages since a day together, None without any."""
    newest = [age for age in ages if age.day >= first]
    return Cutoff(len(newest), *_middle_and_ends(newest, 1)) if newest else None


def _middle_and_ends(figures: Sequence[Figure], digits: int) -> tuple[float, float, float]:
    middle = median(figure.estimate for figure in figures)
    low, high = min(figure.low for figure in figures), max(figure.high for figure in figures)
    return round(middle, digits), round(low, digits), round(high, digits)

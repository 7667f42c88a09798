"""Sum up how fast a service is over the runs of a cell, by transfers that were compared with its own.

Most pairs compare the service's name with an innocuous one. Pages at the service's own address are compared with bytes
from the test helper. A run has one ratio, that of its verdict record.
"""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from probe.analysis.compare.axes import ROWS
from probe.analysis.compare.networks import Place, Vantage
from probe.analysis.compare.units import NOT_COUNTED, RUN
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.pipeline.conclusions.transfers import MOST_RATIO

LIMITED = float(MOST_RATIO)
_END = "MIN(CASE WHEN throughput_ratio_{end} >= 0 THEN throughput_ratio_{end} ELSE throughput_ratio END)"
_FIGURES = f"MIN(throughput_ratio), {_END.format(end='low')}, {_END.format(end='high')}"


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


class Ratio(NamedTuple):
    """Hold the ratio of one run on one day, and its interval. Rows without an interval have the ratio in its place."""

    day: str
    estimate: float
    low: float
    high: float


Ratios = dict[Vantage, dict[str, list[Ratio]]]


def ratios_of(table: VerdictTable, row: str, place: Place) -> Ratios:
    """Return the ratios by vantage point and service. Of several measurements in a run, the smallest counts."""
    keys = [ROWS[row], *place.columns(), RUN, "day"]
    statement = (
        f"SELECT {', '.join(keys)}, {_FIGURES} FROM verdicts "
        f"WHERE ({place.condition}) AND throughput_ratio >= 0 AND {NOT_COUNTED} = '' "
        f"GROUP BY {', '.join(map(str, range(1, len(keys) + 1)))}"
    )
    found: Ratios = defaultdict(lambda: defaultdict(list))
    for service, *rest in table.select(statement, place.values):
        vantage, (_, day, *figures) = tuple(rest[: len(place.axes)]), rest[len(place.axes) :]
        found[vantage][service].append(Ratio(day, *figures))
    return found


def summed_up(ratios: Sequence[Ratio], first: str) -> Throughput | None:
    """Return the ratios since a day together, None without any."""
    newest = [ratio for ratio in ratios if ratio.day >= first]
    if not newest:
        return None
    estimates = [ratio.estimate for ratio in newest]
    limited = sum(ratio.high < LIMITED for ratio in newest)
    low, high = min(ratio.low for ratio in newest), max(ratio.high for ratio in newest)
    return Throughput(len(newest), limited, *(round(share, 4) for share in (median(estimates), low, high)))

"""Read a public series of a country's Internet traffic or reachability, and compare it inside and before an event."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import fmean

from probe.analysis.compare.over_time.csv_rows import read_rows, wrong_row
from probe.analysis.compare.over_time.event import Event
from probe.analysis.statistics.cusum import USUAL_DAYS
from probe.messages import tr

HEADER = ["time", "country", "value"]
COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True)
class Context:
    """Hold the daily means of a public series by country."""

    means: Mapping[str, Mapping[date, float]]

    def share(self, event: Event) -> float | None:
        """Return the series' mean in an event, as a share of its mean in the USUAL_DAYS before. None if unknown."""
        if event.onset is None:
            return None
        onset = date.fromisoformat(event.onset)
        before = self._mean(event.cc, onset - timedelta(days=USUAL_DAYS), onset)
        inside = self._mean(event.cc, onset, date.fromisoformat(event.end) if event.end else date.max)
        return None if inside is None or not before else inside / before

    def _mean(self, cc: str, first: date, end: date) -> float | None:
        values = [value for day, value in self.means.get(cc, {}).items() if first <= day < end]
        return fmean(values) if values else None


def read_context(path: Path) -> Context:
    """Read a CSV file with the columns HEADER. Raises CsvError."""
    values: dict[str, dict[date, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line, row in read_rows(path, HEADER):
        country, day, value = _parsed(row, path, line)
        values[country][day].append(value)
    return Context({cc: {day: fmean(some) for day, some in days.items()} for cc, days in values.items()})


def _parsed(row: list[str], path: Path, line: int) -> tuple[str, date, float]:
    try:
        time, country, value = row[0], row[1], float(row[2])
        day = datetime.fromisoformat(time).date()
    except (ValueError, IndexError):
        raise wrong_row(path, line, tr("Write a line such as 2026-11-24T13:00,IR,1234.5")) from None
    if len(row) != len(HEADER) or not COUNTRY.fullmatch(country) or not math.isfinite(value) or value < 0:
        raise wrong_row(path, line, tr("Write two capital letters for the country, and no negative value."))
    return country, day, value

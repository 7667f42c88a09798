"""Read notes of an analyst, such as the day of a court's order, which are marked in the time line."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from probe.analysis.compare.over_time.context import COUNTRY
from probe.analysis.compare.over_time.csv_rows import read_rows, wrong_row
from probe.messages import tr

HEADER = ["time", "country", "service", "text"]


@dataclass(frozen=True)
class Annotation:
    """Hold one note of the user. A note with an empty country or service is about all countries or services."""

    day: str
    cc: str
    service: str
    text: str


def read_annotations(path: Path) -> list[Annotation]:
    """Read a CSV file with the columns HEADER, in the order of its days. Raises CsvError."""
    found = [_parsed(row, path, line) for line, row in read_rows(path, HEADER)]
    return sorted(found, key=lambda note: note.day)


def _parsed(row: list[str], path: Path, line: int) -> Annotation:
    try:
        time, country, service, text = row
        day = datetime.fromisoformat(time).date().isoformat()
    except ValueError:
        raise wrong_row(path, line, tr("Write a line such as 2026-11-24,IR,telegram/web,Order of a court")) from None
    if (country and not COUNTRY.fullmatch(country)) or not text.strip():
        raise wrong_row(path, line, tr("Write two capital letters for the country or nothing, and a text."))
    return Annotation(day, country, service, text.strip())

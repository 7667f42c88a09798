"""Read the rows of a CSV file that a user gives, and refuse a file that cannot be used with one sentence."""

import csv
from collections.abc import Iterator
from pathlib import Path

from probe.messages import tr
from probe.results import reason_of


class CsvError(ValueError):
    """Report a CSV file that cannot be used, with one sentence for the user."""


def read_rows(path: Path, header: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Iterate over the rows below the header, with their line numbers. Raises CsvError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            if next(lines, None) != header:
                raise wrong_row(path, 1, tr("The first line must be: {header}", header=",".join(header)))
            for row in lines:
                yield lines.line_num, row
    except OSError as error:
        raise CsvError(tr("{path} cannot be read: {reason}.", path=path, reason=reason_of(error))) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CsvError(tr("{path} is not valid CSV: {reason}", path=path, reason=error)) from None


def wrong_row(path: Path, line: int, remedy: str) -> CsvError:
    """Return the refusal of one line of a file."""
    return CsvError(tr("{path}, line {line}, cannot be used. {remedy}", path=path, line=line, remedy=remedy))

"""Compute the answers to questions about a store, with the code of `probe compare`, `series` and `events`."""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import compare
from probe.analysis.compare.compare import to_json as cells_to_json
from probe.analysis.compare.over_time.events import events
from probe.analysis.compare.over_time.events import to_json as events_to_json
from probe.analysis.compare.over_time.series import series
from probe.analysis.compare.over_time.series import to_json as series_to_json
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.report.notebook import Verdicts
from probe.analysis.report.page.page_data import page_data
from probe.analysis.report.page.render import render
from probe.analysis.store.csv_cells import write_csv
from probe.analysis.store.maintenance.info import info
from probe.explore.parameters import (
    CellsParameters,
    EventsParameters,
    Format,
    PageParameters,
    Parameters,
    SeriesParameters,
    question_of,
)

Rows = Sequence[str]  # each is one JSON object


def rows_of(folder: Path, asked: Parameters) -> Rows:
    """Return all rows of a long answer. Raises QuestionError and StoreError."""
    return _ROWS[type(asked)](VerdictTable.of_stores([folder]), asked).splitlines()


def _cells(table: VerdictTable, asked: Any) -> str:
    return cells_to_json(compare(table, question_of(asked), asked.top))


def _series(table: VerdictTable, asked: Any) -> str:
    return series_to_json(series(table, question_of(asked), asked.grain.value))


def _events(table: VerdictTable, asked: Any) -> str:
    return events_to_json(events(table, question_of(asked)))


_ROWS: dict[type[Parameters], Callable[[VerdictTable, Any], str]] = {
    CellsParameters: _cells,
    SeriesParameters: _series,
    EventsParameters: _events,
}


def document_of(folder: Path, asked: Any) -> bytes:
    """Return a long answer as one file in the format that is asked for. Raises QuestionError and StoreError."""
    if asked.format is Format.JSONL:
        return "".join(f"{row}\n" for row in rows_of(folder, asked)).encode()
    table = _arrow(folder, asked)
    if asked.format is Format.CSV:
        return csv_of(table).encode()
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def _arrow(folder: Path, asked: Any) -> Any:
    """Return the Arrow table that notebooks get."""
    narrow = {name: getattr(asked, name) for name in ("since", "until", "only")}
    verdicts = Verdicts(folder, lab=asked.lab)
    match asked:
        case CellsParameters():
            return verdicts.compare(asked.by, baseline=asked.baseline or "", top=asked.top, **narrow)
        case SeriesParameters():
            return verdicts.series(asked.by, grain=asked.grain.value, **narrow)
        case _:
            return verdicts.events(**narrow)


def csv_of(table: Any) -> str:
    """Return CSV as `probe export` writes it: a spreadsheet runs none of the texts."""
    out = io.StringIO(newline="")
    write_csv(out, table.column_names, table.to_batches())
    return out.getvalue()


def page_of(folder: Path, asked: PageParameters) -> str:
    """Return the page of `probe compare --html`, "" if no measurement matches. Raises QuestionError and StoreError."""
    table = VerdictTable.of_stores([folder])
    question: Question = question_of(asked)
    comparison = compare(table, question, asked.top)
    if not comparison.services:
        return ""
    return render(page_data(table, comparison, [folder.resolve().name]))


def facts_of(folder: Path) -> bytes:
    """Return the object of `probe store info --json`. Raises StoreError."""
    return json.dumps(info(folder)).encode()

"""For notebooks: verdicts, cells, series and events as Arrow tables, which pandas and Polars take as they are.

    from probe.analysis.report.notebook import Verdicts
    verdicts = Verdicts("results/")                      # or a store, or files of lines
    verdicts.compare(by="cc", baseline="cc=DE").to_pandas()
    polars.from_arrow(verdicts.events())

The same tables and sums as `probe compare`, `series` and `events`; needs the extra `analysis`.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from probe.analysis.compare.axes import parse_question
from probe.analysis.compare.cells import INSUFFICIENT, LEAST, Cell, compare, winner
from probe.analysis.compare.events import events
from probe.analysis.compare.series import series
from probe.analysis.compare.verdict_table import VerdictTable, is_store
from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.rules.rule import SEVERITY
from probe.analysis.verdicts.verdict_row import COLUMNS, VerdictRow, rows_of
from probe.analysis.verdicts.verdicts import reason_unusable
from probe.results import Problem, file_name, find_files, read_lines

STATES = tuple(state.value for state in SEVERITY if state != INSUFFICIENT)  # each a column of counts
_COUNTS = [(state, pa.int64()) for state in STATES]
_NAMES = pa.list_(pa.string())


class Verdicts:
    """Verdicts of one store, or of lines judged now. `refused`: (file, line number, why) of what could not be used.

    `by`, `since`, `until`, `only`, `baseline` are written as on the command line; `lab`: take the lab's lines too.
    Raises QuestionError, StoreError or ResultsError, each with one sentence.
    """

    def __init__(self, *sources: str | Path, lab: bool = False) -> None:
        self.refused: list[tuple[str, int, str]] = []
        self._lab = lab
        paths = [Path(source) for source in sources]
        self._store = paths[0] if len(paths) == 1 and is_store(paths[0]) else None
        self._rows = [] if self._store else list(self._judged(paths))

    def rows(self) -> pa.Table:
        """Every verdict, one row per service and measurement: the columns of `verdictrow.VerdictRow`."""
        rows = self._table().select(f"SELECT {', '.join(COLUMNS)} FROM verdicts ORDER BY line_hash, service")
        return pa.Table.from_pylist([dict(zip(COLUMNS, row, strict=True)) for row in rows])

    def compare(self, by: str | None = None, *, baseline: str = "", top: int = 0, **narrow: Any) -> pa.Table:
        """A row per cell that somebody measured: counts by state, the state that is said, and a witness."""
        question = parse_question(by, baseline=baseline, lab=self._lab, **narrow)
        comparison = compare(self._table(), question, top)
        axes = list(dict.fromkeys(name for vantage in comparison.vantages for name in vantage))
        rows = [_cell(cell, axes) for _, cells in comparison.rows() for cell in cells if cell.n or cell.set_aside]
        return pa.Table.from_pylist(rows, pa.schema([("service", pa.string()), *_strings(axes), *_CELL]))

    def series(self, by: str | None = None, *, grain: str = "day", **narrow: Any) -> pa.Table:
        """A row per service, vantage point and day (or hour), gaps too: their `n` is 0."""
        laid = series(self._table(), parse_question(by, lab=self._lab, **narrow), grain)
        axes = list(laid[0].vantage) if laid else []
        rows = [
            {
                "service": one.service,
                **one.vantage,
                "time": bucket.time,
                "state": winner(bucket.by_state) if bucket.n >= LEAST else INSUFFICIENT,
                "n": bucket.n,
                **{state: bucket.by_state[state] for state in STATES},
            }
            for one in laid
            for bucket in one.buckets
        ]
        return pa.Table.from_pylist(rows, pa.schema([("service", pa.string()), *_strings(axes), *_BUCKET]))

    def events(self, by: str | None = None, **narrow: Any) -> pa.Table:
        """A row per event: when interference began and ended, where, and where measurements went missing."""
        found = [vars(event) for event in events(self._table(), parse_question(by, lab=self._lab, **narrow))]
        return pa.Table.from_pylist(found, pa.schema(_EVENT))

    def _table(self) -> VerdictTable:
        """A table of its own for each question, since a question narrows it."""
        return VerdictTable.of_store(self._store) if self._store else VerdictTable.of_rows(self._rows)

    def _judged(self, paths: list[Path]) -> Iterator[VerdictRow]:
        with SQLiteEngine() as engine:
            for path in find_files(paths):
                for number, line in read_lines(path):
                    problem = line.sentence if isinstance(line, Problem) else reason_unusable(line)
                    if problem is not None:
                        self.refused.append((file_name(path), number, problem))
                    elif isinstance(line, dict):
                        yield from rows_of(line, file=file_name(path), number=number, engine=engine)


def _strings(names: Iterable[str]) -> list[tuple[str, Any]]:
    return [(name, pa.string()) for name in names]


_CELL = [
    *_strings(("state", "found")),
    ("mechanisms", _NAMES),
    ("n", pa.int64()),
    *_COUNTS,
    ("set_aside", pa.int64()),
    ("networks", _NAMES),
    ("reporters_max", pa.int64()),
    ("p_value", pa.float64()),
    ("witness_file", pa.string()),
    ("witness_line", pa.int64()),
]
_BUCKET = [*_strings(("time", "state")), ("n", pa.int64()), *_COUNTS]
_EVENT = [
    ("service", pa.string()),
    ("networks", _NAMES),
    *_strings(("onset", "end", "mechanism", "detected_at", "kind", "cc")),
]


def _cell(cell: Cell, axes: Iterable[str]) -> dict[str, Any]:
    return {
        "service": cell.service,
        **{axis: cell.vantage.get(axis) for axis in axes},
        "state": cell.state,
        "found": cell.found,
        "mechanisms": cell.mechanisms,
        "n": cell.n,
        **{state: cell.by_state.get(state, 0) for state in STATES},
        "set_aside": sum(cell.set_aside.values()),
        "networks": [network.asn for network in cell.networks],
        "reporters_max": cell.reporters_max,
        "p_value": cell.difference["p_value"] if cell.difference else None,
        "witness_file": cell.witness.file if cell.witness else None,
        "witness_line": cell.witness.line if cell.witness else None,
    }

"""Return verdicts, cells, series and events as Arrow tables, for pandas and Polars in notebooks.

    from probe.analysis.report.notebook import Verdicts
    verdicts = Verdicts("results/")                      # or a store, s3://BUCKET/PREFIX, or results files
    verdicts.compare(by="cc", baseline="cc=DE").to_pandas()
    polars.from_arrow(verdicts.events())

The numbers are those of `probe compare`, `series` and `events`. The module needs the extra `analysis`.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from probe.analysis.compare.axes import parse_question
from probe.analysis.compare.cells import INSUFFICIENT, Cell, compare
from probe.analysis.compare.networks import NetworkRegimes
from probe.analysis.compare.over_time.events import events
from probe.analysis.compare.over_time.series import axes_of, series
from probe.analysis.compare.units import CONNECTED
from probe.analysis.compare.verdict_table import StoreError, VerdictTable
from probe.analysis.object_storage import address_of, objects_of
from probe.analysis.observations.measurement_identity import identity
from probe.analysis.rules.rule import SEVERITY, State
from probe.analysis.store.manifest import rejected_lines
from probe.analysis.store.versions import note_on_version, store_at
from probe.analysis.verdicts.verdict_row import COLUMNS, TYPES, rows_of_each
from probe.analysis.verdicts.verdicts import Located, reason_unusable
from probe.results import Problem, file_name, find_files, is_remote, read_lines

_SET_ASIDE = {INSUFFICIENT, State.FILTERED_LOCALLY}
STATES = tuple(state.value for state in SEVERITY if state not in _SET_ASIDE)  # columns of counts
_COUNTS = [(state, pa.int64()) for state in STATES]
_NAMES = pa.list_(pa.string())


class Verdicts:
    """Hold the verdicts of stores, and of measurements that are judged now. A measurement of several counts once.

    `refused` lists (file, line number, reason) of lines that cannot be used, or that the store rejected. `by`, `since`,
    `until`, `only` and `baseline` are written as on the command line. `lab` includes artificial measurements. Raises
    QuestionError, StoreError or ResultsError, each with one sentence. docs/python-api.md lists columns and types.
    """

    def __init__(self, *sources: str | Path, lab: bool = False) -> None:
        self.refused: list[tuple[str, int, str]] = []
        self._lab = lab
        found = [(source, store_at(source)) for source in sources]
        self._stores = [store for _, store in found if store is not None]
        for store in self._stores:
            if len(sources) > 1 and (note := note_on_version(store)) is not None:
                raise StoreError(note)  # its identities differ from those of other sources
            self.refused += [(file, number, reason) for _, file, number, reason in rejected_lines(store)]
        files = [source for source, store in found if store is None]
        self._rows = list(rows_of_each(self._usable(files))) if files or not sources else []

    def rows(self) -> pa.Table:
        """Return one row per service and measurement, with the columns of `verdicts.verdict_row.VerdictRow`."""
        rows = self._table().select(f"SELECT {', '.join(COLUMNS)} FROM verdicts ORDER BY line_hash, service")
        typed = [{name: TYPES[name](value) for name, value in zip(COLUMNS, row, strict=True)} for row in rows]
        return pa.Table.from_pylist(typed, pa.schema(_ROW))  # SQLite has no booleans

    def compare(self, by: str | None = None, *, baseline: str = "", top: int = 0, **narrow: Any) -> pa.Table:
        """Return one row per cell with measurements: counts by state, the state, and an example measurement."""
        question = parse_question(by, baseline=baseline, lab=self._lab, **narrow)
        comparison = compare(self._table(), question, top)
        axes = list(dict.fromkeys([*dict(question.baseline), *question.axes()]))
        rows = [
            _cell(cell, axes, networks)
            for _, cells in comparison.rows()
            for cell, networks in zip(cells, comparison.networks, strict=True)
            if cell.n or cell.set_aside
        ]
        return pa.Table.from_pylist(rows, pa.schema([("service", pa.string()), *_strings(axes), *_CELL]))

    def series(self, by: str | None = None, *, grain: str = "day", **narrow: Any) -> pa.Table:
        """Return one row per service, vantage point and day (or hour). Gaps have `n` 0."""
        question = parse_question(by, lab=self._lab, **narrow)
        laid, axes = series(self._table(), question, grain), axes_of(question)
        rows = [
            {
                "service": one.service,
                **one.vantage,
                "time": bucket.time,
                "state": bucket.state,
                "n": bucket.n,
                **{state: bucket.by_state[state] for state in (*STATES, CONNECTED)},
                "runs": bucket.runs.total(),
                "share": bucket.agreeing / bucket.runs.total() if bucket.found else None,
            }
            for one in laid
            for bucket in one.buckets
        ]
        return pa.Table.from_pylist(rows, pa.schema([("service", pa.string()), *_strings(axes), *_BUCKET]))

    def events(self, by: str | None = None, **narrow: Any) -> pa.Table:
        """Return one row per event: interference with its period and networks, or missing measurements."""
        found = [vars(event) for event in events(self._table(), parse_question(by, lab=self._lab, **narrow))]
        return pa.Table.from_pylist(found, pa.schema(_EVENT))

    def _table(self) -> VerdictTable:
        """Return a new table for each question, since a question filters it."""
        return VerdictTable.of_stores(self._stores, self._rows) if self._stores else VerdictTable.of_rows(self._rows)

    def _usable(self, sources: list[str | Path]) -> Iterator[Located]:
        seen, found = set[bytes](), find_files(map(_address, sources), objects_of)
        self.refused += [(problem.file, problem.number, problem.sentence) for problem in found.refused]
        for path in found.files:
            for number, read in read_lines(path):
                problem = read.sentence if isinstance(read, Problem) else reason_unusable(read)
                if problem is not None:
                    self.refused.append((file_name(path), number, problem))
                elif isinstance(read, dict) and (one := identity(read)) not in seen:
                    seen.add(one)
                    yield file_name(path), number, read


def _address(source: str | Path) -> str | Path:
    """Return the address of an object. A Path has lost one of its two slashes."""
    return address_of(source) if is_remote(source) else source


def _strings(names: Iterable[str]) -> list[tuple[str, Any]]:
    return [(name, pa.string()) for name in names]


_ROW = [
    (name, {str: pa.string(), int: pa.int64(), bool: pa.bool_(), float: pa.float64()}[TYPES[name]]) for name in COLUMNS
]
_CELL = [
    *_strings(("state", "found")),
    ("mechanisms", _NAMES),
    ("n", pa.int64()),
    *_COUNTS,
    ("connected", pa.int64()),
    ("set_aside", pa.int64()),
    ("networks", _NAMES),
    ("reporters_max", pa.int64()),
    ("runs", pa.int64()),
    ("since", pa.string()),
    ("networks_now", pa.int64()),
    ("networks_failing", pa.int64()),
    ("failing_low", pa.float64()),
    ("failing_high", pa.float64()),
    ("odds_ratio", pa.float64()),
    ("worse", pa.bool_()),
    ("p_value", pa.float64()),
    ("derived", pa.string()),
    ("throughput_runs", pa.int64()),
    ("throughput_limited", pa.int64()),
    ("throughput_median", pa.float64()),
    ("throughput_low", pa.float64()),
    ("throughput_high", pa.float64()),
    ("cutoff_runs", pa.int64()),
    ("cutoff_median", pa.float64()),
    ("cutoff_low", pa.float64()),
    ("cutoff_high", pa.float64()),
    ("whole_network", pa.int64()),
    ("network_runs", pa.int64()),
    ("regimes", _NAMES),
    ("restrictions", _NAMES),
    ("witness_file", pa.string()),
    ("witness_line", pa.int64()),
]
_BUCKET = [
    *_strings(("time", "state")),
    ("n", pa.int64()),
    *_COUNTS,
    ("connected", pa.int64()),
    ("runs", pa.int64()),
    ("share", pa.float64()),
]
_EVENT = [
    ("service", pa.string()),
    ("networks", _NAMES),
    *_strings(("onset", "end", "mechanism", "detected_at")),
    ("q_value", pa.float64()),
    *_strings(("kind", "cc")),
]


def _cell(cell: Cell, axes: Iterable[str], networks: NetworkRegimes) -> dict[str, Any]:
    ratio = cell.difference.odds_ratio if cell.difference else None
    return {
        "service": cell.service,
        **{axis: cell.vantage.get(axis) for axis in axes},
        "state": cell.state,
        "found": cell.found,
        "mechanisms": cell.mechanisms,
        "n": cell.n,
        **{state: cell.by_state.get(state, 0) for state in (*STATES, CONNECTED)},
        "set_aside": sum(cell.set_aside.values()),
        "networks": [network.asn for network in cell.networks],
        "reporters_max": cell.reporters_max,
        "runs": cell.runs,
        "since": cell.now.since if cell.now else None,
        "networks_now": cell.now.networks if cell.now else 0,
        "networks_failing": cell.now.failing if cell.now else 0,
        "failing_low": cell.now.low if cell.now else None,
        "failing_high": cell.now.high if cell.now else None,
        "odds_ratio": ratio.estimate if ratio else None,
        "worse": cell.difference.worse if cell.difference else None,
        "p_value": cell.difference.p_value if cell.difference else None,
        "derived": cell.derived.rule if cell.derived else None,
        "throughput_runs": cell.throughput.runs if cell.throughput else 0,
        "throughput_limited": cell.throughput.limited if cell.throughput else 0,
        "throughput_median": cell.throughput.median if cell.throughput else None,
        "throughput_low": cell.throughput.low if cell.throughput else None,
        "throughput_high": cell.throughput.high if cell.throughput else None,
        "cutoff_runs": cell.cutoff.runs if cell.cutoff else 0,
        "cutoff_median": cell.cutoff.median if cell.cutoff else None,
        "cutoff_low": cell.cutoff.low if cell.cutoff else None,
        "cutoff_high": cell.cutoff.high if cell.cutoff else None,
        "whole_network": sum(cell.whole_network.values()),
        "network_runs": networks.runs,
        "regimes": [f"{regime}={runs}" for regime, runs in networks.main.items()],
        "restrictions": [f"{regime}={runs}" for regime, runs in networks.restrictions.items()],
        "witness_file": cell.witness.file if cell.witness else None,
        "witness_line": cell.witness.line if cell.witness else None,
    }

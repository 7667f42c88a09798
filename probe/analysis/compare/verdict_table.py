"""Give access to the table `verdicts` with the same SQL: measurements judged now (SQLite), or a store (DuckDB)."""

import importlib
import sqlite3
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from probe.analysis.engines.duckdb_files import rows_under, spilling_duckdb
from probe.analysis.engines.spill_folder import spill_root
from probe.analysis.rules.old_ids import translated
from probe.analysis.rules.variant import VARIANT
from probe.analysis.sql.expressions import literal
from probe.analysis.verdicts.verdict_row import COLUMNS, FIGURES, LISTS, TYPES, VerdictRow
from probe.messages import mark, tr
from probe.platforms.installation import command_for
from probe.results import full_disk, full_disk_in

if TYPE_CHECKING:
    from probe.analysis.object_storage.bucket_store import BucketStore

OPTIONAL = {
    "corrected_start_time": "measurement_start_time",
    "claim": "line_hash",
    **dict.fromkeys(("endpoints", "media", "synthetic", "network_facts", "hop_reason", "cause_place"), "''"),
    **dict.fromkeys(("platform", "probe_id"), "''"),
    **dict.fromkeys(FIGURES, "-1e0"),
    **{name: translated(name) for name in VARIANT[1:]},
}
"""SQL for the columns that stores of earlier releases lack, and that their rows have as NULL in newer stores."""
EVERYTHING = "everything"
"""View or table of all rows, also of those that `filtered` leaves out."""
UNREADABLE = mark("{folder} cannot be read as a store. `probe ingest` makes one. Reason: {reason}")
NO_COLUMN = mark(
    "The store {folder} was made by another version: its verdicts have no column {column}. Make a new store."
)
NO_VERDICTS = mark("The store {name} has no verdicts. Ingest results files into it first, and copy it again.")
T = TypeVar("T")
_ROWS = 10_000  # that are written together
_SQL_TYPES = {str: "VARCHAR", int: "BIGINT", bool: "BOOLEAN", float: "DOUBLE"}
EMPTY = {str: "''", int: "0", bool: "FALSE", float: "-1e0"}
"""SQL for the value of a column that is not known. No figure is negative."""


class StoreError(ValueError):
    """Report a store that cannot be used, with one sentence for the user."""


class Contradictions(NamedTuple):
    """Count tests of a run that have measurements with different contents, and name two such measurements of one."""

    tests: int
    places: tuple[tuple[str, int], ...]  # file and line


NO_CONTRADICTIONS = Contradictions(0, ())
_CONTRADICTED = "claim IN (SELECT claim FROM contradicted)"


class VerdictTable:
    """Run SELECT over `verdicts`. `filtered` restricts the rows of all later statements.

    The connection is closed with the last reference to the table.
    """

    repeated = 0  # measurements that are in more than one source
    contradictions: Contradictions

    def __init__(self, connection: Any, contradictions: Contradictions = NO_CONTRADICTIONS) -> None:
        self._connection, self.contradictions = connection, contradictions
        weakref.finalize(self, connection.close)
        self._source, self._narrowed = EVERYTHING, 0
        self._conditions, self._kept = set[tuple[str, ...]](), dict[Hashable, Any]()
        self._in_buckets: dict[str, BucketStore] = {}
        connection.execute(f"CREATE TEMPORARY VIEW verdicts AS SELECT * FROM {EVERYTHING}")

    @classmethod
    def of_rows(cls, rows: Iterable[VerdictRow]) -> "VerdictTable":
        """Create a table in memory. A second row of the same measurement and service is ignored."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        columns = ", ".join(f"{name} {_SQL_TYPES[TYPES[name]]}" for name in COLUMNS)
        connection.execute(f"CREATE TABLE {EVERYTHING} ({columns}, PRIMARY KEY (line_hash, service))")
        values = f"({', '.join('?' * len(COLUMNS))})"
        connection.executemany(f"INSERT OR IGNORE INTO {EVERYTHING} VALUES {values}", map(attrgetter(*COLUMNS), rows))
        found = _note_contradictions(connection, EVERYTHING)
        if found.tests:
            connection.execute(f"UPDATE {EVERYTHING} SET run_id = '' WHERE {_CONTRADICTED}")
        return cls(connection, found)

    @classmethod
    def of_stores(cls, folders: "Sequence[Path | BucketStore]", rows: Iterable[VerdictRow] = ()) -> "VerdictTable":
        """Open stores that `probe ingest` made, together with rows of other measurements.

        A measurement of an earlier source is left out of the later ones, and `repeated` counts it. Raises StoreError,
        and ResultsError for buckets.
        """
        try:
            duckdb = importlib.import_module("duckdb")
        except ImportError:
            raise StoreError(
                tr("A store needs DuckDB. This command installs it: {command}", command=command_for("analysis"))
            ) from None
        connection = spilling_duckdb()
        connection.execute("SET parquet_metadata_cache = true")  # every statement opens all files again
        sources = [f"source{number}" for number in range(len(folders))]
        for folder, source in zip(folders, sources, strict=True):
            try:
                _open_store(connection, folder, source)
            except (duckdb.Error, OSError) as error:
                raise StoreError(tr(UNREADABLE, folder=folder, reason=str(error).splitlines()[0])) from None
        in_buckets = {
            source: store for source, store in zip(sources, folders, strict=True) if not isinstance(store, Path)
        }
        if _keep_rows(connection, rows):
            sources.append("judged")
        with _clear_errors(in_buckets):
            repeated = _unite(connection, sources)
            found = _note_contradictions(connection, "united")
        run = f"CASE WHEN {_CONTRADICTED} THEN '' ELSE run_id END AS run_id"
        columns = f"* REPLACE ({run})" if found.tests else "*"
        connection.execute(f"CREATE TEMPORARY VIEW {EVERYTHING} AS SELECT {columns} FROM united")
        table = cls(connection, found)
        table.repeated, table._in_buckets = repeated, in_buckets
        return table

    def filtered(self, condition: str, values: Sequence[str]) -> "VerdictTable":
        """Keep only the rows that meet the condition, and return the table. Each `?` stands for the next value.

        The rows stay where they are. The values are written into a view as quoted literals, since a view has no
        parameters. A condition that the rows meet already changes nothing.
        """
        if (condition, *values) in self._conditions:
            return self
        self._conditions.add((condition, *values))
        self._kept.clear()
        literals = map(literal, values)
        whole = "".join(next(literals) if char == "?" else char for char in condition)
        self._narrowed += 1
        name = f"narrowed{self._narrowed}"
        self._connection.execute(f"CREATE TEMPORARY VIEW {name} AS SELECT * FROM {self._source} WHERE {whole}")
        self._connection.execute("DROP VIEW verdicts")
        self._connection.execute(f"CREATE TEMPORARY VIEW verdicts AS SELECT * FROM {name}")
        self._source = name
        return self

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was computed from these rows before, or compute it. The caller must not change it."""
        if key not in self._kept:
            self._kept[key] = make()
        found: T = self._kept[key]
        return found

    def note(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Create a small table beside it, or replace it. Columns have the form `NAME TYPE`."""
        self._connection.execute(f"DROP TABLE IF EXISTS {name}")
        self._connection.execute(f"CREATE TEMPORARY TABLE {name} ({', '.join(columns)})")
        if rows:
            self._connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(columns))})", rows)

    def select(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one SELECT over `verdicts`.

        Raises FullDisk if what DuckDB spills has no space, and ResultsError for a bucket.
        """
        with _clear_errors(self._in_buckets):
            found: list[tuple[Any, ...]] = self._connection.execute(statement, values).fetchall()
        return found


def is_store(path: Path) -> bool:
    """Return True if a folder is a store, and not a folder of results files."""
    return (path / "verdicts").is_dir()


@contextmanager
def _clear_errors(in_buckets: "Mapping[str, BucketStore]") -> Iterator[None]:
    """Raise FullDisk, and ResultsError for buckets, in place of DuckDB's errors. `in_buckets` has stores by view."""
    try:
        yield
    except Exception as error:
        if (full := full_disk_in(str(error))) is not None:
            raise full_disk(full, spill_root()) from None
        for view, store in in_buckets.items():
            if f"'{objects_view(view)}'" in str(error):
                raise store.refusal(error) from None
        raise


def _open_store(connection: Any, folder: "Path | BucketStore", view: str) -> None:
    """Make a view of a store's verdicts. Raises StoreError, duckdb.Error, OSError, and ResultsError for buckets."""
    if isinstance(folder, Path):
        source = rows_under(connection, folder / "verdicts")
    else:
        source = objects_view(view)
        if not folder.register(connection, "verdicts", source):
            raise StoreError(tr(NO_VERDICTS, name=folder))
    there = {name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    if missing := [name for name in COLUMNS if name not in {*there, *OPTIONAL}]:
        raise StoreError(tr(NO_COLUMN, folder=folder, column=missing[0]))
    columns = ", ".join(_column(name, name in there) for name in COLUMNS)
    connection.execute(f"CREATE TEMPORARY VIEW {view} AS SELECT {columns} FROM {source}")


def objects_view(view: str) -> str:
    """Return the name under which DuckDB knows the objects of a view. It is in the errors of reading them."""
    return f"{view}_objects"


def _keep_rows(connection: Any, rows: Iterable[VerdictRow]) -> int:
    """Write rows to the table `judged`, and return their number."""
    pa, values, count = importlib.import_module("pyarrow"), attrgetter(*COLUMNS), 0
    columns = ", ".join(f"{name} {_SQL_TYPES[TYPES[name]]}" for name in COLUMNS)
    connection.execute(f"CREATE TEMPORARY TABLE judged ({columns})")
    rows = iter(rows)
    while some := list(islice(rows, _ROWS)):
        connection.register("chunk", pa.table(dict(zip(COLUMNS, zip(*map(values, some), strict=True), strict=True))))
        connection.execute("INSERT INTO judged SELECT * FROM chunk")
        count += len(some)
    return count


def _unite(connection: Any, sources: Sequence[str]) -> int:
    """Make the view `united` of all sources. Returns how many measurements are in an earlier source too.

    A store of an earlier release has the claim in place of the identity. Its measurements are compared by the claim.
    """
    selects, repeated = [f"SELECT * FROM {sources[0]}"], 0
    for number, source in enumerate(sources[1:]):
        known, claims = (
            " UNION ALL ".join(f"SELECT {column} FROM {one}" for one in sources[: number + 1])
            for column in ("line_hash", "claim")
        )
        same = f"line_hash IN ({known} UNION ALL {claims}) OR claim IN ({known})"
        copies = f"SELECT DISTINCT line_hash FROM {source} WHERE {same}"
        connection.execute(f"CREATE TEMPORARY TABLE copies{number} AS {copies}")
        repeated += connection.execute(f"SELECT count(*) FROM copies{number}").fetchone()[0]
        selects.append(f"SELECT * FROM {source} WHERE line_hash NOT IN (SELECT line_hash FROM copies{number})")
    connection.execute(f"CREATE TEMPORARY VIEW united AS {' UNION ALL '.join(selects)}")
    return repeated


def _note_contradictions(connection: Any, source: str) -> Contradictions:
    """Make the table `contradicted` of the claims that measurements with different contents have.

    A person who knows a measurement can invent others of the same run. So these measurements lose their run, and each
    of them counts as a run of its own.
    """
    connection.execute(
        f"CREATE TEMPORARY TABLE contradicted AS SELECT claim FROM {source} WHERE claim <> '' "
        "GROUP BY claim HAVING min(line_hash) <> max(line_hash)"
    )
    ((tests, first),) = connection.execute("SELECT count(*), min(claim) FROM contradicted").fetchall()
    if not tests:
        return NO_CONTRADICTIONS
    places = f"SELECT DISTINCT measurement_file, measurement_line FROM {source} WHERE claim = ? ORDER BY 1, 2 LIMIT 2"
    return Contradictions(tests, tuple(connection.execute(places, [first]).fetchall()))


def _column(name: str, there: bool) -> str:
    """Return SQL for a store's column with the type of the row's column, never NULL."""
    if not there:
        return f"{OPTIONAL[name]} AS {name}"
    value = f"array_to_string({name}, ' ')" if name in LISTS else translated(name) if name == "rule_id" else name
    empty = OPTIONAL.get(name, EMPTY[TYPES[name]])
    return f"COALESCE(CAST({value} AS {_SQL_TYPES[TYPES[name]]}), {empty}) AS {name}"

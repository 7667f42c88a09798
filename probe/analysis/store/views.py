"""Run SQL over a store with DuckDB, without access to other files and to the network."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from probe.analysis.compare.verdict_table import objects_view
from probe.analysis.engines.duckdb_files import literal_name, rows_under, spilling_duckdb
from probe.analysis.engines.spill_folder import spill_root
from probe.analysis.sql.expressions import literal
from probe.analysis.store.columns import TABLES, schema, select_list
from probe.analysis.store.files import table_files
from probe.analysis.store.manifest import StoreError, rejected_lines
from probe.analysis.store.versions import located
from probe.messages import mark, tr
from probe.results import full_disk, full_disk_in

if TYPE_CHECKING:
    from probe.analysis.object_storage.bucket_store import BucketStore

MEMORY = "1GB"
MOST_SPILLED = "10GB"  # that a query may write to its spill folder
TOO_MUCH_MEMORY = mark(
    "This query needs more than {memory} of memory and was stopped. Ask for fewer or shorter values."
)
REJECTED = ("line_hash", "measurement_file", "measurement_line", "reason")


class Store:
    """Open a store for reading, with the views `measurements`, `observations`, `verdicts` and `rejected`.

    Answers are pyarrow tables: `.to_pandas()`, `polars.from_arrow(table)`, `.to_pylist()`.
    DuckDB's memory limit does not cover every value that a function makes. `query_process.py` limits these too.
    """

    def __init__(self, store: "str | Path | BucketStore", connection: Any = None) -> None:
        """Open a folder or `s3://BUCKET/PREFIX`, in a new DuckDB or in the given empty one.

        Raises StoreError, and ResultsError for a bucket.
        """
        self._store = located(store)
        self._duckdb = importlib.import_module("duckdb")
        self._connection = connection or spilling_duckdb()
        with self._store_errors():
            for table in TABLES:
                self._view(table)
        rows = [dict(zip(REJECTED, row, strict=True)) for row in rejected_lines(self._store)]
        kinds = ("string", "string", "int64", "string")
        columns = pa.schema(list(zip(REJECTED, kinds, strict=True)))
        self._connection.register("rejected", pa.Table.from_pylist(rows, columns))
        self._restrict()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and the files."""
        self._connection.close()

    def sql(self, statement: str) -> Any:
        """Return the answer to one SELECT as a pyarrow.Table. Raises StoreError for other statements and errors."""
        with self._store_errors():
            return self._ask(statement).to_arrow_table()

    def batches(self, statement: str, rows: int = 50_000) -> Iterator[Any]:
        """Iterate over the answer to one SELECT as pyarrow.RecordBatches, for large answers. Raises StoreError."""
        with self._store_errors():
            yield from self._ask(statement).to_arrow_reader(rows)

    def _ask(self, statement: str) -> Any:
        parsed = self._duckdb.extract_statements(statement)
        if len(parsed) != 1 or parsed[0].type != self._duckdb.StatementType.SELECT:
            raise StoreError(tr("A store accepts one SELECT at a time, and no statement that changes something."))
        return self._connection.sql(statement)

    @contextmanager
    def _store_errors(self) -> Iterator[None]:
        try:
            yield
        except (self._duckdb.Error, pa.ArrowException, OSError, MemoryError) as error:
            raise self._refusal(error) from None

    def _refusal(self, error: Exception) -> Exception:
        """Return the exception with the sentence for the user."""
        text = str(error).strip()
        if (reason := full_disk_in(text)) is not None:
            return full_disk(reason, spill_root())
        if "max_temp_directory_size" in text:
            return StoreError(
                tr(
                    "This query needs more than {memory} of memory and {disk} in {folder}. Ask for fewer values.",
                    memory=MEMORY,
                    disk=MOST_SPILLED,
                    folder=spill_root(),
                )
            )
        if isinstance(error, MemoryError | self._duckdb.OutOfMemoryException) or "Out of Memory Error" in text:
            return StoreError(tr(TOO_MUCH_MEMORY, memory=MEMORY))
        if not isinstance(self._store, Path) and any(f"'{objects_view(table)}'" in text for table in TABLES):
            return self._store.refusal(error)
        return StoreError(text)

    def _view(self, table: str) -> None:
        source = self._source(table)
        if source is None:
            self._connection.register(table, schema(table).empty_table())
            return
        there = {name for name, *_ in self._connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        names = select_list(table, there)
        self._connection.execute(f"CREATE TEMPORARY VIEW {table} AS SELECT {names} FROM {source}")

    def _source(self, table: str) -> str | None:
        """Return what DuckDB reads a table from, None for a table without any file."""
        if not isinstance(self._store, Path):
            return objects_view(table) if self._store.register(self._connection, table, objects_view(table)) else None
        return rows_under(self._connection, self._store.resolve() / table) if table_files(self._store, table) else None

    def _restrict(self) -> None:
        """Allow DuckDB only the store's files, and lock its settings. pyarrow reads those in a bucket.

        DuckDB compares a folder with the pattern that it is asked for, and with the files that it finds.
        """
        own = [self._store.resolve() / table for table in TABLES] if isinstance(self._store, Path) else []
        folders = ", ".join(literal(f"{name}/") for folder in own for name in (str(folder), literal_name(folder)))
        self._connection.execute(f"SET memory_limit = '{MEMORY}'")
        self._connection.execute(f"SET max_temp_directory_size = '{MOST_SPILLED}'")
        self._connection.execute(f"SET allowed_directories = [{folders}]")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

"""Run SQL over a store with DuckDB, without access to other files and to the network."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from probe.analysis.engines.duckdb_files import duckdb_in_memory, rows_under
from probe.analysis.store.columns import TABLES, hive_options, schema
from probe.analysis.store.files import table_files
from probe.analysis.store.manifest import NAME, StoreError, rejected_lines
from probe.messages import tr

MEMORY = "1GB"
REJECTED = ("line_hash", "measurement_file", "measurement_line", "reason")


class Store:
    """Open a store for reading, with the views `measurements`, `observations`, `verdicts` and `rejected`.

    Answers are pyarrow tables: `.to_pandas()`, `polars.from_arrow(table)`, `.to_pylist()`.
    """

    def __init__(self, folder: Path) -> None:
        """Open the folder that `probe ingest` made. Raises StoreError."""
        if not (folder / NAME).is_file():
            raise StoreError(
                tr("{folder} is no store. This makes one: probe ingest FILE... --store {folder}", folder=folder)
            )
        self.folder = folder
        self._duckdb = importlib.import_module("duckdb")
        self._connection = duckdb_in_memory()
        for table in TABLES:
            self._view(table)
        rows = [dict(zip(REJECTED, row, strict=True)) for row in rejected_lines(folder)]
        kinds = ("string", "string", "int64", "string")
        columns = pa.schema(list(zip(REJECTED, kinds, strict=True)))
        self._connection.register("rejected", pa.Table.from_pylist(rows, columns))
        self._restrict(folder)

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
        except (self._duckdb.Error, pa.ArrowException, OSError) as error:
            raise StoreError(str(error).strip()) from None

    def _view(self, table: str) -> None:
        columns = schema(table)
        if not table_files(self.folder, table):
            self._connection.register(table, columns.empty_table())
            return
        source = rows_under(self._connection, self.folder.resolve() / table, hive_options())
        names = ", ".join(f'"{name}"' for name in columns.names)
        self._connection.execute(f"CREATE TEMPORARY VIEW {table} AS SELECT {names} FROM {source}")

    def _restrict(self, folder: Path) -> None:
        """Allow DuckDB only the store's files, and lock its settings."""
        folders = ", ".join("'" + str(folder.resolve() / table).replace("'", "''") + "/'" for table in TABLES)
        self._connection.execute(f"SET memory_limit = '{MEMORY}'")
        self._connection.execute(f"SET allowed_directories = [{folders}]")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

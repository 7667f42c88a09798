"""The table `verdicts`, wherever its rows come from: lines judged now (SQLite) or a store (DuckDB), by one SQL."""

import importlib
import sqlite3
import weakref
from collections.abc import Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from probe.analysis.engines.duckdb_files import duckdb_in_memory, rows_under
from probe.analysis.verdicts.verdict_row import COLUMNS, LISTS, TYPES, VerdictRow

OPTIONAL = frozenset({"endpoints"})
_SQL_TYPES = {str: "VARCHAR", int: "BIGINT", bool: "BOOLEAN"}


class StoreError(ValueError):
    """A store that cannot be read; its text is one sentence for the user."""


class VerdictTable:
    """Something that answers SELECT over `verdicts`; `filtered` narrows what later questions see.

    Its connection is closed with the last reference to it.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        weakref.finalize(self, connection.close)
        self._source, self._narrowed = "everything", 0
        connection.execute("CREATE TEMPORARY VIEW verdicts AS SELECT * FROM everything")

    @classmethod
    def of_rows(cls, rows: Iterable[VerdictRow]) -> "VerdictTable":
        """Rows in memory; a service of a line that comes twice counts once."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        columns = ", ".join(f"{name} {_SQL_TYPES[TYPES[name]]}" for name in COLUMNS)
        connection.execute(f"CREATE TABLE everything ({columns}, PRIMARY KEY (line_hash, service))")
        values = f"({', '.join('?' * len(COLUMNS))})"
        connection.executemany(f"INSERT OR IGNORE INTO everything VALUES {values}", map(attrgetter(*COLUMNS), rows))
        return cls(connection)

    @classmethod
    def of_store(cls, folder: Path) -> "VerdictTable":
        """The table of a folder that `probe ingest` made. Raises StoreError."""
        try:
            duckdb = importlib.import_module("duckdb")
        except ImportError:
            raise StoreError("a store needs DuckDB: pip install 'censorprobe[analysis]'") from None
        connection = duckdb_in_memory()
        connection.execute("SET parquet_metadata_cache = true")  # every question opens thousands of files again
        try:
            source = rows_under(connection, folder / "verdicts", "hive_partitioning = true")
            there = {name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
            if lacking := [name for name in COLUMNS if name not in there | OPTIONAL]:
                raise StoreError(f"{folder}: the store's verdicts have no column {lacking[0]}; ingest again")
            columns = ", ".join(_column(name, name in there) for name in COLUMNS)
            connection.execute(f"CREATE TEMPORARY VIEW everything AS SELECT {columns} FROM {source}")
        except duckdb.Error as error:
            raise StoreError(f"{folder}: cannot be read as a store ({str(error).splitlines()[0]})") from None
        return cls(connection)

    def filtered(self, condition: str, values: Sequence[str]) -> "VerdictTable":
        """The same table with only the rows that meet the condition; each `?` stands for the next value.

        Nothing is copied, and no view takes parameters: the values are written into it, quoted as SQL quotes.
        """
        literals = iter("'" + value.replace("'", "''") + "'" for value in values)
        whole = "".join(next(literals) if char == "?" else char for char in condition)
        self._narrowed += 1
        name = f"narrowed{self._narrowed}"
        self._connection.execute(f"CREATE TEMPORARY VIEW {name} AS SELECT * FROM {self._source} WHERE {whole}")
        self._connection.execute("DROP VIEW verdicts")
        self._connection.execute(f"CREATE TEMPORARY VIEW verdicts AS SELECT * FROM {name}")
        self._source = name
        return self

    def note(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Keep a small table beside it, in place of an earlier one of that name; columns are `NAME TYPE`."""
        self._connection.execute(f"DROP TABLE IF EXISTS {name}")
        self._connection.execute(f"CREATE TEMPORARY TABLE {name} ({', '.join(columns)})")
        if rows:
            self._connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(columns))})", rows)

    def select(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of one SELECT over `verdicts`."""
        found: list[tuple[Any, ...]] = self._connection.execute(statement, values).fetchall()
        return found


def is_store(path: Path) -> bool:
    """Say whether a folder is a store, rather than a folder of lines."""
    return (path / "verdicts").is_dir()


def _column(name: str, there: bool) -> str:
    """A store's column as the row has it: of the row's type, never NULL."""
    if not there:
        return f"'' AS {name}"
    value = f"array_to_string({name}, ' ')" if name in LISTS else name
    empty = "''" if TYPES[name] is str else "0" if TYPES[name] is int else "FALSE"
    return f"COALESCE(CAST({value} AS {_SQL_TYPES[TYPES[name]]}), {empty}) AS {name}"

"""Run the statements of the pipeline on SQLite, which the standard library has. DuckDB runs the same text."""

import sqlite3
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, Self

from probe.analysis.engines.repeated_rows import RepeatedRows
from probe.analysis.engines.user_query import answers
from probe.analysis.pipeline.filling import Tables
from probe.analysis.pipeline.input_tables import INPUTS, OBSERVATION
from probe.analysis.pipeline.rule_facts import CONSTANTS
from probe.analysis.sql.statement import InputTable, Statement


class TableEngine(Protocol):
    """Hold tables that Python fills and tables that SQL makes, as for apps and networks."""

    def put(self, table: InputTable, rows: Sequence[tuple[Any, ...]]) -> None:
        """Replace the rows of one table that Python fills."""
        ...

    def run(self, statement: Statement) -> None:
        """Fill the table of a statement."""
        ...

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query. SQLite returns conditions as 0 and 1."""
        ...


class Engine(Protocol):
    """Hold the tables of one batch of measurements, and run the statements that fill them."""

    @property
    def most_measurements(self) -> int:
        """Return the size of a batch for which the engine is quick."""
        ...

    def fill(self, tables: Tables) -> None:
        """Replace the rows of the tables that Python fills."""
        ...

    def run(self, statement: Statement) -> None: ...

    def joined(self, column: str) -> str:
        """Return the aggregate that joins the values of a column with spaces, in any order."""
        ...

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query. SQLite returns conditions as 0 and 1."""
        ...


def create_table(table: InputTable) -> str:
    """Return the statement that creates a table which Python fills."""
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in table.columns.items())
    return f"CREATE TEMPORARY TABLE {table.name} ({columns})"


class FilledTables(ABC):
    """Fill the tables that Python fills, on an engine that can put rows into one."""

    @abstractmethod
    def put(self, table: InputTable, rows: Sequence[tuple[Any, ...]]) -> None:
        """Replace the rows of one table that Python fills."""

    def put_constants(self) -> None:
        """Fill the tables about rules and mechanisms, once."""
        for table, rows in CONSTANTS:
            self.put(table, rows)

    def fill(self, tables: Tables) -> None:
        """Replace the rows of the tables about measurements."""
        for table in INPUTS:
            self.put(table, tables[table.name])


class SQLiteEngine(FilledTables):
    """Run the statements on SQLite, in memory.

    Tables are emptied and not dropped between batches, so that compiled statements stay valid. Where `repeats` is True,
    batches of changed copies of one measurement are filled faster, and other batches more slowly.
    """

    most_measurements = 32

    def __init__(self, repeats: bool = False) -> None:
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False, cached_statements=512
        )
        weakref.finalize(self, self._connection.close)
        self._connection.execute("PRAGMA temp_store = MEMORY")
        self._made: set[str] = set()
        self._repeated = RepeatedRows(self._connection, OBSERVATION, 3) if repeats else None
        self.put_constants()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def put(self, table: InputTable, rows: Sequence[tuple[Any, ...]]) -> None:
        """Replace the rows of one table that Python fills."""
        if table.name in self._made:
            self._connection.execute(f"DELETE FROM {table.name}")
        else:
            self._connection.execute(create_table(table))
            self._index(table.name, table.joined_by)
        if self._repeated is not None and table.name == self._repeated.name:
            self._repeated.insert(rows)
        else:
            places = ", ".join("?" * len(table.columns))
            self._connection.executemany(f"INSERT INTO {table.name} VALUES ({places})", rows)

    def run(self, statement: Statement) -> None:
        if statement.name in self._made:
            self._connection.execute(f"DELETE FROM {statement.name}")
            self._connection.execute(f"INSERT INTO {statement.name} {statement.select}")
            return
        self._connection.execute(f"CREATE TEMPORARY TABLE {statement.name} AS {statement.select}")
        self._index(statement.name, (statement.key, *statement.joined_by))

    def _index(self, table: str, found_by: Iterable[tuple[str, ...]]) -> None:
        for number, columns in enumerate(found_by):
            self._connection.execute(f"CREATE INDEX temp.{table}_{number} ON {table} ({', '.join(columns)})")
        self._made.add(table)

    def joined(self, column: str) -> str:
        """Return the aggregate that joins the values of a column with spaces, in any order."""
        return f"group_concat({column}, ' ')"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query. Conditions are 0 and 1."""
        return self._connection.execute(query).fetchall()

    def answers(self, select: str) -> Iterator[dict[str, Any]]:
        """Iterate over the rows of a user's SELECT. The engine then serves for nothing else. Raises QueryError."""
        return answers(self._connection, select)

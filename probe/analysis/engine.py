"""Run the rules' SQL over wide rows: SQLite for a run's own lines, DuckDB for a store; the same text on both."""

import importlib
import importlib.util
import sqlite3
from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, Protocol

from probe.analysis.rows import WideRow
from probe.analysis.rule import Rule, first_match

_SQL_NAMES = {"int": "BIGINT", "bool": "BOOLEAN", "str": "VARCHAR"}


class Engine(Protocol):
    """Something that names, for every row, the first rule of every table that holds."""

    def decide(self, rows: Sequence[WideRow], tables: dict[str, tuple[Rule, ...]]) -> list[dict[str, str]]:
        """For each row, in order: table name → rule id."""
        ...


def create_table(row: type[WideRow]) -> str:
    """The statement that makes the table for rows of this class; column types follow the fields' annotations."""
    columns = ", ".join(f"{field.name} {_sql_type(str(field.type))}" for field in fields(row))
    return f"CREATE TEMPORARY TABLE wide (row_number BIGINT, {columns})"


def select(tables: dict[str, tuple[Rule, ...]]) -> str:
    """The statement that names the rules that hold, one output column per table of rules."""
    cases = ", ".join(f"{first_match(rules)} AS {name}" for name, rules in tables.items())
    return f"SELECT {cases} FROM wide ORDER BY row_number"


def _sql_type(annotation: str) -> str:
    name = annotation.removeprefix("<class '").removesuffix("'>").partition(" ")[0]
    return _SQL_NAMES[name]


def _insert(row: type[WideRow]) -> str:
    return f"INSERT INTO wide VALUES ({', '.join('?' * (len(fields(row)) + 1))})"


class _DBAPIEngine:
    """What both engines do: make the table, fill it, ask, drop it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def decide(self, rows: Sequence[WideRow], tables: dict[str, tuple[Rule, ...]]) -> list[dict[str, str]]:
        if not rows:
            return []
        kind = type(rows[0])
        self._connection.execute(create_table(kind))
        try:
            values = attrgetter(*(column.name for column in fields(kind)))
            numbered = [(number, *values(row)) for number, row in enumerate(rows)]
            self._connection.executemany(_insert(kind), numbered)
            answers = self._connection.execute(select(tables)).fetchall()
        finally:
            self._connection.execute("DROP TABLE wide")
        return [dict(zip(tables, answer, strict=True)) for answer in answers]


class SQLiteEngine(_DBAPIEngine):
    """The standard library's SQLite, in memory."""

    def __init__(self) -> None:
        super().__init__(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))

    def __enter__(self) -> "SQLiteEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


class DuckDBEngine(_DBAPIEngine):
    """DuckDB, in memory. Raises ImportError where the extra `analysis` is not installed."""

    def __init__(self) -> None:
        super().__init__(importlib.import_module("duckdb").connect(":memory:"))

    def __enter__(self) -> "DuckDBEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def has_duckdb() -> bool:
    """Say whether DuckDB is installed here."""
    return importlib.util.find_spec("duckdb") is not None

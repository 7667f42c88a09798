"""Run the rules' SQL over wide rows: SQLite for a run's own lines, DuckDB for a store; the same text on both."""

import importlib.util
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, Protocol, get_args

from probe.analysis.engines.duckdb_files import duckdb_in_memory
from probe.analysis.features.rows import WideRow
from probe.analysis.rules.rule import Rule, first_match

MOST_KNOWN = 20_000  # rows whose rules an engine remembers: some 30 MB
Tables = dict[str, tuple[Rule, ...]]
_VALUES: dict[type[WideRow], Callable[[WideRow], tuple[Any, ...]]] = {
    row: attrgetter(*(column.name for column in fields(row))) for row in get_args(WideRow)
}
_SQL_NAMES = {"int": "BIGINT", "bool": "BOOLEAN", "str": "VARCHAR"}


class Engine(Protocol):
    """Something that names, for every row, the first rule of every table that holds."""

    def decide(self, rows: Sequence[WideRow], tables: Tables) -> list[dict[str, str]]:
        """For each row, in order: table name → rule id."""
        ...


def create_table(row: type[WideRow]) -> str:
    """The statement that makes the table for rows of this class; column types follow the fields' annotations."""
    columns = ", ".join(f"{field.name} {_sql_type(str(field.type))}" for field in fields(row))
    return f"CREATE TEMPORARY TABLE IF NOT EXISTS {_table(row)} (row_number BIGINT, {columns})"


def select(row: type[WideRow], tables: Tables) -> str:
    """The statement that names the rules that hold, one output column per table of rules."""
    cases = ", ".join(f"{first_match(rules)} AS {name}" for name, rules in tables.items())
    return f"SELECT {cases} FROM {_table(row)} ORDER BY row_number"


def _sql_type(annotation: str) -> str:
    name = annotation.removeprefix("<class '").removesuffix("'>").partition(" ")[0]
    return _SQL_NAMES[name]


def _table(row: type[WideRow]) -> str:
    return row.__name__.lower()


def _insert(row: type[WideRow]) -> str:
    return f"INSERT INTO {_table(row)} VALUES ({', '.join('?' * (len(fields(row)) + 1))})"


class _DBAPIEngine:
    """What both engines do: fill the table, ask, empty it; and remember, for lines of one censor ask the same again."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._known: dict[tuple[int, ...], tuple[Tables, dict[tuple[Any, ...], dict[str, str]]]] = {}

    def decide(self, rows: Sequence[WideRow], tables: Tables) -> list[dict[str, str]]:
        if not rows:
            return []
        kind, known = type(rows[0]), self._known_of(tables)
        keys = list(map(_VALUES[kind], rows))
        if unknown := list(dict.fromkeys(key for key in keys if key not in known)):
            if len(known) + len(unknown) > MOST_KNOWN:
                known.clear()
                unknown = list(dict.fromkeys(keys))
            asked = dict(zip(unknown, self._ask(kind, unknown, tables), strict=True))
            known.update((key, rules) for key, rules in asked.items() if _is_short(key))
            return [asked[key] if key in asked else known[key] for key in keys]
        return [known[key] for key in keys]

    def _known_of(self, tables: Tables) -> dict[tuple[Any, ...], dict[str, str]]:
        """Row → its rules, for these very rules, which are kept beside it so that no others can take their id."""
        return self._known.setdefault(tuple(map(id, tables.values())), (tables, {}))[1]

    def _ask(self, kind: type[WideRow], rows: list[tuple[Any, ...]], tables: Tables) -> list[dict[str, str]]:
        self._connection.execute(create_table(kind))
        try:
            self._connection.executemany(_insert(kind), [(number, *row) for number, row in enumerate(rows)])
            answers = self._connection.execute(select(kind, tables)).fetchall()
        finally:
            self._connection.execute(f"DELETE FROM {_table(kind)}")
        return [dict(zip(tables, answer, strict=True)) for answer in answers]


def _is_short(key: tuple[Any, ...]) -> bool:
    """Whether a row may be remembered: a failure may be a text of any length."""
    return sum(len(value) for value in key if isinstance(value, str)) < 500


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
        super().__init__(duckdb_in_memory())

    def __enter__(self) -> "DuckDBEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def has_duckdb() -> bool:
    """Say whether DuckDB is installed here."""
    return importlib.util.find_spec("duckdb") is not None

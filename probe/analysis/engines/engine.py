"""Run the rules' SQL over feature rows, with SQLite for one run. DuckDB and Spark run the same text."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, Protocol, Self, get_args

from probe.analysis.features.rows import WideRow
from probe.analysis.rules.rule import Rule, first_match

CACHED_ROWS = 20_000  # about 30 MB
Tables = dict[str, tuple[Rule, ...]]
Subject = tuple[str, ...]
"""What a row describes: (host name,), (endpoint's URL, address), (endpoint's URL,) or (role of a service,)."""

_VALUES: dict[type[WideRow], Callable[[WideRow], tuple[Any, ...]]] = {
    row: attrgetter(*(column.name for column in fields(row))) for row in get_args(WideRow)
}
_SQL_NAMES = {"int": "BIGINT", "bool": "BOOLEAN", "str": "VARCHAR"}


class Engine(Protocol):
    """Find the first rule that holds, for every row and every table of rules."""

    def decide(self, rows: Sequence[WideRow], tables: Tables, subjects: Sequence[Subject] = ()) -> list[dict[str, str]]:
        """Return for each row, in order, the id of the first rule that holds per table name.

        All rows have the same class. `subjects` says what each row describes. It decides nothing.
        """
        ...


def create_table(row: type[WideRow]) -> str:
    """Return the statement that creates the table for rows of this class, with the types of the fields."""
    columns = ", ".join(f"{field.name} {_sql_type(str(field.type))}" for field in fields(row))
    return f"CREATE TEMPORARY TABLE IF NOT EXISTS {_table(row)} (row_number BIGINT, {columns})"


def select(row: type[WideRow], tables: Tables) -> str:
    """Return the statement that selects the deciding rule ids, one output column per table of rules."""
    cases = ", ".join(f"{first_match(rules)} AS {name}" for name, rules in tables.items())
    return f"SELECT {cases} FROM {_table(row)} ORDER BY row_number"


def _sql_type(annotation: str) -> str:
    name = annotation.removeprefix("<class '").removesuffix("'>").partition(" ")[0]
    return _SQL_NAMES[name]


def _table(row: type[WideRow]) -> str:
    return row.__name__.lower()


def _insert(row: type[WideRow]) -> str:
    return f"INSERT INTO {_table(row)} VALUES ({', '.join('?' * (len(fields(row)) + 1))})"


class DBAPIEngine:
    """Run the rules on a DB-API connection: fill a temporary table, select, empty the table.

    The answers are cached, because measurements of one censor give many equal rows.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._caches: dict[tuple[int, ...], tuple[Tables, dict[tuple[Any, ...], dict[str, str]]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def decide(self, rows: Sequence[WideRow], tables: Tables, subjects: Sequence[Subject] = ()) -> list[dict[str, str]]:
        """Return the deciding rule ids, as `Engine.decide` says."""
        if not rows:
            return []
        kind, cache = type(rows[0]), self._cache_of(tables)
        keys = list(map(_VALUES[kind], rows))
        if missing := list(dict.fromkeys(key for key in keys if key not in cache)):
            if len(cache) + len(missing) > CACHED_ROWS:
                cache.clear()
                missing = list(dict.fromkeys(keys))
            selected = dict(zip(missing, self._select(kind, missing, tables), strict=True))
            cache.update((key, rules) for key, rules in selected.items() if _is_short(key))
            return [selected[key] if key in selected else cache[key] for key in keys]
        return [cache[key] for key in keys]

    def _cache_of(self, tables: Tables) -> dict[tuple[Any, ...], dict[str, str]]:
        """Return the cache for these rules. It holds a reference to them, so that their `id` is not reused."""
        return self._caches.setdefault(tuple(map(id, tables.values())), (tables, {}))[1]

    def _select(self, kind: type[WideRow], rows: list[tuple[Any, ...]], tables: Tables) -> list[dict[str, str]]:
        self._connection.execute(create_table(kind))
        try:
            self._connection.executemany(_insert(kind), [(number, *row) for number, row in enumerate(rows)])
            answers = self._connection.execute(select(kind, tables)).fetchall()
        finally:
            self._connection.execute(f"DELETE FROM {_table(kind)}")
        return [dict(zip(tables, answer, strict=True)) for answer in answers]


def _is_short(key: tuple[Any, ...]) -> bool:
    """Return whether a row may be cached. A failure string may have any length."""
    return sum(len(value) for value in key if isinstance(value, str)) < 500


class SQLiteEngine(DBAPIEngine):
    """Run the rules on the standard library's SQLite, in memory."""

    def __init__(self) -> None:
        super().__init__(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))

"""Declare the columns of feature rows with their meanings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T", int, bool, str, str | None)
Row = TypeVar("Row")


def column(default: T, meaning: str, sql: str = "") -> T:
    """Return a dataclass field with its meaning and its SQL expression, which the documentation shows."""
    return field(default=default, metadata={"meaning": meaning, "sql": sql})


def with_columns(parts: Sequence[type]) -> Callable[[type[Row]], type[Row]]:
    """Return a decorator that adds the columns of other dataclasses behind those of a row's own class."""

    def extended(row: type[Row]) -> type[Row]:
        body = {"__module__": row.__module__, "__doc__": row.__doc__}
        return dataclass(type(row.__name__, (*reversed(parts), row), body))

    return extended

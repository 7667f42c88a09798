"""Declare the columns of feature rows with their meanings."""

from dataclasses import field
from typing import TypeVar

T = TypeVar("T", int, bool, str, str | None)


def column(default: T, meaning: str, sql: str = "") -> T:
    """Return a dataclass field with its meaning and its SQL expression, both for docs/reference/features.md."""
    return field(default=default, metadata={"meaning": meaning, "sql": sql})

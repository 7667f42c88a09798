"""Declare the columns of feature rows with their meanings."""

from dataclasses import field
from typing import TypeVar

T = TypeVar("T", int, bool, str, str | None)


def column(default: T, meaning: str) -> T:
    """Return a dataclass field whose metadata holds the meaning, one sentence for docs/reference/features.md."""
    return field(default=default, metadata={"meaning": meaning})

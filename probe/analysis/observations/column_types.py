"""Read the types and meanings of columns from the annotations of a row class."""

from typing import Any, get_args, get_type_hints


def column_types(row: type) -> dict[str, tuple[str, str]]:
    """Return for each column of a row its Python type as text, and its meaning."""
    columns = get_type_hints(row, include_extras=True)
    return {name: (_type_of(get_args(kind)[0]), kind.__metadata__[0]) for name, kind in columns.items()}


def _type_of(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)

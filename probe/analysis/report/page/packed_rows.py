"""Pack rows with equal keys for a script element. Most columns of a large page have few values."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def packed(data: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """Return the data with the rows under these keys packed. `elements.js` unpacks them."""
    return {**data, **{key: packed_rows(data[key]) for key in keys}}


def packed_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the number of rows, and their columns by name."""
    names = list(rows[0]) if rows else []
    return {"length": len(rows), "columns": {name: _column([row[name] for row in rows]) for name in names}}


def _column(values: list[Any]) -> dict[str, Any]:
    """Return the distinct values of a column and each row's place among them, or its values if most are distinct."""
    written = [_key(value) for value in values]
    distinct = dict(zip(written, values, strict=True))
    if 2 * len(distinct) > len(values):
        return {"values": values, "places": None}
    place = {key: number for number, key in enumerate(distinct)}
    return {"values": list(distinct.values()), "places": [place[key] for key in written]}


def _key(value: Any) -> tuple[type, Any]:
    """Return a key that keeps 1, 1.0 and true apart."""
    return type(value), value if isinstance(value, str | int | float | None) else json.dumps(value)

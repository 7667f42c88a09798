"""Unpack the rows in the script element of a page."""

from typing import Any


def unpacked(packed: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows as `elements.js` does."""
    columns = {
        name: [column["values"][place] for place in column["places"]]
        if column["places"] is not None
        else column["values"]
        for name, column in packed["columns"].items()
    }
    return [{name: column[row] for name, column in columns.items()} for row in range(packed["length"])]

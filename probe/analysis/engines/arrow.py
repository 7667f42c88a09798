"""Make tables of Arrow, which DuckDB and Spark read, from rows. Arrow comes with the extra `analysis`."""

import importlib
from collections.abc import Sequence
from typing import Any

from probe.analysis.pipeline.statement import InputTable

_TYPES = {"BIGINT": "int64", "DOUBLE": "double", "BOOLEAN": "bool", "VARCHAR": "string"}


def arrow_table(table: InputTable, rows: Sequence[tuple[Any, ...]]) -> Any:
    """Return the rows as a table of Arrow. Raises ImportError where Arrow is not installed."""
    arrow = importlib.import_module("pyarrow")
    schema = arrow.schema([(name, _TYPES[kind]) for name, (kind, _) in table.columns.items()])
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [arrow.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return arrow.Table.from_arrays(arrays, schema=schema)

"""Run the statements of the pipeline on DuckDB, for thousands of measurements at once. Needs the extra `analysis`."""

import importlib
from collections.abc import Sequence
from typing import Any, Self

from probe.analysis.engines.duckdb_files import duckdb_in_memory
from probe.analysis.engines.sql_engine import FilledTables
from probe.analysis.sql.statement import InputTable, Statement

_TYPES = {"BIGINT": "int64", "DOUBLE": "double", "BOOLEAN": "bool", "VARCHAR": "string"}


def arrow_table(table: InputTable, rows: Sequence[tuple[Any, ...]]) -> Any:
    """Return the rows as a table of Arrow. Raises ImportError where Arrow is not installed."""
    arrow = importlib.import_module("pyarrow")
    schema = arrow.schema([(name, _TYPES[kind]) for name, (kind, _) in table.columns.items()])
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [arrow.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return arrow.Table.from_arrays(arrays, schema=schema)


class DuckDBEngine(FilledTables):
    """Run the statements on DuckDB, in memory. Planning them takes longer than judging a few hundred measurements."""

    most_measurements = 2_000

    def __init__(self, connection: Any = None) -> None:
        self._connection = connection or duckdb_in_memory()
        self._connection.execute(
            "SET threads = 1"
        )  # batches are divided between processes. Two threads take 1.4 times the CPU
        self.put_constants()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def put(self, table: InputTable, rows: Sequence[tuple[Any, ...]]) -> None:
        """Replace the rows of one table that Python fills."""
        self._connection.execute(f"DROP VIEW IF EXISTS {table.name}")
        self._connection.register(table.name, arrow_table(table, rows))

    def run(self, statement: Statement) -> None:
        """Fill the table of a statement. Where it need not be kept, each reader computes what it reads."""
        kind = "TABLE" if statement.kept else "VIEW"
        self._connection.execute(f"CREATE OR REPLACE TEMPORARY {kind} {statement.name} AS {statement.select}")

    def joined(self, column: str) -> str:
        """Return the aggregate that joins the values of a column with spaces, in any order."""
        return f"string_agg({column}, ' ')"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(query).fetchall()
        return found

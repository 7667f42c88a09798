"""DuckDB, where the extra `analysis` is installed: one that prints nothing, and a store's many files as one table."""

import importlib
from pathlib import Path
from typing import Any


def duckdb_in_memory() -> Any:
    """A connection to a DuckDB of its own, which prints nothing. Raises ImportError where it is not installed.

    In a process that runs no file, as the workers of `python -m probe`, it takes itself for a shell and would draw a
    bar on stdout beside every question of more than two seconds.
    """
    connection = importlib.import_module("duckdb").connect(":memory:")
    connection.execute("SET enable_progress_bar = false")
    return connection


def rows_under(connection: Any, folder: Path, options: str) -> str:
    """What stands after FROM for all Parquet files under a folder; a column that some of them lack is NULL there.

    Only where some do is DuckDB told that they may: it opens them all for that before every question, and there are
    thousands. The files of one settling have one name and the same columns, so one file of each name is looked at.
    """
    one_of_each = {file.stem: str(file) for file in folder.rglob("*.parquet")}
    columns = "SELECT list(name ORDER BY name) AS names FROM parquet_schema($1) GROUP BY file_name"
    kinds = connection.execute(f"SELECT DISTINCT names FROM ({columns})", [sorted(one_of_each.values())]).fetchall()
    files = str(folder / "**" / "*.parquet").replace("'", "''")
    return f"read_parquet('{files}', union_by_name = {str(len(kinds) > 1).lower()}, {options})"

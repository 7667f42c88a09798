"""Connect to DuckDB and read Parquet files with it. DuckDB comes with the extra `analysis`."""

import errno
import importlib
import os
import weakref
from pathlib import Path
from typing import Any

from probe.analysis.engines.spill_folder import SpillFolder
from probe.analysis.sql.expressions import literal
from probe.files.regular import reason_not_regular

HIVE = "hive_partitioning = true, hive_types = {'day': VARCHAR, 'probe_cc': VARCHAR}"
"""DuckDB's options for files whose folder names contain day and country. NA is a country and not a null."""


def duckdb_in_memory(spill: Path | None = None) -> Any:
    """Return a connection to a new DuckDB in memory. Raises ImportError where DuckDB is not installed.

    What has no space in memory goes to the folder `spill`, or nowhere. DuckDB's own choice is the working folder.

    The progress bar is switched off where it is on. Where Python has no main file, as in workers of `python -m probe`,
    DuckDB assumes a shell. It then draws the bar on stdout for queries of more than two seconds. In a notebook without
    ipywidgets the bar is off, and DuckDB refuses every change of the setting. Extensions are not fetched from DuckDB's
    server, which the consent text does not name (P5).
    """
    connection = importlib.import_module("duckdb").connect(":memory:")
    if connection.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (True,):
        connection.execute("SET enable_progress_bar = false")
    connection.execute("SET temp_directory = $1", [str(spill or "")])
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    return connection


def spilling_duckdb() -> Any:
    """Return such a connection with a spill folder, which is removed with it."""
    spill = SpillFolder()
    connection = duckdb_in_memory(spill.path)
    weakref.finalize(connection, spill.remove)
    return connection


def literal_name(path: Path) -> str:
    """Return the name by which DuckDB's readers find this file or folder and no other one.

    They take names as patterns: `s[1]` means `s1`. A character in brackets means itself. A name that begins with `~`
    would be looked for in the user's home, so the name is absolute.
    """
    return "".join(f"[{char}]" if char in "*?[" else char for char in os.path.abspath(path))


def rows_under(connection: Any, folder: Path) -> str:
    """Return the FROM clause that reads all Parquet files under a table's folder. A column that a file lacks is NULL.

    Version 1 of stores has day and country in the folder names only.

    `union_by_name` is set only where columns differ, because DuckDB then opens all files before every query. Files
    that were written together have the same name and the same columns, so one file of each name is inspected. Raise
    OSError for a file that is no regular one, because DuckDB would wait for a pipe.
    """
    one_per_name = {file.stem: literal_name(file) for file in folder.rglob("*.parquet") if _checked(file)}
    columns = "SELECT list(name ORDER BY name) AS names FROM parquet_schema($1) GROUP BY file_name"
    kinds = connection.execute(f"SELECT DISTINCT names FROM ({columns})", [sorted(one_per_name.values())]).fetchall()
    files = literal(f"{literal_name(folder)}/**/*.parquet")
    return f"read_parquet({files}, union_by_name = {str(len(kinds) > 1).lower()}, {_partitions(folder)})"


def _partitions(folder: Path) -> str:
    if next(folder.glob("day=*/**/*.parquet"), None) is None:
        return "hive_partitioning = false"
    return HIVE


def _checked(file: Path) -> Path:
    if (reason := reason_not_regular(file.stat().st_mode)) is not None:
        raise OSError(errno.EINVAL, f"{file.name}: {reason}")
    return file

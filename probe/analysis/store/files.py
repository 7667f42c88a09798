"""Define the folders of a store, and write its Parquet files so that they survive a power failure."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from probe.analysis.store.columns import PARTITIONS

GROUP_ROWS, GROUP_BYTES = 65_536, 32 * 1024 * 1024  # limits of a row group, whichever is reached first
STAGED, WORK, REPLACED = "staged", "work", "replaced"
"""Folders beside the tables: staged files that wait for a load, temporary files, and folders that a merge replaced."""


def staged_file(folder: Path, table: str, name: str) -> Path:
    """Return the path of a batch's rows of one table until they are loaded into partitions."""
    return folder / STAGED / table / f"{name}.parquet"


def table_files(folder: Path, table: str, place: Path = Path()) -> list[Path]:
    """Return every file of a table, or of the partition `place`, sorted."""
    return sorted((folder / table / place).rglob("*.parquet"))


def partition(day: str, country: str) -> Path:
    """Return the path of one day and country inside a table's folder."""
    return Path(f"{PARTITIONS[0]}={day}") / f"{PARTITIONS[1]}={country}"


def partition_of(file: Path) -> dict[str, str]:
    """Return day and country of a table's file, from its folders."""
    return {name: part.removeprefix(f"{name}=") for name, part in zip(PARTITIONS, file.parts[-3:-1], strict=True)}


def write_rows(path: Path, batches: Iterable[Any], schema: Any, *, sync: bool = True) -> int:
    """Write Arrow batches to a file, and return the number of rows. With `sync` the file is on disk afterwards."""
    rows = 0
    with path.open("wb") as stream:
        with pq.ParquetWriter(stream, schema, compression="zstd", store_schema=False) as writer:
            for group in _groups(batches):
                table = pa.Table.from_batches(group).cast(schema)
                writer.write_table(table)
                rows += table.num_rows
        stream.flush()
        if sync:
            os.fsync(stream.fileno())
    return rows


def _groups(batches: Iterable[Any]) -> Iterator[list[Any]]:
    """Join batches into row groups that are large enough to read fast, and limited in memory."""
    group: list[Any] = []
    rows = size = 0
    for batch in batches:
        group.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= GROUP_ROWS or size >= GROUP_BYTES:
            yield group
            group, rows, size = [], 0, 0
    if group:
        yield group

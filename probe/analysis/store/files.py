"""Define the folders of a store, and write its Parquet files so that they survive a power failure."""

import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from probe.platforms import durability

GROUP_ROWS, GROUP_BYTES = 65_536, 32 * 1024 * 1024  # limits of a row group, whichever is reached first
STAGED, WORK, REPLACED = "staged", "work", "replaced"
"""Folders beside the tables: staged files that wait for a load, temporary files, and files that others replaced."""
MONTH = "month"


def staged_file(folder: Path, table: str, name: str) -> Path:
    """Return the path of a batch's rows of one table until they are loaded into partitions."""
    return folder / STAGED / table / f"{name}.parquet"


def table_files(folder: Path, table: str) -> list[Path]:
    """Return every file of a table, sorted."""
    return sorted((folder / table).rglob("*.parquet"))


def sizes_of(folder: Path) -> tuple[int, int]:
    """Return the number of all files of a store and their bytes."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def partition(month: str) -> Path:
    """Return the path of one month inside a table's folder."""
    return Path(f"{MONTH}={month}")


def month_of(file: Path) -> str:
    """Return the month of a table's file, from its folder."""
    return file.parent.name.removeprefix(f"{MONTH}=")


def load_of(file: Path) -> str:
    """Return the name of the load that wrote a file. `forget` and `migrate` write several files of a month."""
    return file.stem.partition("-")[0]


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
            durability.sync(stream.fileno())
    return rows


def write_whole(path: Path, batches: Iterable[Any], schema: Any) -> int:
    """Write Arrow batches to a file that appears as a whole, and return the number of rows. `sync_all` comes later.

    A cluster can run a task on two machines at once, and then both write the same file.
    """
    part = path.with_name(f".{uuid.uuid4().hex}")
    try:
        rows = write_rows(part, batches, schema, sync=False)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
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

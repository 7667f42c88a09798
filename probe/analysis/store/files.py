"""Where a store's rows lie, and how a file of them is written so that it outlives a power cut."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from probe.analysis.store.columns import PARTITIONS

GROUP_ROWS, GROUP_BYTES = 65_536, 32 * 1024 * 1024  # of a row group, whichever comes first
STAGED, WORK, REPLACED = "staged", "work", "replaced"
"""Folders beside the tables': pieces that wait to be settled, what nobody misses, and what a merger took out."""


def staged_file(folder: Path, table: str, name: str) -> Path:
    """Where a piece's rows of one table lie until they are settled."""
    return folder / STAGED / table / f"{name}.parquet"


def table_files(folder: Path, table: str, place: Path = Path()) -> list[Path]:
    """Every settled file of a table, or of one partition of it, sorted."""
    return sorted((folder / table / place).rglob("*.parquet"))


def partition(day: str, country: str) -> Path:
    """The folders of one day and country inside a table's."""
    return Path(f"{PARTITIONS[0]}={day}") / f"{PARTITIONS[1]}={country}"


def partition_of(file: Path) -> dict[str, str]:
    """Day and country of a settled file, as its folders tell them."""
    return {name: part.removeprefix(f"{name}=") for name, part in zip(PARTITIONS, file.parts[-3:-1], strict=True)}


def write_rows(path: Path, batches: Iterable[Any], schema: Any, *, sync: bool = True) -> int:
    """Write Arrow batches to a file, and sync it unless the caller does; says how many rows."""
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
    """Batches put together to row groups that are worth a reader's while, and bounded."""
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

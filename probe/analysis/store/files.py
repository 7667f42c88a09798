"""Where a store's rows lie, and how a file of them is written so that it outlives a power cut."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from probe.analysis.store.columns import PARTITIONS

STAGED, WORK = "staged", "work"
"""Folders beside the tables': pieces that wait to be settled, and what nobody misses."""


def piece_file(folder: Path, table: str, name: str) -> Path:
    """Where a piece's rows of one table lie until they are settled."""
    return folder / STAGED / table / f"{name}.parquet"


def table_files(folder: Path, table: str) -> list[Path]:
    """Every settled file of a table, sorted."""
    return sorted((folder / table).rglob("*.parquet"))


def partition(day: str, country: str) -> Path:
    """The folders of one day and country inside a table's."""
    return Path(f"{PARTITIONS[0]}={day}") / f"{PARTITIONS[1]}={country}"


def partition_of(file: Path) -> dict[str, str]:
    """Day and country of a settled file, as its folders tell them."""
    return {name: part.removeprefix(f"{name}=") for name, part in zip(PARTITIONS, file.parts[-3:-1], strict=True)}


def write_rows(path: Path, batches: Iterable[Any], schema: Any) -> None:
    """Write Arrow batches to a file, and sync it."""
    with path.open("wb") as stream:
        with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
        stream.flush()
        os.fsync(stream.fileno())

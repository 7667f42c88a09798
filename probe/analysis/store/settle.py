"""Pieces → the tables' files, one for each day, country and settling; sorted, so that one writer is open at a time."""

import importlib
import os
import uuid
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from probe.analysis.store.columns import PARTITIONS, TABLES, schema, settled_schema
from probe.analysis.store.files import WORK, partition, piece_file, table_files, write_rows
from probe.analysis.store.manifest import Manifest

MEMORY = "512MB"  # for sorting; what does not fit goes to the folder `work`
ORDER = {
    "measurements": "day, probe_cc, line_hash",
    "observations": "day, probe_cc, line_hash, row",
    "verdicts": "day, probe_cc, line_hash, service",
}


def settle(folder: Path, manifest: Manifest) -> None:
    """Move everything that waits into the tables. Killed in the midst, it is done anew by the next ingest."""
    pieces = list(manifest.pieces())
    if not pieces:
        return
    name, work = uuid.uuid4().hex, folder / WORK
    for table in TABLES:
        _write(table, [piece_file(folder, table, piece) for piece in pieces], work, name)
    move(folder, manifest, name)
    manifest.finish_settling(name, pieces)
    for table in TABLES:
        for piece in pieces:
            piece_file(folder, table, piece).unlink()


def move(folder: Path, manifest: Manifest, name: str) -> None:
    """Move the files of that name from under `work` into the tables. They count once the settling is finished."""
    work = folder / WORK
    os.sync()  # once for thousands of files: one by one it takes as long as all the rest
    manifest.begin_settling(name)
    for made in sorted(work.rglob(f"{name}.parquet")):
        place = folder / made.relative_to(work)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.rename(made, place)


def undo_settling(folder: Path, name: str) -> None:
    """Take away what a settling that was cut off has moved; its pieces are still there."""
    for table in TABLES:
        for file in table_files(folder, table):
            if file.stem == name:
                file.unlink()


def _write(table: str, pieces: list[Path], work: Path, name: str) -> None:
    """Write one table's files under `work`, where their names are those they will have."""
    for (day, country), batches in groupby(_partitions(table, pieces, work), lambda found: found[0]):
        place = work / table / partition(day, country)
        place.mkdir(parents=True, exist_ok=True)
        write_rows(place / f"{name}.parquet", (rows for _, rows in batches), settled_schema(table), sync=False)


def _partitions(table: str, pieces: list[Path], work: Path) -> Iterator[tuple[tuple[str, str], Any]]:
    """Rows of one partition after the other: ((day, country), Arrow batch)."""
    work.mkdir(exist_ok=True)
    connection = importlib.import_module("duckdb").connect(":memory:")
    try:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute("SET temp_directory = $1", [str(work / "sorting")])
        columns, files = ", ".join(f'"{column}"' for column in schema(table).names), [str(piece) for piece in pieces]
        statement = f"SELECT {columns} FROM read_parquet($1, hive_partitioning = false) ORDER BY {ORDER[table]}"
        found = connection.sql(statement, params=[files])
        for batch in found.to_arrow_reader(50_000):
            yield from _cut(batch)
    finally:
        connection.close()


def _cut(batch: Any) -> Iterator[tuple[tuple[str, str], Any]]:
    """A sorted batch, cut where the partition changes, without the columns that its folders tell."""
    keys = list(zip(*(batch.column(name).to_pylist() for name in PARTITIONS), strict=True))
    rest, start = batch.drop_columns(list(PARTITIONS)), 0
    for key, members in groupby(keys):
        length = sum(1 for _ in members)
        yield key, rest.slice(start, length)
        start += length

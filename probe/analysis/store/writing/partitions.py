"""Load staged files into the tables, as one sorted file for each day, country and load."""

import os
import uuid
from pathlib import Path

from probe.analysis.store.columns import TABLES
from probe.analysis.store.files import WORK, staged_file, table_files
from probe.analysis.store.manifest import Manifest
from probe.analysis.store.writing.merge import merge
from probe.analysis.store.writing.sorting import write_sorted
from probe.analysis.store.writing.workers import Workers


def load_staged(folder: Path, manifest: Manifest, pool: Workers) -> None:
    """Load all staged files into the tables, and merge crowded partitions. The next ingest repeats a killed load."""
    staged = list(manifest.staged())
    if not staged:
        return
    name, work = uuid.uuid4().hex, folder / WORK
    files = {table: [staged_file(folder, table, one) for one in staged] for table in TABLES}
    write_sorted(files, work, name, pool)
    move(folder, manifest, name)
    manifest.finish_load(name, staged)
    for table in TABLES:
        for one in staged:
            staged_file(folder, table, one).unlink()
    merge(folder, manifest, pool)


def move(folder: Path, manifest: Manifest, name: str) -> None:
    """Move the synced files of that name from `work` into the tables. They count when the load is finished."""
    work = folder / WORK
    manifest.begin_load(name)
    for made in sorted(work.rglob(f"{name}.parquet")):
        place = folder / made.relative_to(work)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.rename(made, place)


def undo_load(folder: Path, name: str) -> None:
    """Remove the files that an interrupted load moved. Its staged files still exist."""
    for table in TABLES:
        for file in table_files(folder, table):
            if file.stem == name:
                file.unlink()

"""Pieces → the tables' files, one for each day, country and settling; sorted, so that one writer is open at a time."""

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
    """Move everything that waits into the tables. Killed in the midst, it is done anew by the next ingest."""
    pieces = list(manifest.staged())
    if not pieces:
        return
    name, work = uuid.uuid4().hex, folder / WORK
    waiting = {table: [staged_file(folder, table, piece) for piece in pieces] for table in TABLES}
    write_sorted(waiting, work, name, pool)
    move(folder, manifest, name)
    manifest.finish_load(name, pieces)
    for table in TABLES:
        for piece in pieces:
            staged_file(folder, table, piece).unlink()
    merge(folder, manifest, pool)


def move(folder: Path, manifest: Manifest, name: str) -> None:
    """Move the files of that name, which are synced, from under `work` into the tables.

    They count once the settling is finished.
    """
    work = folder / WORK
    manifest.begin_load(name)
    for made in sorted(work.rglob(f"{name}.parquet")):
        place = folder / made.relative_to(work)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.rename(made, place)


def undo_load(folder: Path, name: str) -> None:
    """Take away what a settling that was cut off has moved; its pieces are still there."""
    for table in TABLES:
        for file in table_files(folder, table):
            if file.stem == name:
                file.unlink()

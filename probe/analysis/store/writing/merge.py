"""Merge the small files of many loads into one file per day and country, in all tables or in none."""

import os
import shutil
import uuid
from collections import Counter
from pathlib import Path

from probe.analysis.store.columns import TABLES
from probe.analysis.store.files import REPLACED, WORK, table_files
from probe.analysis.store.manifest import Manifest
from probe.analysis.store.writing.sorting import write_sorted
from probe.analysis.store.writing.workers import Workers

MOST_FILES = 16  # files of a day and country before they are merged. A row is rewritten once in so many loads.


def merge(folder: Path, manifest: Manifest, pool: Workers) -> None:
    """Merge the files of each partition that has too many.

    The folder of a partition is replaced as a whole. A reader finds its rows in the old files or in the new one, and
    between two renames for an instant in neither. The old folders are kept until every table has its new file, so that
    the next ingest can undo an interrupted merge (`restore_replaced`).
    """
    places = _crowded(folder)
    if not places:
        return
    name, work = uuid.uuid4().hex, folder / WORK
    files = {table: [file for place in places for file in table_files(folder, table, place)] for table in TABLES}
    write_sorted(files, work, name, pool)
    manifest.begin_load(name)
    for merged in sorted(work.rglob(f"{name}.parquet")):
        _replace(folder, merged.parent.relative_to(work))
    manifest.finish_load(name, ())
    shutil.rmtree(folder / REPLACED)


def restore_replaced(folder: Path) -> None:
    """Move back the folders that an interrupted merge replaced. `undo_load` removed its new files before."""
    for file in sorted((folder / REPLACED).rglob("*.parquet")):
        place = folder / file.relative_to(folder / REPLACED)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, place)


def _crowded(folder: Path) -> list[Path]:
    """Return the partitions with too many files. Every table has files of the same names there, or none."""
    files = table_files(folder, "measurements")
    held = Counter(file.parent.relative_to(folder / "measurements") for file in files)
    return [place for place, count in held.items() if count > MOST_FILES]


def _replace(folder: Path, place: Path) -> None:
    """Replace the folder of a table's partition by the new one. `place` is the path inside the store."""
    out = folder / REPLACED / place
    out.parent.mkdir(parents=True, exist_ok=True)
    os.rename(folder / place, out)
    os.rename(folder / WORK / place, folder / place)

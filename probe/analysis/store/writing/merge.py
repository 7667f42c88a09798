"""Small files of many settlings → one for each day and country, in all tables at once or in none."""

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

MOST_FILES = 16  # of a day and country, before they are made one: so a row is written anew once in so many settlings


def merge(folder: Path, manifest: Manifest, pool: Workers) -> None:
    """Make one file of all files of each partition that holds too many.

    A partition's folder is exchanged whole: whoever reads meanwhile finds its rows in the old files or in the new one,
    and for an instant between two renames in neither. What was taken out is kept until every table has its new
    file, so a merger that was cut off is undone by the next ingest (`restore_replaced`).
    """
    places = _crowded(folder)
    if not places:
        return
    name, work = uuid.uuid4().hex, folder / WORK
    crowd = {table: [file for place in places for file in table_files(folder, table, place)] for table in TABLES}
    write_sorted(crowd, work, name, pool)
    manifest.begin_load(name)
    for made in sorted(work.rglob(f"{name}.parquet")):
        _exchange(folder, made.parent.relative_to(work))
    manifest.finish_load(name, ())
    shutil.rmtree(folder / REPLACED)


def restore_replaced(folder: Path) -> None:
    """Bring back what a merger that was cut off had taken out. Its own files are gone from there already."""
    for file in sorted((folder / REPLACED).rglob("*.parquet")):
        place = folder / file.relative_to(folder / REPLACED)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, place)


def _crowded(folder: Path) -> list[Path]:
    """The partitions that hold too many files; every table has files of the same names there, or none."""
    files = table_files(folder, "measurements")
    held = Counter(file.parent.relative_to(folder / "measurements") for file in files)
    return [place for place, count in held.items() if count > MOST_FILES]


def _exchange(folder: Path, place: Path) -> None:
    """Take out the folder of a table's partition, and put the new one there. `place`: inside the store."""
    out = folder / REPLACED / place
    out.parent.mkdir(parents=True, exist_ok=True)
    os.rename(folder / place, out)
    os.rename(folder / WORK / place, folder / place)

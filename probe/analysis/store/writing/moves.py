"""Open a store for writing, and move finished files from its folder `work` into it, in all tables or in none."""

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from probe.analysis.store.columns import TABLES
from probe.analysis.store.database import refusal
from probe.analysis.store.files import REPLACED, STAGED, WORK, load_of
from probe.analysis.store.identity_index import INDEX, make_index
from probe.analysis.store.manifest import Manifest

HOLDING = (*TABLES, INDEX)  # folders whose files a move adds or replaces


class Records(Protocol):
    """Record in a store's database that a move began, so that a kill is noticed."""

    def begin_move(self, name: str) -> None:
        """Record that files of that name are being moved into the store."""
        ...


def move(folder: Path, records: Records, name: str, replaced: Iterable[Path] = ()) -> None:
    """Move the synced files of that name into the store, in place of others. They count when the move is finished.

    `replaced` has the paths of the others inside of the store. A reader finds a row in the old file or in the new one,
    and for an instant in neither. The old files are kept until `remove_replaced`, so that `undo_move` can restore them.
    """
    old = list(replaced)
    records.begin_move(name)
    for held in HOLDING:
        for path in (path for path in old if path.parts[0] == held):
            _rename(folder / path, folder / REPLACED / path)
        for made in _files_of(folder / WORK, held, name):
            _rename(made, folder / made.relative_to(folder / WORK))


def undo_move(folder: Path, name: str) -> None:
    """Remove the files that an interrupted move added, and restore those that it replaced."""
    for held in HOLDING:
        for file in _files_of(folder, held, name):
            file.unlink()
    for file in [path for path in (folder / REPLACED).rglob("*") if path.is_file()]:
        place = folder / file.relative_to(folder / REPLACED)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, place)


def remove_replaced(folder: Path) -> None:
    """Remove the files that a finished move replaced, and empty folders of partitions."""
    if (folder / REPLACED).exists():
        shutil.rmtree(folder / REPLACED)
    for held in HOLDING:
        for place in sorted((folder / held).rglob("*"), reverse=True):
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()


def _files_of(root: Path, held: str, name: str) -> list[Path]:
    return sorted(file for file in (root / held).rglob(f"{name}*") if file.is_file() and load_of(file) == name)


def _rename(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    os.rename(source, place)


@contextmanager
def open_for_writing(folder: Path) -> Iterator[Manifest]:
    """Lock the store for writing, and remove what a killed ingest left. Raises StoreError, and FullDisk.

    What was recorded before an error stays, and the next ingest continues.
    """
    manifest = Manifest(folder)
    try:
        _sweep(folder, manifest)
        yield manifest
    except (OSError, sqlite3.Error) as error:
        shutil.rmtree(folder / WORK, ignore_errors=True)  # the next ingest makes these files again
        raise refusal(error, folder) from None
    finally:
        manifest.close()


def _sweep(folder: Path, manifest: Manifest) -> None:
    shutil.rmtree(folder / WORK, ignore_errors=True)
    for name in manifest.unfinished_moves():
        undo_move(folder, name)
        manifest.undone(name)
    remove_replaced(folder)
    make_index(folder)
    staged_names = manifest.staged()
    for table in TABLES:
        staged = folder / STAGED / table
        staged.mkdir(parents=True, exist_ok=True)
        for file in staged.iterdir():
            if file.stem not in staged_names:
                file.unlink()

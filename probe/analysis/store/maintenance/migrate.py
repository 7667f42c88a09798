"""Bring a store of an earlier version to this one. A kill at any point leaves the earlier store or the new one.

The new files are written beside the old ones, so that the disk needs space for both.
"""

import math
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from probe.analysis.observations.identity import SIZE
from probe.analysis.store.columns import TABLES
from probe.analysis.store.database import locked, refusal
from probe.analysis.store.files import STAGED, WORK, staged_file, table_files
from probe.analysis.store.maintenance.info import rows_in
from probe.analysis.store.maintenance.version_1 import Converted, convert
from probe.analysis.store.manifest import LINE_HASHES, NAME, SCHEMA, StoreError
from probe.analysis.store.versions import VERSION, check_known, version_of
from probe.analysis.store.writing.merge import LEAST_BYTES, MOST_BYTES
from probe.analysis.store.writing.moves import move, remove_replaced, undo_move
from probe.analysis.store.writing.sorting import months_in, write_sorted
from probe.analysis.store.writing.workers import Workers, workers
from probe.messages import tr
from probe.platforms.durability import sync_all

_CONVERT = f"""
CREATE TABLE files_now AS SELECT digest, name, lines, rejected, of_lab FROM files;
CREATE TABLE rejected_now AS
  SELECT substr(hash, 1, {SIZE}) AS hash, measurement_file, measurement_line, reason FROM rejected;
DROP TABLE files; DROP TABLE rejected; DROP TABLE lines; DROP TABLE pieces; DROP TABLE settling;
{SCHEMA}
INSERT INTO files SELECT *, 0 FROM files_now;
INSERT OR IGNORE INTO rejected SELECT * FROM rejected_now;
INSERT INTO settings VALUES ('{LINE_HASHES}', 'yes');
DROP TABLE files_now; DROP TABLE rejected_now;
"""


class _Earlier:
    """Record moves in the database of version 1."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database

    def begin_move(self, name: str) -> None:
        """Record that files of that name are being moved."""
        self.database.execute("INSERT INTO settling VALUES (?)", (name,))

    def undo_moves(self, folder: Path) -> None:
        """Undo what an interrupted command began."""
        for (name,) in self.database.execute("SELECT name FROM settling").fetchall():
            undo_move(folder, name)
            self.database.execute("DELETE FROM settling WHERE name = ?", (name,))
        remove_replaced(folder)

    def staged(self) -> list[str]:
        """Return the names of staged files that wait for a load."""
        return [name for (name,) in self.database.execute("SELECT name FROM pieces ORDER BY name")]


def migrate(folder: Path, *, jobs: int = 1) -> dict[str, int]:
    """Bring a store to the newest version, and return {"from", "to", "measurements", "duplicates"}.

    `duplicates` counts measurements that the earlier version held more than once, in different spellings. Raises
    StoreError and FullDisk.
    """
    with _opened(folder) as database, workers(jobs) as pool:
        version = version_of(database)
        done = {"from": version, "to": VERSION, "measurements": 0, "duplicates": 0}
        return done if version != 1 else done | _migrate(folder, _Earlier(database), pool)


@contextmanager
def _opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """Lock a store of any version, and open its database."""
    check_known(folder)
    with locked(folder):
        try:
            with closing(sqlite3.connect(folder / NAME, isolation_level=None)) as database:
                yield database
        except (OSError, sqlite3.Error) as error:
            shutil.rmtree(folder / WORK, ignore_errors=True)
            raise refusal(error, folder) from None


def _migrate(folder: Path, earlier: _Earlier, pool: Workers) -> dict[str, int]:
    shutil.rmtree(folder / WORK, ignore_errors=True)
    earlier.undo_moves(folder)
    name, work = uuid.uuid4().hex, folder / WORK
    work.mkdir()
    staged, old = earlier.staged(), {table: table_files(folder, table) for table in TABLES}
    counts = {"measurements": 0, "duplicates": 0}
    waiting = {table: [staged_file(folder, table, one) for one in staged] for table in TABLES}
    for number, (month, parts) in enumerate(_months(old, waiting)):
        made = convert(old, waiting, month, parts, work)
        for part, converted in enumerate(made):
            _write(converted, work, f"{name}-{number}-{part}", pool)
            counts["measurements"] += converted.measurements
            counts["duplicates"] += converted.duplicates
    if counts["measurements"] + counts["duplicates"] != sum(
        map(rows_in, (*old["measurements"], *waiting["measurements"]))
    ):
        raise StoreError(tr("Not every measurement of {folder} was converted. Nothing was changed.", folder=folder))
    sync_all(folder)
    replaced = [file.relative_to(folder) for files in old.values() for file in files]
    move(folder, earlier, name, replaced)
    _become_new(earlier.database)
    _clean(folder, earlier)
    return counts


def _become_new(database: sqlite3.Connection) -> None:
    """Convert the database in one transaction. From then on the store has the newest version."""
    database.executescript(f"BEGIN; {_CONVERT} COMMIT;")


def _months(old: dict[str, list[Path]], waiting: dict[str, list[Path]]) -> list[tuple[str, int]]:
    """Return each month with the number of files that its rows are divided into."""
    sizes: dict[str, int] = {}
    for file in old["observations"] + old["measurements"]:
        month = file.parent.parent.name.removeprefix("day=")[:7]
        sizes[month] = sizes.get(month, 0) + file.stat().st_size
    for month in months_in(waiting["measurements"]):
        sizes.setdefault(month, 0)
    return [(month, math.ceil(size / (MOST_BYTES - LEAST_BYTES)) or 1) for month, size in sorted(sizes.items())]


def _write(converted: Converted, work: Path, name: str, pool: Workers) -> None:
    write_sorted(converted.files, work, name, pool)
    for files in converted.files.values():
        for file in files:
            file.unlink()


def _clean(folder: Path, earlier: _Earlier) -> None:
    """Remove the files of the earlier version."""
    remove_replaced(folder)
    shutil.rmtree(folder / WORK)
    shutil.rmtree(folder / STAGED, ignore_errors=True)
    earlier.database.execute("VACUUM")

"""Record what a store contains: files, measurements by hash, rejected lines. SQLite keeps it consistent after a kill.

The table names are those of existing stores. `lines` has the hashes of measurements. `pieces` has the staged files that
wait for a load. `settling` has the loads that are under way.
"""

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from probe.analysis.compare.verdict_table import UNREADABLE
from probe.analysis.compare.verdict_table import StoreError as StoreError
from probe.files import open_regular
from probe.messages import tr
from probe.results import full_disk, is_full, reason_of, try_writing

NAME, LOCK = "store.sqlite", "store.lock"
_REFUSED = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS lines (hash BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (digest TEXT PRIMARY KEY, name TEXT, lines INTEGER, rejected INTEGER, of_lab INTEGER);
CREATE TABLE IF NOT EXISTS rejected (
  hash BLOB PRIMARY KEY, measurement_file TEXT, measurement_line INTEGER, reason TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pieces (name TEXT PRIMARY KEY, lines INTEGER);
CREATE TABLE IF NOT EXISTS settling (name TEXT PRIMARY KEY);
"""
# A second copy of a file has only duplicates. The counts of the first copy stay.
_NOTE_FILE = """
INSERT INTO files VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE
SET name = excluded.name, lines = excluded.lines, rejected = excluded.rejected, of_lab = excluded.of_lab
WHERE ? OR excluded.rejected >= files.rejected
"""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Hold a line that was not added, with the reason. `line_hash` is the SHA-256 of its bytes (`hashes.py`)."""

    line_hash: bytes
    file: str
    number: int
    reason: str


@dataclass
class FileTally:
    """Count the lines of one file. `digest` is "" for standard input. `of_lab` counts those rejected as the lab's."""

    name: str
    digest: str = ""
    lines: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    of_lab: int = 0


class Manifest:
    """Lock a store for one writer, and record its contents. Every method is one SQLite transaction."""

    def __init__(self, folder: Path) -> None:
        """Open the store, or create it. Raises FullDisk, and StoreError if another process is writing to it."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if is_full(error):
                raise full_disk(error, folder) from None
            raise StoreError(
                tr(
                    "No store can be kept in {folder}: {reason}. Give another folder with --store.",
                    folder=folder,
                    reason=reason_of(error),
                )
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise StoreError(
                tr("Another process is writing to the store {folder}. Wait until it has finished.", folder=folder)
            ) from None
        try:
            self._db = _connect(folder / NAME)
        except Exception:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Release the store."""
        self._db.close()
        os.close(self._lock)

    def holds(self, line_hash: bytes) -> bool:
        """Return True if the store has the measurement with this hash."""
        return self._db.execute("SELECT 1 FROM lines WHERE hash = ?", (line_hash,)).fetchone() is not None

    def read_before(self, digest: str, lab: bool) -> FileTally | None:
        """Return the counts of a file that was read to its end, None if it must be read (again).

        A file with rejected measurements of the lab must be read again if `lab` is set.
        """
        row = self._db.execute("SELECT name, lines, rejected, of_lab FROM files WHERE digest = ?", (digest,)).fetchone()
        if row is None or (lab and row[3]):
            return None
        name, lines, rejected, of_lab = row
        return FileTally(name, digest, lines, 0, lines - rejected, rejected, of_lab)

    def digests(self, lab: bool) -> frozenset[str]:
        """Return the digests of the files for which `read_before` returns counts."""
        known = self._db.execute("SELECT digest FROM files WHERE NOT (? AND of_lab)", (lab,))
        return frozenset(digest for (digest,) in known)

    def add(self, piece: str, taken: Sequence[bytes], rejected: Iterable[Rejected], done: Iterable[FileTally]) -> None:
        """Record one batch: the staged file `piece` holds the hashes `taken`, and the files `done` end with it."""
        with self._db:
            self._db.execute("BEGIN")
            if taken:
                self._db.execute("INSERT INTO pieces VALUES (?, ?)", (piece, len(taken)))
            self._db.executemany("INSERT INTO lines VALUES (?)", ((identity,) for identity in taken))
            self._db.executemany("DELETE FROM rejected WHERE hash = ?", ((identity,) for identity in taken))
            self._note(rejected, done)

    def add_loaded(
        self, name: str, taken: Iterable[bytes], rejected: Iterable[Rejected], done: Iterable[FileTally]
    ) -> None:
        """Finish the load of that name, whose files hold the hashes `taken`, and record these, in one transaction."""
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute("DELETE FROM settling WHERE name = ?", (name,))
            self._db.executemany("INSERT INTO lines VALUES (?)", ((identity,) for identity in taken))
            self._db.execute("DELETE FROM rejected WHERE hash IN (SELECT hash FROM lines)")
            self._note(rejected, done)

    def _note(self, rejected: Iterable[Rejected], done: Iterable[FileTally]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?)",
            ((line.line_hash, line.file, line.number, line.reason) for line in rejected),
        )
        self._db.executemany(
            _NOTE_FILE,
            (
                (file.digest, file.name, file.lines, file.rejected, file.of_lab, file.accepted > 0)
                for file in done
                if file.digest
            ),
        )

    def staged(self) -> dict[str, int]:
        """Return the number of measurements by name of the staged files that wait for a load."""
        return dict(self._db.execute("SELECT name, lines FROM pieces ORDER BY name").fetchall())

    def begin_load(self, name: str) -> None:
        """Record that files of that name are being moved into the tables. They do not count before `finish_load`."""
        with self._db:
            self._db.execute("INSERT INTO settling VALUES (?)", (name,))

    def finish_load(self, name: str, pieces: Iterable[str]) -> None:
        """Record that the staged files are in the tables."""
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute("DELETE FROM settling WHERE name = ?", (name,))
            self._db.executemany("DELETE FROM pieces WHERE name = ?", ((piece,) for piece in pieces))

    def unfinished_loads(self) -> list[str]:
        """Return the names of loads that were interrupted."""
        return [name for (name,) in self._db.execute("SELECT name FROM settling")]

    def forget_load(self, name: str) -> None:
        """Record that the files of an interrupted load were removed."""
        with self._db:
            self._db.execute("DELETE FROM settling WHERE name = ?", (name,))


def rejected_lines(folder: Path) -> list[tuple[str, str, int, str]]:
    """Return the rejected lines as (hash, file, line number, reason), in the order of files and lines."""
    return _read(
        folder,
        "SELECT lower(hex(hash)), CAST(measurement_file AS TEXT), CAST(measurement_line AS INTEGER), "
        "CAST(reason AS TEXT) FROM rejected ORDER BY measurement_file, measurement_line, hash",
    )


def files_in(folder: Path) -> list[tuple[str, str, int, int]]:
    """Return the files that were read to their end as (SHA-256, name, lines, rejected), sorted by digest."""
    return _read(
        folder,
        "SELECT CAST(digest AS TEXT), CAST(name AS TEXT), CAST(lines AS INTEGER), CAST(rejected AS INTEGER) "
        "FROM files ORDER BY digest",
    )


def _read(folder: Path, statement: str) -> list[tuple]:  # type: ignore[type-arg]
    try:
        open_regular(folder / NAME).close()  # SQLite waits for the other end of a pipe
        database = sqlite3.connect(f"{(folder / NAME).resolve().as_uri()}?mode=ro", uri=True)
        try:
            return database.execute(statement).fetchall()
        finally:
            database.close()
    except (sqlite3.Error, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(tr(UNREADABLE, folder=folder, reason=reason)) from None


def os_error_of(error: sqlite3.Error, folder: Path) -> OSError | None:
    """Return the system's error behind one of SQLite in a folder, None if there is none."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF  # errors of the module itself have no code
    if primary == sqlite3.SQLITE_FULL:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return try_writing(folder) if primary in _REFUSED else None


def _connect(path: Path) -> sqlite3.Connection:
    try:
        if path.exists():
            open_regular(path).close()
        database = sqlite3.connect(path, isolation_level=None)
        database.executescript(_SCHEMA)
    except (sqlite3.Error, OSError) as error:
        system = os_error_of(error, path.parent) if isinstance(error, sqlite3.Error) else error
        if system is not None and is_full(system):
            raise full_disk(system, path) from None
        reason = getattr(error, "strerror", None) or error
        raise StoreError(
            tr("The file {path} cannot be used as part of a store: {reason}.", path=path, reason=reason)
        ) from None
    return database

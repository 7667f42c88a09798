"""What a store has taken in: files, lines by their hash, what was set aside; SQLite, so that a kill leaves it whole."""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

NAME, LOCK = "store.sqlite", "store.lock"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS lines (hash BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (digest TEXT PRIMARY KEY, name TEXT, lines INTEGER, rejected INTEGER, of_lab INTEGER);
CREATE TABLE IF NOT EXISTS rejected (
  hash BLOB PRIMARY KEY, measurement_file TEXT, measurement_line INTEGER, reason TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pieces (name TEXT PRIMARY KEY, lines INTEGER);
CREATE TABLE IF NOT EXISTS settling (name TEXT PRIMARY KEY);
"""
# A copy of a file that is under way has nothing but duplicates: what came of the first stays.
_NOTE_FILE = """
INSERT INTO files VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE
SET name = excluded.name, lines = excluded.lines, rejected = excluded.rejected, of_lab = excluded.of_lab
WHERE ? OR excluded.rejected >= files.rejected
"""


class StoreError(Exception):
    """A store cannot be used; its text is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that was not taken, and why. `line_hash`: SHA-256 of its bytes, or of what is known of it."""

    line_hash: bytes
    file: str
    number: int
    reason: str


@dataclass
class FileTally:
    """What came of one file. `digest` is "" for what cannot be read twice; `of_lab`: rejected for being the lab's."""

    name: str
    digest: str = ""
    lines: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    of_lab: int = 0


class Manifest:
    """One writer's hold of a store; whatever is written here stands in one transaction, or not at all."""

    def __init__(self, folder: Path) -> None:
        """Open the store, made if need be. Raises StoreError where another ingest is writing to it."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"no store can be kept in {folder} ({error.strerror}); name a folder of your own"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise StoreError(f"{folder}: another ingest is writing to this store; wait until it is done") from None
        self._db = _connect(folder / NAME)

    def close(self) -> None:
        """Let the store go."""
        self._db.close()
        os.close(self._lock)

    def holds(self, line_hash: bytes) -> bool:
        """Whether a line was taken already."""
        return self._db.execute("SELECT 1 FROM lines WHERE hash = ?", (line_hash,)).fetchone() is not None

    def read_before(self, digest: str, lab: bool) -> FileTally | None:
        """What came of a file that was read to its end; None if reading it again may bring more."""
        row = self._db.execute("SELECT name, lines, rejected, of_lab FROM files WHERE digest = ?", (digest,)).fetchone()
        if row is None or (lab and row[3]):
            return None
        name, lines, rejected, of_lab = row
        return FileTally(name, digest, lines, 0, lines - rejected, rejected, of_lab)

    def digests(self, lab: bool) -> frozenset[str]:
        """The files that `read_before` knows."""
        known = self._db.execute("SELECT digest FROM files WHERE NOT (? AND of_lab)", (lab,))
        return frozenset(digest for (digest,) in known)

    def add(self, piece: str, taken: Sequence[bytes], rejected: Iterable[Rejected], done: Iterable[FileTally]) -> None:
        """Write down one batch: `piece` holds the lines `taken`, and the files `done` came to their end with it."""
        with self._db:
            self._db.execute("BEGIN")
            if taken:
                self._db.execute("INSERT INTO pieces VALUES (?, ?)", (piece, len(taken)))
            self._db.executemany("INSERT INTO lines VALUES (?)", ((line,) for line in taken))
            self._db.executemany("DELETE FROM rejected WHERE hash = ?", ((line,) for line in taken))
            self._note(rejected, done)

    def add_loaded(
        self, name: str, taken: Iterable[bytes], rejected: Iterable[Rejected], done: Iterable[FileTally]
    ) -> None:
        """Finish the settling of that name, whose files hold the lines `taken`, and write those down, in one."""
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute("DELETE FROM settling WHERE name = ?", (name,))
            self._db.executemany("INSERT INTO lines VALUES (?)", ((line,) for line in taken))
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
        """Pieces that wait to be settled: name → lines."""
        return dict(self._db.execute("SELECT name, lines FROM pieces ORDER BY name").fetchall())

    def begin_load(self, name: str) -> None:
        """Announce files of that name: until the settling is finished they do not count."""
        with self._db:
            self._db.execute("INSERT INTO settling VALUES (?)", (name,))

    def finish_load(self, name: str, pieces: Iterable[str]) -> None:
        """The pieces stand in the tables."""
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute("DELETE FROM settling WHERE name = ?", (name,))
            self._db.executemany("DELETE FROM pieces WHERE name = ?", ((piece,) for piece in pieces))

    def unfinished_loads(self) -> list[str]:
        """Settlings that were cut off."""
        return [name for (name,) in self._db.execute("SELECT name FROM settling")]

    def forget_load(self, name: str) -> None:
        """The files of a settling that was cut off are gone."""
        with self._db:
            self._db.execute("DELETE FROM settling WHERE name = ?", (name,))


def rejected_lines(folder: Path) -> list[tuple[str, str, int, str]]:
    """Every line that a store did not take: (hash, file, line, reason), in the order of files and lines."""
    return _read(
        folder,
        "SELECT lower(hex(hash)), measurement_file, measurement_line, reason FROM rejected "
        "ORDER BY measurement_file, measurement_line, hash",
    )


def files_in(folder: Path) -> list[tuple[str, str, int, int]]:
    """Every file that a store has read to its end: (SHA-256, name, lines, rejected), sorted by digest."""
    return _read(folder, "SELECT digest, name, lines, rejected FROM files ORDER BY digest")


def _read(folder: Path, statement: str) -> list[tuple]:  # type: ignore[type-arg]
    try:
        database = sqlite3.connect(f"{(folder / NAME).resolve().as_uri()}?mode=ro", uri=True)
        try:
            return database.execute(statement).fetchall()
        finally:
            database.close()
    except sqlite3.Error as error:
        raise StoreError(f"{folder} cannot be read as a store ({error}); `probe ingest` makes one") from None


def _connect(path: Path) -> sqlite3.Connection:
    try:
        database = sqlite3.connect(path, isolation_level=None)
        database.executescript(_SCHEMA)
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be used ({error}); is it a store's?") from None
    return database

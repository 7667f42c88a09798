"""Record what a store contains: files, staged measurements, rejected lines. SQLite keeps it consistent after a kill.

SQLite holds the identities of measurements in staged files only. Those of loaded ones are in the index
(`identity_index.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from probe.analysis.compare.verdict_table import StoreError as StoreError
from probe.analysis.store.database import connect, locked
from probe.analysis.store.identity_index import Index
from probe.analysis.store.versions import NAME as NAME
from probe.analysis.store.versions import VERSION, reading

if TYPE_CHECKING:
    from probe.analysis.object_storage.bucket_store import BucketStore

LINE_HASHES = "hashes_of_lines"  # set if version 1 left hashes of lines in place of identities
OBJECTS = "CREATE TABLE IF NOT EXISTS objects (version TEXT PRIMARY KEY, digest TEXT) WITHOUT ROWID"
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS waiting (identity BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
  digest TEXT PRIMARY KEY, name TEXT, lines INTEGER, rejected INTEGER, of_lab INTEGER, forgotten INTEGER DEFAULT 0);
{OBJECTS};
CREATE TABLE IF NOT EXISTS rejected (
  hash BLOB PRIMARY KEY, measurement_file TEXT, measurement_line INTEGER, reason TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS staged (name TEXT PRIMARY KEY, lines INTEGER, bytes INTEGER);
CREATE TABLE IF NOT EXISTS moves (name TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT);
PRAGMA user_version = {VERSION};
"""
# A second copy of a file has only duplicates. The counts of the first copy stay.
_NOTE_FILE = """
INSERT INTO files VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT (digest) DO UPDATE
SET name = excluded.name, lines = excluded.lines, rejected = excluded.rejected, of_lab = excluded.of_lab, forgotten = 0
WHERE ? OR files.forgotten OR excluded.rejected >= files.rejected
"""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Hold a line that was not added, with the reason. `identity` is that of its measurement or its bytes."""

    identity: bytes
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
        self._held = ExitStack()
        self._held.enter_context(locked(folder))
        try:
            self._db = connect(folder / NAME, SCHEMA)
            self._index = Index(folder)
        except Exception:
            self._held.close()
            raise

    def close(self) -> None:
        """Release the store."""
        self._index.close()
        self._db.close()
        self._held.close()

    def holds(self, month: str, identity: bytes) -> bool:
        """Return True if the store has the measurement of that month with this identity."""
        if self._db.execute("SELECT 1 FROM waiting WHERE identity = ?", (identity,)).fetchone() is not None:
            return True
        return self._index.holds(month, identity)

    def read_before(self, digest: str, lab: bool) -> FileTally | None:
        """Return the counts of a file that was read to its end, None if it must be read (again).

        A file with rejected measurements of the lab must be read again if `lab` is set. So must every file after
        `forget`, which removes measurements without knowing their files.
        """
        row = self._db.execute(
            "SELECT name, lines, rejected, of_lab FROM files WHERE digest = ? AND NOT forgotten", (digest,)
        ).fetchone()
        if row is None or (lab and row[3]):
            return None
        name, lines, rejected, of_lab = row
        return FileTally(name, digest, lines, 0, lines - rejected, rejected, of_lab)

    def digests(self, lab: bool) -> frozenset[str]:
        """Return the digests of the files for which `read_before` returns counts."""
        known = self._db.execute("SELECT digest FROM files WHERE NOT (? AND of_lab) AND NOT forgotten", (lab,))
        return frozenset(digest for (digest,) in known)

    def digest_of_object(self, version: str) -> str:
        """Return the digest of an object of that address, size and ETag, "" if it was not read to its end."""
        row = self._db.execute("SELECT digest FROM objects WHERE version = ?", (version,)).fetchone()
        return "" if row is None else str(row[0])

    def begin_object(self, name: str) -> None:
        """Remove the rejected lines of an object that is read again."""
        with self._db:
            self._db.execute("DELETE FROM rejected WHERE measurement_file = ?", (name,))

    def note_object(self, version: str, digest: str) -> None:
        """Record the digest of an object that was read to its end."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO objects VALUES (?, ?)", (version, digest))

    def add(
        self,
        piece: str,
        size: int,
        taken: Sequence[bytes],
        rejected: Iterable[Rejected],
        done: Iterable[FileTally],
        claims: Iterable[bytes] = (),
    ) -> None:
        """Record one batch: the staged files `piece` hold the measurements `taken`, and the files `done` end with it.

        `size` is the number of bytes of the staged files. An earlier release may have rejected measurements of these
        `claims`, which it took for their identities.
        """
        with self._db:
            self._db.execute("BEGIN")
            if taken:
                self._db.execute("INSERT INTO staged VALUES (?, ?, ?)", (piece, len(taken), size))
            self._db.executemany("INSERT INTO waiting VALUES (?)", ((identity,) for identity in taken))
            self._db.executemany(
                "INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?)",
                ((line.identity, line.file, line.number, line.reason) for line in rejected),
            )
            self._db.executemany(
                _NOTE_FILE,
                (
                    (file.digest, file.name, file.lines, file.rejected, file.of_lab, file.accepted > 0)
                    for file in done
                    if file.digest
                ),
            )
            self._db.executemany("DELETE FROM rejected WHERE hash = ?", ((one,) for one in (*taken, *claims)))

    def staged(self) -> dict[str, int]:
        """Return the number of measurements by name of the staged files that wait for a load."""
        return dict(self._db.execute("SELECT name, lines FROM staged ORDER BY name").fetchall())

    def staged_bytes(self) -> int:
        """Return the bytes of the staged files that wait for a load."""
        (size,) = self._db.execute("SELECT COALESCE(sum(bytes), 0) FROM staged").fetchone()
        return int(size)

    def setting(self, name: str) -> str | None:
        """Return a setting of the store, None if it has none of that name."""
        row = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def rename_rejected(self, line_hash: bytes, identity: bytes) -> None:
        """Give a rejected line the identity of its measurement in place of the hash that version 1 gave it."""
        with self._db:
            self._db.execute("UPDATE OR REPLACE rejected SET hash = ? WHERE hash = ?", (identity, line_hash))

    def begin_move(self, name: str) -> None:
        """Record that files of that name are being moved into the tables. They do not count before it is finished."""
        with self._db:
            self._db.execute("INSERT INTO moves VALUES (?)", (name,))

    def finish_load(self, name: str) -> None:
        """Record that all staged files are in the tables, as files of that name."""
        with self._moved(name):
            self._db.execute("DELETE FROM staged")
            self._db.execute("DELETE FROM waiting")

    def finish_merge(self, name: str) -> None:
        """Record that files of that name took the place of others."""
        with self._moved(name):
            pass

    def finish_forget(self, name: str, run: str) -> None:
        """Record that files of that name, which lack some measurements, took the place of others.

        Names of results files contain the run's id, so those of the run are removed too.
        """
        with self._moved(name):
            self._db.execute("UPDATE files SET forgotten = 1")
            if run:
                self._db.execute("DELETE FROM files WHERE instr(name, ?)", (f"-{run}.",))
                self._db.execute("DELETE FROM rejected WHERE instr(measurement_file, ?)", (f"-{run}.",))
                self._db.execute("DELETE FROM objects WHERE instr(version, ?)", (f"-{run}.",))

    def unfinished_moves(self) -> list[str]:
        """Return the names of loads, merges and others that were interrupted."""
        return [name for (name,) in self._db.execute("SELECT name FROM moves")]

    def undone(self, name: str) -> None:
        """Record that the files of an interrupted move were removed."""
        with self._moved(name):
            pass

    def shrink(self) -> None:
        """Give the unused space of the database back to the disk, and overwrite what was deleted."""
        self._db.execute("VACUUM")

    @contextmanager
    def _moved(self, name: str) -> Iterator[None]:
        """Run a transaction that ends a move. The next search then opens the index again."""
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute("DELETE FROM moves WHERE name = ?", (name,))
            yield
        self._index.close()


def rejected_lines(folder: "Path | BucketStore") -> list[tuple[str, str, int, str]]:
    """Return the rejected lines as (hash, file, line number, reason), in the order of files and lines."""
    return _read(
        folder,
        "SELECT lower(hex(hash)), CAST(measurement_file AS TEXT), CAST(measurement_line AS INTEGER), "
        "CAST(reason AS TEXT) FROM rejected ORDER BY measurement_file, measurement_line, hash",
    )


def rejected_count(folder: "Path | BucketStore") -> int:
    """Return the number of rejected lines."""
    return int(_read(folder, "SELECT count(*) FROM rejected")[0][0])


def files_in(folder: "Path | BucketStore") -> list[tuple[str, str, int, int]]:
    """Return the files that were read to their end as (SHA-256, name, lines, rejected), sorted by digest."""
    return _read(
        folder,
        "SELECT CAST(digest AS TEXT), CAST(name AS TEXT), CAST(lines AS INTEGER), CAST(rejected AS INTEGER) "
        "FROM files ORDER BY digest",
    )


def _read(folder: "Path | BucketStore", statement: str) -> list[tuple]:  # type: ignore[type-arg]
    with reading(folder) as database:
        return database.execute(statement).fetchall()

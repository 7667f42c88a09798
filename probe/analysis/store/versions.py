"""Distinguish the versions of stores. A store of an earlier version is read as it is, and written after a migration.

Version 1 has one file per day, country and load, and SHA-256 of lines as identities. Its database has no number.
Version 2 has files per month, and identities of measurements.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from probe.analysis.compare.verdict_table import UNREADABLE, StoreError
from probe.files import open_regular
from probe.messages import mark, tr

NAME = "store.sqlite"
VERSION = 2
NEWER = mark(
    "The store {folder} was made by a newer release: it has version {version}, and this release knows {known}. "
    "Install the newer release."
)
EARLIER = mark(
    "The store {folder} has version {version} of an earlier release. It can be read, and nothing can be added. "
    "This brings it to version {known}: probe store migrate --store {folder}"
)


def version_of(database: sqlite3.Connection) -> int:
    """Return the version of a store, 0 if the database is empty."""
    (number,) = database.execute("PRAGMA user_version").fetchone()
    if number:
        return int(number)
    known = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'lines'").fetchone()
    return int(known[0])


@contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the database of a store, read-only. Raises StoreError if it cannot be read."""
    try:
        open_regular(folder / NAME).close()  # SQLite waits for the other end of a pipe
        database = sqlite3.connect(f"{(folder / NAME).resolve().as_uri()}?mode=ro", uri=True)
        try:
            yield database
        finally:
            database.close()
    except (sqlite3.Error, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(tr(UNREADABLE, folder=folder, reason=reason)) from None


def check_writable(database: sqlite3.Connection, folder: Path) -> None:
    """Raise StoreError for a store that has another version than this release."""
    version = version_of(database)
    if version not in (0, VERSION):
        raise StoreError(_sentence(folder, version))


def check_known(folder: Path) -> int:
    """Return the version of a store that is there. Raises StoreError for a newer one."""
    with reading(folder) as database:
        version = version_of(database)
    if version > VERSION:
        raise StoreError(_sentence(folder, version))
    return version


def check_current(folder: Path) -> None:
    """Raise StoreError for a folder that is no store, and for a store that has another version than this release."""
    with reading(folder) as database:
        check_writable(database, folder)


def note_on_version(folder: Path) -> str | None:
    """Return the sentence for the reader of a store of an earlier version, None for one of this version.

    Raises StoreError for a newer store, and for one that cannot be read.
    """
    version = check_known(folder)
    return _sentence(folder, version) if 0 < version < VERSION else None


def _sentence(folder: Path, version: int) -> str:
    return tr(NEWER if version > VERSION else EARLIER, folder=folder, version=version, known=VERSION)

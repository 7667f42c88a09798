"""Open and lock the database of a store, and put its errors into sentences."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from probe.analysis.compare.verdict_table import StoreError
from probe.analysis.store.versions import check_writable, version_of
from probe.files import open_regular
from probe.messages import tr
from probe.platforms.descriptors import PRIVATE, try_lock
from probe.results import full_disk, is_full, reason_of, try_writing

LOCK = "store.lock"
_REFUSED = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a store for one writer, and make its folder if there is none. Raises FullDisk and StoreError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | PRIVATE, 0o600)
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
        try_lock(lock)
    except OSError:
        os.close(lock)
        raise StoreError(
            tr("Another process is writing to the store {folder}. Wait until it has finished.", folder=folder)
        ) from None
    try:
        yield
    finally:
        os.close(lock)


def connect(path: Path, schema: str) -> sqlite3.Connection:
    """Open a database, or make it with that schema. Raises FullDisk, and StoreError if it is of another version."""
    try:
        if path.exists():
            open_regular(path).close()
        return _prepared(sqlite3.connect(path, isolation_level=None), path.parent, schema)
    except (sqlite3.Error, OSError) as error:
        system = os_error_of(error, path.parent) if isinstance(error, sqlite3.Error) else error
        if system is not None and is_full(system):
            raise full_disk(system, path) from None
        reason = getattr(error, "strerror", None) or error
        raise StoreError(
            tr("The file {path} cannot be used as part of a store: {reason}.", path=path, reason=reason)
        ) from None


def _prepared(database: sqlite3.Connection, folder: Path, schema: str) -> sqlite3.Connection:
    """Check the version of a database, and make its tables if it is new. It is closed if this fails."""
    try:
        check_writable(database, folder)
        if not version_of(database):
            database.executescript(schema)
    except BaseException:
        database.close()
        raise
    return database


def refusal(error: OSError | sqlite3.Error, folder: Path) -> Exception:
    """Return the exception with the sentence for the user."""
    system = os_error_of(error, folder) if isinstance(error, sqlite3.Error) else error
    if system is not None and is_full(system):
        return full_disk(system, folder)
    return StoreError(
        tr(
            "The store {folder} cannot be written: {reason}. Afterwards the same command continues.",
            folder=folder,
            reason=reason_of(system) if system else error,
        )
    )


def os_error_of(error: sqlite3.Error, folder: Path) -> OSError | None:
    """Return the system's error behind one of SQLite in a folder, None if there is none."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF  # errors of the module itself have no code
    if primary == sqlite3.SQLITE_FULL:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return try_writing(folder) if primary in _REFUSED else None

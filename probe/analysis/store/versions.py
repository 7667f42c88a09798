"""Find stores, and distinguish their versions.

A store of an earlier version is read as it is, and written after a migration.

Version 1 has one file per day, country and load, and SHA-256 of lines as identities. Its database has no number.
Version 2 has files per month, and identities of measurements.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from probe.analysis.compare.verdict_table import UNREADABLE, StoreError, is_store
from probe.files import open_regular
from probe.messages import mark, tr
from probe.results import is_remote
from probe.results.folders import ARCHIVES, SUFFIXES

if TYPE_CHECKING:
    from probe.analysis.object_storage.bucket_store import BucketStore

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
RESULTS = (*SUFFIXES, *ARCHIVES)
NO_STORE = mark("{folder} is no store. This makes one: probe ingest FILE... --store {folder}")
EARLIER_COPY = mark(
    "The store in {name} has version {version} of an earlier release, and this release reads version {known} in a "
    "bucket. Copy it to a disk, and use probe store migrate on the copy. This makes it: probe store copy {name} DIR"
)


def version_of(database: sqlite3.Connection) -> int:
    """Return the version of a store, 0 if the database is empty."""
    (number,) = database.execute("PRAGMA user_version").fetchone()
    if number:
        return int(number)
    known = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'lines'").fetchone()
    return int(known[0])


@contextmanager
def reading(folder: "Path | BucketStore") -> Iterator[sqlite3.Connection]:
    """Open the database of a store, read-only. Raises StoreError if it cannot be read, and ResultsError for a bucket.

    The database of a store in a bucket is held in memory.
    """
    try:
        with closing(_on_disk(folder) if isinstance(folder, Path) else _in_memory(folder)) as database:
            yield database
    except (sqlite3.Error, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(tr(UNREADABLE, folder=folder, reason=reason)) from None


def _on_disk(folder: Path) -> sqlite3.Connection:
    open_regular(folder / NAME).close()  # SQLite waits for the other end of a pipe
    return sqlite3.connect(f"{(folder / NAME).resolve().as_uri()}?mode=ro", uri=True)


def _in_memory(store: "BucketStore") -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    database.deserialize(store.database)
    return database


def check_writable(database: sqlite3.Connection, folder: Path) -> None:
    """Raise StoreError for a store that has another version than this release."""
    version = version_of(database)
    if version not in (0, VERSION):
        raise StoreError(_sentence(folder, version))


def check_known(folder: "Path | BucketStore") -> int:
    """Return the version of a store that is there. Raises StoreError for a newer one."""
    with reading(folder) as database:
        version = version_of(database)
    if version > VERSION:
        raise StoreError(_newer(folder, version))
    return version


def check_current(folder: Path) -> None:
    """Raise StoreError for a folder that is no store, and for a store that has another version than this release."""
    with reading(folder) as database:
        check_writable(database, folder)


def note_on_version(folder: "Path | BucketStore") -> str | None:
    """Return the sentence for the reader of a store of an earlier version, None for one of this version.

    Raises StoreError for a newer store, and for one that cannot be read. `located` has checked those in buckets.
    """
    if not isinstance(folder, Path):
        return None
    version = check_known(folder)
    return _sentence(folder, version) if 0 < version < VERSION else None


def _newer(folder: "Path | BucketStore", version: int) -> str:
    """Return the sentence on a store of a newer release."""
    return tr(NEWER, folder=folder, version=version, known=VERSION)


def _sentence(folder: Path, version: int) -> str:
    return _newer(folder, version) if version > VERSION else tr(EARLIER, folder=folder, version=version, known=VERSION)


def store_at(named: str | Path) -> "Path | BucketStore | None":
    """Return the store at a path or an address, None for results files. Raises StoreError and ResultsError."""
    if not is_remote(named):
        return Path(named) if is_store(Path(named)) else None
    if str(named).endswith(RESULTS):  # an access key may be allowed to read this object only
        return None
    from probe.analysis.object_storage.bucket_store import find_store

    found = find_store(named)
    return None if found is None else _checked(found)


def located(named: "str | Path | BucketStore") -> "Path | BucketStore":
    """Return the store at a path or an address. Raises StoreError and ResultsError."""
    if not isinstance(named, str | Path):
        return named
    if is_remote(named):
        from probe.analysis.object_storage.bucket_store import open_store

        return _checked(open_store(named))
    if not (Path(named) / NAME).is_file():
        raise StoreError(tr(NO_STORE, folder=named))
    return Path(named)


def _checked(store: "BucketStore") -> "BucketStore":
    """Return a store in a bucket of this version. Raises StoreError for another one."""
    version = store.listing.version
    if version > VERSION:
        raise StoreError(_newer(store, version))
    if version < VERSION:
        raise StoreError(tr(EARLIER_COPY, name=store, version=version, known=VERSION))
    return store

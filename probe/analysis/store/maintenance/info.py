"""Describe a store: version, months, numbers and sizes. Nothing but the database and the ends of files is read."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from probe.analysis.store.columns import TABLES
from probe.analysis.store.files import sizes_of, table_files
from probe.analysis.store.identity_index import INDEX, index_files, reading_part
from probe.analysis.store.manifest import NAME, files_in, rejected_count
from probe.analysis.store.versions import VERSION, check_known, reading
from probe.files import open_regular

if TYPE_CHECKING:
    from probe.analysis.object_storage.bucket_store import BucketStore


def info(store: "Path | BucketStore") -> dict[str, Any]:
    """Return what a store of any known version holds, as one object that JSON can hold.

    `waiting` counts measurements that an interrupted ingest left and the next one adds. `bytes` has one entry per
    table, one for the identities, and one for the database. Raises StoreError, and ResultsError for a bucket.
    """
    version = check_known(store)
    months = sorted({_month(path) for path in _paths(store)})
    return {
        "version": version or VERSION,
        "measurements": _measurements(store),
        "waiting": _waiting(store, version),
        "first_month": months[0] if months else None,
        "last_month": months[-1] if months else None,
        "rejected_lines": rejected_count(store) if version else 0,
        "input_files": len(files_in(store)) if version else 0,
        "files": sizes_of(store)[0] if isinstance(store, Path) else len(store.listing.files),
        "bytes": _bytes(store),
    }


def _paths(store: "Path | BucketStore") -> Iterable[Path]:
    """Return the files of the table `measurements`."""
    if isinstance(store, Path):
        return table_files(store, "measurements")
    return map(Path, store.files("measurements"))


def _measurements(store: "Path | BucketStore") -> int:
    if isinstance(store, Path):
        return sum(rows_in(file) for file in table_files(store, "measurements"))
    return store.rows("measurements")


def _bytes(store: "Path | BucketStore") -> dict[str, int]:
    if not isinstance(store, Path):
        folders = {name: store.files(name).values() for name in (*TABLES, INDEX)}
        sizes = {name: sum(stored.size for stored in files) for name, files in folders.items()}
        return {**sizes, "database": len(store.database)}
    on_disk = {table: table_files(store, table) for table in TABLES} | {INDEX: index_files(store)}
    sizes = {name: sum(file.stat().st_size for file in files) for name, files in on_disk.items()}
    return {**sizes, "database": (store / NAME).stat().st_size}


def _waiting(store: "Path | BucketStore", version: int) -> int:
    table = {0: "", 1: "pieces"}.get(version, "staged")
    if not table:
        return 0
    with reading(store) as database:
        return int(database.execute(f"SELECT COALESCE(sum(lines), 0) FROM {table}").fetchone()[0])


def _month(file: Path) -> str:
    """Return the month of a file in a folder `month=2026-01`, or `day=2026-01-31/probe_cc=DE` of version 1."""
    place = file.parent if "month=" in file.parent.name else file.parent.parent
    return place.name.partition("=")[2][:7]


def rows_in(file: Path) -> int:
    """Return the number of rows in a file of a table. Raises StoreError."""
    with reading_part(file), open_regular(file) as opened:
        return int(pq.read_metadata(opened).num_rows)

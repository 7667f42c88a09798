"""Write a store's table to one file in a format of other programs: parquet, csv, jsonl or sqlite."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probe.analysis.store.columns import TABLES, schema
from probe.analysis.store.csv_cells import joined, write_csv
from probe.analysis.store.database import os_error_of
from probe.analysis.store.files import write_rows
from probe.analysis.store.manifest import StoreError
from probe.analysis.store.views import Store
from probe.messages import listed, tr
from probe.platforms.durability import sync_file
from probe.results import full_disk, is_full, reason_of

if TYPE_CHECKING:
    from probe.analysis.object_storage.bucket_store import BucketStore

Batches = Iterator[Any]
_SQL_NAMES = {"int64": "INTEGER", "bool": "INTEGER", "double": "REAL"}


def export(store: "Path | BucketStore", table: str, out: Path, kind: str) -> int:
    """Write a table of the store to a new file in small batches, and return the number of rows.

    Raises StoreError, FullDisk, and ResultsError for a bucket, and leaves no file in this case.
    """
    if table not in TABLES:
        raise StoreError(tr("There is no table '{table}'. Tables: {known}.", table=table, known=listed(TABLES)))
    if kind not in WRITERS:
        raise StoreError(tr("There is no format '{format}'. Formats: {known}.", format=kind, known=listed(WRITERS)))
    if out.exists():
        raise StoreError(tr("The file {path} exists and is not overwritten. Give a new file.", path=out))
    part = out.with_name(out.name + ".part")
    with Store(store) as opened:
        try:
            part.unlink(missing_ok=True)
            rows = WRITERS[kind](part, table, opened.batches(f"SELECT * FROM {table}"))
            sync_file(part)
            part.replace(out)
        except (OSError, sqlite3.Error) as error:
            raise _refusal(error, out) from None
        finally:
            _remove(part)
    return rows


def _remove(part: Path) -> None:
    for left in (part, part.with_name(f"{part.name}-journal")):
        if left.exists():  # a read-only file system refuses to remove nothing
            left.unlink()


def _refusal(error: OSError | sqlite3.Error, out: Path) -> Exception:
    """Return the exception with the sentence for the user."""
    system = os_error_of(error, out.parent) if isinstance(error, sqlite3.Error) else error
    if system is not None and is_full(system):
        return full_disk(system, out)
    return StoreError(
        tr("{path} cannot be written: {reason}.", path=out, reason=reason_of(system) if system else error)
    )


def _parquet(out: Path, table: str, batches: Batches) -> int:
    return write_rows(out, batches, schema(table))


def _csv(out: Path, table: str, batches: Batches) -> int:
    with out.open("w", encoding="utf-8", newline="") as stream:
        return write_csv(stream, schema(table).names, batches)


def _jsonl(out: Path, table: str, batches: Batches) -> int:
    with out.open("w", encoding="utf-8") as stream:
        rows = 0
        for batch in batches:
            for row in batch.to_pylist():
                stream.write(json.dumps(row, allow_nan=False) + "\n")
                rows += 1
    return rows


def _sqlite(out: Path, table: str, batches: Batches) -> int:
    database, rows = sqlite3.connect(out), 0
    try:
        columns = ", ".join(f'"{column.name}" {_SQL_NAMES.get(str(column.type), "TEXT")}' for column in schema(table))
        database.execute(f"CREATE TABLE {table} ({columns})")
        places = ", ".join("?" * len(schema(table)))
        for batch in batches:
            values = [[joined(value) for value in row.values()] for row in batch.to_pylist()]
            database.executemany(f"INSERT INTO {table} VALUES ({places})", values)
            rows += len(values)
        database.commit()
    finally:
        database.close()
    return rows


WRITERS: dict[str, Callable[[Path, str, Batches], int]] = {
    "parquet": _parquet,
    "csv": _csv,
    "jsonl": _jsonl,
    "sqlite": _sqlite,
}

"""A store's table as a file that other programs read: parquet, csv, jsonl or sqlite."""

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from probe.analysis.store.columns import TABLES, schema
from probe.analysis.store.files import write_rows
from probe.analysis.store.manifest import StoreError
from probe.analysis.store.views import Store

Batches = Iterator[Any]
_SQL_NAMES = {"int64": "INTEGER", "bool": "INTEGER", "double": "REAL"}


def export(folder: Path, table: str, out: Path, kind: str) -> int:
    """Write a table of the store to a new file, in no memory to speak of; says how many rows. Raises StoreError."""
    if table not in TABLES or kind not in WRITERS:
        raise StoreError(f"a store exports {', '.join(TABLES)} as {', '.join(WRITERS)}; not {table} as {kind}")
    if out.exists():
        raise StoreError(f"{out} is there already and is left as it is; name a new file")
    part = out.with_name(out.name + ".part")
    part.unlink(missing_ok=True)
    with Store(folder) as store:
        try:
            rows = WRITERS[kind](part, table, store.batches(f"SELECT * FROM {table}"))
            part.replace(out)
        except OSError as error:
            raise StoreError(f"{out} cannot be written ({error.strerror or error})") from None
        finally:
            part.unlink(missing_ok=True)
    return rows


def _parquet(out: Path, table: str, batches: Batches) -> int:
    return write_rows(out, batches, schema(table))


def _csv(out: Path, table: str, batches: Batches) -> int:
    with out.open("w", encoding="utf-8", newline="") as stream:
        writer, rows = csv.writer(stream), 0
        writer.writerow(schema(table).names)
        for batch in batches:
            for row in batch.to_pylist():
                writer.writerow([_innocuous(_flat(value)) for value in row.values()])
                rows += 1
    return rows


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
            values = [[_flat(value) for value in row.values()] for row in batch.to_pylist()]
            database.executemany(f"INSERT INTO {table} VALUES ({places})", values)
            rows += len(values)
        database.commit()
    finally:
        database.close()
    return rows


def _flat(value: Any) -> Any:
    """Lists as texts with spaces between: names of mechanisms hold none."""
    return " ".join(value) if isinstance(value, list) else value


def _innocuous(value: Any) -> Any:
    """A spreadsheet takes a cell that begins like a formula for one, whoever wrote it into a line; so none does."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


WRITERS: dict[str, Callable[[Path, str, Batches], int]] = {
    "parquet": _parquet,
    "csv": _csv,
    "jsonl": _jsonl,
    "sqlite": _sqlite,
}

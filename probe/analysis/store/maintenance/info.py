"""Describe a store: version, months, numbers and sizes. Nothing but the ends of its files is read."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from probe.analysis.compare.verdict_table import StoreError
from probe.analysis.store.columns import TABLES
from probe.analysis.store.files import table_files
from probe.analysis.store.index import INDEX, NO_PART, index_files
from probe.analysis.store.manifest import NAME, files_in, rejected_count
from probe.analysis.store.versions import VERSION, check_known, reading
from probe.files import open_regular
from probe.messages import tr


def info(folder: Path) -> dict[str, Any]:
    """Return what a store of any known version holds, as one object that JSON can hold. Raises StoreError.

    `waiting` counts measurements that an interrupted ingest left and the next one adds. `bytes` has one entry per
    table, one for the identities, and one for the database.
    """
    version = check_known(folder)
    files = {table: table_files(folder, table) for table in TABLES}
    measurements = sum(rows_in(file) for file in files["measurements"])
    sizes = {table: sum(file.stat().st_size for file in some) for table, some in files.items()}
    sizes[INDEX] = sum(file.stat().st_size for file in index_files(folder))
    sizes["database"] = (folder / NAME).stat().st_size
    months = sorted({_month(file) for file in files["measurements"]})
    return {
        "version": version or VERSION,
        "measurements": measurements,
        "waiting": _waiting(folder, version),
        "first_month": months[0] if months else None,
        "last_month": months[-1] if months else None,
        "rejected_lines": rejected_count(folder) if version else 0,
        "input_files": len(files_in(folder)) if version else 0,
        "files": sizes_of(folder)[0],
        "bytes": sizes,
    }


def sizes_of(folder: Path) -> tuple[int, int]:
    """Return the number of all files of a store and their bytes."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def _waiting(folder: Path, version: int) -> int:
    table = {0: "", 1: "pieces"}.get(version, "staged")
    if not table:
        return 0
    with reading(folder) as database:
        return int(database.execute(f"SELECT COALESCE(sum(lines), 0) FROM {table}").fetchone()[0])


def _month(file: Path) -> str:
    """Return the month of a file in a folder `month=2026-01`, or `day=2026-01-31/probe_cc=DE` of version 1."""
    place = file.parent if "month=" in file.parent.name else file.parent.parent
    return place.name.partition("=")[2][:7]


def rows_in(file: Path) -> int:
    """Return the number of rows in a file of a table. Raises StoreError."""
    try:
        with open_regular(file) as opened:
            return int(pq.read_metadata(opened).num_rows)
    except (pa.ArrowException, OSError) as error:
        raise StoreError(tr(NO_PART, path=file, reason=str(error).partition("\n")[0])) from None

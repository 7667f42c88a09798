"""Sort the rows of any number of files into one file for each day and country, for loads and merges.

Each process handles the days whose hash falls to it, so that two processes never write to one partition.
"""

import errno
import importlib
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from probe.analysis.engines.duckdb_files import duckdb_in_memory
from probe.analysis.store.columns import PARTITIONS, hive_options, partition_schema, schema
from probe.analysis.store.files import partition, write_rows
from probe.analysis.store.manifest import StoreError
from probe.analysis.store.writing.workers import Workers
from probe.messages import tr
from probe.results import full_disk_in

MEMORY = 512  # MB for sorting in all processes together. DuckDB writes the rest to the folder `work`.
LEAST = 128  # MB that every process gets
SORTED_AT_ONCE = 0.3  # share of that memory for the bytes of rows. With 0.5 DuckDB ran out of memory.
ORDER = {
    "measurements": "day, probe_cc, line_hash",
    "observations": "day, probe_cc, line_hash, row",
    "verdicts": "day, probe_cc, line_hash, service",
}
_KEY = "(day, probe_cc, line_hash[:2])"  # rows are divided into ranges of this key. It is a prefix of ORDER.
_Key = tuple[str, str, str]
_SAMPLE_ROWS = 1000  # rows of a file that are read to estimate the size of a row


def write_sorted(sources: Mapping[str, Sequence[Path]], work: Path, name: str, pool: Workers) -> None:
    """Write each table's rows as synced files under `work`, in the folders that they will have in the tables.

    `sources` holds the files by table. Files without columns for day and country have these in their folders' names.
    """
    work.mkdir(exist_ok=True)
    shares = [(table, files, share) for table, files in sources.items() if files for share in range(pool.jobs)]
    pool.all(_write, [(table, files, work, name, share, pool.jobs) for table, files, share in shares])
    os.sync()  # once for thousands of files. One fsync per file takes as long as all the rest.


def _write(table: str, files: Sequence[Path], work: Path, name: str, share: int, shares: int) -> None:
    """Write one table's files for the days of this share."""
    rows = _sorted_rows(table, files, work / f"sorting-{table}-{share}", share, shares)
    for (day, country), batches in groupby(rows, lambda found: found[0]):
        place = work / table / partition(day, country)
        place.mkdir(parents=True, exist_ok=True)
        write_rows(place / f"{name}.parquet", (rows for _, rows in batches), partition_schema(table), sync=False)


def _sorted_rows(
    table: str, files: Sequence[Path], spill: Path, share: int, shares: int
) -> Iterator[tuple[tuple[str, str], Any]]:
    """Iterate over ((day, country), Arrow batch), partition by partition. Raises StoreError."""
    duckdb, connection = importlib.import_module("duckdb"), duckdb_in_memory()
    memory = max(MEMORY // shares, LEAST)
    try:
        connection.execute(f"SET memory_limit = '{memory}MB'")
        connection.execute(f"SET threads = {1 if shares > 1 else os.cpu_count()}")
        connection.execute("SET temp_directory = $1", [str(spill)])
        mine = f"FROM read_parquet($1, {_in_folders(files[0])}) WHERE hash(day) % {shares} = {share}"
        columns, names = ", ".join(f'"{column}"' for column in schema(table).names), [str(file) for file in files]
        most = max(1, int(memory * 1e6 * SORTED_AT_ONCE / _row_bytes(files)))
        for first, last in _ranges(connection, mine, names, most):
            found = connection.sql(
                f"SELECT {columns} {mine} AND day BETWEEN $2 AND $5 AND {_KEY} BETWEEN ($2, $3, $4) AND ($5, $6, $7) "
                f"ORDER BY {ORDER[table]}",
                params=[names, *first, *last],
            )
            for batch in found.to_arrow_reader(min(most, 50_000)):
                yield from _cut(batch)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if (full := _full_disk_in(str(error))) is not None:
            raise full from None
        reason = str(error).splitlines()[0]
        raise StoreError(tr("The rows of the store cannot be sorted: {reason}", reason=reason)) from None
    finally:
        connection.close()


def _full_disk_in(message: str) -> OSError | None:
    """Return the error of a full disk in a message of DuckDB, which by itself takes at most 90% of the free space."""
    if "max_temp_directory_size" in message:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return full_disk_in(message)


def _ranges(connection: Any, mine: str, names: list[str], most: int) -> Iterator[tuple[_Key, _Key]]:
    """Iterate over (first key, last key) of ranges of at most `most` rows, in order. One key is never divided.

    Ranges are needed, since DuckDB does not always sort on disk: it can hold wide rows in memory until the end.
    """
    counts = connection.execute(f"SELECT {_KEY} AS key, count(*) {mine} GROUP BY key ORDER BY key", [names]).fetchall()
    first, last, rows = None, None, 0
    for key, count in counts:
        if first and last and rows + count > most:
            yield first, last
            first, rows = None, 0
        first, last, rows = first or key, key, rows + count
    if first and last:
        yield first, last


def _row_bytes(files: Sequence[Path]) -> float:
    """Return the mean size of a row in memory, in bytes, from the first rows of some files."""
    size = rows = 0
    for path in files[:: max(1, len(files) // 8)]:
        with pq.ParquetFile(path) as file:
            first = next(file.iter_batches(_SAMPLE_ROWS), None)
        if first is not None:
            size, rows = size + first.nbytes, rows + first.num_rows
    return size / rows if rows else 1.0


def _in_folders(file: Path) -> str:
    """Return DuckDB's options for reading day and country from folder names. NA is a country and not a null."""
    if not file.parent.name.startswith(f"{PARTITIONS[1]}="):
        return "hive_partitioning = false"
    return hive_options()


def _cut(batch: Any) -> Iterator[tuple[tuple[str, str], Any]]:
    """Divide a sorted batch by partition, and drop the columns that the folder names contain."""
    keys = list(zip(*(batch.column(name).to_pylist() for name in PARTITIONS), strict=True))
    rest, start = batch.drop_columns(list(PARTITIONS)), 0
    for key, members in groupby(keys):
        length = sum(1 for _ in members)
        yield key, rest.slice(start, length)
        start += length

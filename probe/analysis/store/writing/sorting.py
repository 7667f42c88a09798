"""Sort the rows of any number of files into one file for each month, for loads and merges.

Each process handles some of the months, so that two processes never write to one file.
"""

import errno
import importlib
import os
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from probe.analysis.engines.duckdb_files import duckdb_in_memory, literal_name
from probe.analysis.store.columns import TABLES, schema, select_list
from probe.analysis.store.files import partition, write_whole
from probe.analysis.store.identity_index import ids_in, index_file, write_ids
from probe.analysis.store.manifest import StoreError
from probe.analysis.store.writing.workers import Workers
from probe.messages import tr
from probe.platforms.durability import sync_all
from probe.results import full_disk_in

MEMORY = 512  # MB for sorting in all processes together. DuckDB writes the rest to the folder `work`.
LEAST = 128  # MB that every process gets
SORTED_AT_ONCE = 0.2  # share of that memory for the bytes of rows. With 0.5 DuckDB ran out of memory.
ORDER = {
    "measurements": "probe_cc, probe_asn, target, line_hash",
    "observations": "probe_cc, probe_asn, target, line_hash, row",
    "verdicts": "probe_cc, probe_asn, target, line_hash, service",
}
"""The order of rows inside a file. Each measurement's rows are at the same place in all tables."""
_MONTH = "day[:7]"
# Rows are divided into ranges of this key. It is a prefix of the order of months and rows.
_KEY = f"({_MONTH}, probe_cc, probe_asn, target, line_hash[:2])"
_Key = tuple[str, str, str, str, str]
_SAMPLE_ROWS = 1000  # rows of a file that are read to estimate the size of a row
_LONG = 64  # mean bytes of a text from which on the length of each one counts


@dataclass(frozen=True)
class Sorting:
    """Describe the sorting of one table's files for one process: the months, and the name of the new files.

    `shares` is the number of processes that sort at the same time.
    """

    table: str
    files: Sequence[Path]
    months: Sequence[str]
    work: Path
    name: str
    shares: int = 1


def write_sorted(sources: Mapping[str, Sequence[Path]], work: Path, name: str, pool: Workers) -> None:
    """Write each table's rows as synced files under `work`, in the folders that they will have in the tables.

    `sources` holds the files by table. The files of identities are written too.
    """
    work.mkdir(exist_ok=True)
    pool.all(write_months, [(one,) for one in sortings(sources, months_in(sources["measurements"]), work, name, pool)])
    sync_all(work)  # once for many files


def sortings(
    sources: Mapping[str, Sequence[Path]], months: Sequence[str], work: Path, name: str, pool: Workers
) -> list[Sorting]:
    """Divide the sorting of some months by table and among the processes."""
    parts = [part for share in range(pool.jobs) if (part := months[share :: pool.jobs])]
    return [Sorting(table, sources[table], part, work, name, pool.jobs) for part in parts for table in TABLES]


def months_in(files: Sequence[Path]) -> list[str]:
    """Return the months of the rows in some files, sorted."""
    # pyarrow would look for a name that begins with ~ in the user's home, so the name is absolute
    tables = (pq.read_table(file.absolute(), columns=["day"], partitioning=None) for file in files)
    days = {day for table in tables for day in table["day"].unique()}
    return sorted({str(day)[:7] for day in days})


def write_months(one: Sorting) -> None:
    """Write one file of sorted rows for each month, and the identities for those of measurements."""
    rows = _sorted_rows(one, one.work / f"sorting-{uuid.uuid4().hex}")
    for month, batches in groupby(rows, lambda found: found[0]):
        place = one.work / one.table / partition(month)
        place.mkdir(parents=True, exist_ok=True)
        file = place / f"{one.name}.parquet"
        write_whole(file, (rows for _, rows in batches), schema(one.table))
        if one.table == "measurements":
            write_ids(index_file(file), ids_in(file))


def _sorted_rows(one: Sorting, spill: Path) -> Iterator[tuple[str, Any]]:
    """Iterate over (month, Arrow batch), month by month. Raises StoreError."""
    duckdb, connection = importlib.import_module("duckdb"), duckdb_in_memory()
    memory = max(MEMORY // one.shares, LEAST)
    try:
        connection.execute(f"SET memory_limit = '{memory}MB'")
        connection.execute(f"SET threads = {1 if one.shares > 1 else os.cpu_count()}")
        connection.execute("SET temp_directory = $1", [str(spill)])
        files = [literal_name(file) for file in one.files]
        source = "FROM read_parquet($1, hive_partitioning = false, union_by_name = true)"
        there = {name for name, *_ in connection.execute(f"DESCRIBE SELECT * {source}", [files]).fetchall()}
        months = ", ".join(f"'{month}'" for month in one.months)
        mine = f"{source} WHERE {_MONTH} IN ({months})"
        sizes, most = _row_sizes(one.files), memory * 1e6 * SORTED_AT_ONCE
        for first, last in _ranges(connection, mine, files, sizes, most):
            found = connection.sql(
                f"SELECT {_MONTH} AS month, {select_list(one.table, there)} {mine} "
                f"AND day BETWEEN '{first[0]}-01' AND '{last[0]}-31' "
                f"AND {_KEY} BETWEEN ($2, $3, $4, $5, $6) AND ($7, $8, $9, $10, $11) "
                f"ORDER BY month, {ORDER[one.table]}",
                params=[files, *first, *last],
            )
            for batch in found.to_arrow_reader(max(1, min(int(most / sizes.mean), 50_000))):
                yield from _cut(batch)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if (full := no_space_in(str(error))) is not None:
            raise full from None
        reason = str(error).splitlines()[0]
        raise StoreError(tr("The rows of the store cannot be sorted: {reason}", reason=reason)) from None
    finally:
        connection.close()


def no_space_in(message: str) -> OSError | None:
    """Return the error of a full disk in a message of DuckDB, which by itself takes at most 90% of the free space."""
    if "max_temp_directory_size" in message:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return full_disk_in(message)


@dataclass(frozen=True)
class RowSizes:
    """Describe the size of rows in memory, in bytes: the mean, the columns with long texts, and the mean of the rest.

    The length of long texts differs between months and countries, so that a mean alone misleads.
    """

    mean: float
    long_texts: tuple[str, ...]
    rest: float


def _ranges(connection: Any, mine: str, names: list[str], sizes: RowSizes, most: float) -> Iterator[tuple[_Key, _Key]]:
    """Iterate over (first key, last key) of ranges of at most `most` bytes, in order. One key is never divided.

    Ranges are needed, since DuckDB does not always sort on disk: it can hold wide rows in memory until the end.
    """
    lengths = "".join(f" + coalesce(sum(strlen({name})), 0)" for name in sizes.long_texts)
    counted = f"SELECT {_KEY} AS key, CAST(count(*) * {sizes.rest}{lengths} AS DOUBLE) {mine} GROUP BY key ORDER BY key"
    first, last, size = None, None, 0.0
    for key, bytes_of_key in connection.execute(counted, [names]).fetchall():
        if first and last and size + bytes_of_key > most:
            yield first, last
            first, size = None, 0.0
        first, last, size = first or key, key, size + bytes_of_key
    if first and last:
        yield first, last


def _row_sizes(files: Sequence[Path]) -> RowSizes:
    """Estimate the size of rows from the first rows of some files."""
    columns, rows, texts = Counter[str](), 0, set[str]()
    for path in files[:: max(1, len(files) // 8)]:
        with pq.ParquetFile(path.absolute()) as file:
            first = next(file.iter_batches(_SAMPLE_ROWS), None)
        if first is not None and first.num_rows:
            rows += first.num_rows
            columns.update({name: first.column(name).nbytes for name in first.schema.names})
            texts |= {field.name for field in first.schema if pa.types.is_string(field.type)}
    means = {name: size / rows for name, size in columns.items()}
    long = tuple(name for name, mean in means.items() if name in texts and mean > _LONG)
    mean = sum(means.values()) or 1.0
    return RowSizes(mean, long, max(1.0, mean - sum(means[name] for name in long)))


def _cut(batch: Any) -> Iterator[tuple[str, Any]]:
    """Divide a sorted batch by month."""
    rest, start = batch.drop_columns(["month"]), 0
    for month, members in groupby(batch.column("month").to_pylist()):
        length = sum(1 for _ in members)
        yield month, rest.slice(start, length)
        start += length

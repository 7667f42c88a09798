"""Find measurements by identity. Each file of the table `measurements` has one file of its sorted identities.

The files are written once, are merged with their tables' files, and have SIZE bytes per measurement and nothing else.
A search reads one month: some 24 steps in each of its few files. No part of it is held in memory.
"""

import mmap
import os
import re
import uuid
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from probe.analysis.compare.verdict_table import StoreError
from probe.analysis.observations.measurement_identity import SIZE
from probe.analysis.store.files import partition, table_files
from probe.files import open_regular
from probe.messages import mark, tr

NO_PART = mark("{path} cannot be read as a part of a store: {reason}")
_MONTH = re.compile(r"\d{4}-\d\d")
INDEX, SUFFIX = "index", ".ids"
BATCH_ROWS = 8192


class Index:
    """Search the identities of a store's loaded measurements."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: dict[str, list[mmap.mmap]] = {}

    def holds(self, month: str, identity: bytes) -> bool:
        """Return True if a measurement of that month has this identity."""
        if not _MONTH.fullmatch(month):  # of an invalid measurement, which no store has
            return False
        if month not in self._opened:
            files = sorted((self._folder / INDEX / partition(month)).glob(f"*{SUFFIX}"))
            self._opened[month] = [_mapped(file) for file in files if file.stat().st_size]
        return any(_contains(ids, identity) for ids in self._opened[month])

    def close(self) -> None:
        """Close the files. The next search opens those that are there then."""
        for ids in (ids for month in self._opened.values() for ids in month):
            ids.close()
        self._opened.clear()


@contextmanager
def reading_part(path: Path) -> Iterator[None]:
    """Raise StoreError in place of the errors of a file that is damaged, missing or no part of a store."""
    try:
        yield
    except StoreError:
        raise
    except (pa.ArrowException, KeyError, OSError, TypeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise StoreError(tr(NO_PART, path=path, reason=reason)) from None


def batches_of(path: Path, columns: list[str] | None = None) -> Iterator[Any]:
    """Iterate over the rows of a file of a table as Arrow batches. Raises StoreError."""
    with reading_part(path), open_regular(path) as opened, pq.ParquetFile(opened) as file:
        yield from file.iter_batches(BATCH_ROWS, columns=columns)


def write_ids(path: Path, ids: Iterable[bytes]) -> None:
    """Write identities to a new file, sorted. The file appears as a whole, as those of `write_whole`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid.uuid4().hex}")
    part.write_bytes(b"".join(sorted(ids)))
    os.replace(part, path)


def read_ids(path: Path) -> list[bytes]:
    """Return the identities in a file. Raises StoreError."""
    with reading_part(path), open_regular(path) as file:
        raw = file.read()
    return [raw[place : place + SIZE] for place in range(0, len(raw), SIZE)]


def ids_in(measurements: Path) -> list[bytes]:
    """Return the identities in a file of the table `measurements`, in its order. Raises StoreError."""
    with reading_part(measurements), open_regular(measurements) as opened:
        hashes = pq.ParquetFile(opened).read(["line_hash"]).column("line_hash")
        return [bytes.fromhex(text) for text in hashes.to_pylist()]


def index_file(measurements: Path) -> Path:
    """Return the file of identities that belongs to a file of the table `measurements`."""
    table = measurements.parent.parent
    return table.parent / INDEX / measurements.parent.name / f"{measurements.stem}{SUFFIX}"


def index_files(folder: Path) -> list[Path]:
    """Return every file of identities, sorted."""
    return sorted((folder / INDEX).rglob(f"*{SUFFIX}"))


def make_index(folder: Path) -> None:
    """Write the missing files of identities for the measurements under a folder."""
    for file in table_files(folder, "measurements"):
        if not index_file(file).exists():
            write_ids(index_file(file), ids_in(file))


def _mapped(file: Path) -> mmap.mmap:
    with file.open("rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


def _contains(ids: mmap.mmap, identity: bytes) -> bool:
    count = len(ids) // SIZE
    place = bisect_left(range(count), identity, key=lambda n: ids[n * SIZE : n * SIZE + SIZE])
    return place < count and ids[place * SIZE : place * SIZE + SIZE] == identity

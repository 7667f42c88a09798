"""Load staged files into the tables, and merge small files of a month into larger ones, in all tables or in none.

Files are merged while an ingest goes on. A file is as large as the largest of the files with its name in all tables.
Merging files of similar size rewrites each row a few times in all, and not once in every load.
"""

import math
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from probe.analysis.store.columns import TABLES
from probe.analysis.store.files import WORK, month_of, sizes_of, staged_file, table_files
from probe.analysis.store.identity_index import index_file
from probe.analysis.store.manifest import Manifest
from probe.analysis.store.versions import check_current
from probe.analysis.store.writing.moves import move, open_for_writing, remove_replaced
from probe.analysis.store.writing.sorting import sortings, write_months, write_sorted
from probe.analysis.store.writing.workers import Workers, result_of, workers
from probe.platforms.durability import sync_all


def load_staged(folder: Path, manifest: Manifest, pool: Workers) -> None:
    """Load all staged files into the tables. The next ingest repeats a killed load."""
    staged = list(manifest.staged())
    if not staged:
        return
    name = uuid.uuid4().hex
    files = {table: [staged_file(folder, table, one) for one in staged] for table in TABLES}
    write_sorted(files, folder / WORK, name, pool)
    move(folder, manifest, name)
    manifest.finish_load(name)
    for table in TABLES:
        for one in staged:
            staged_file(folder, table, one).unlink()


MB = 10**6
LEAST_BYTES, MOST_BYTES = 64 * MB, 256 * MB  # of a file, where there is as much
TIERS = ((1 * MB, 2), (8 * MB, 8), (LEAST_BYTES, 8))  # size below, and number of such files that are merged


@dataclass(frozen=True)
class Part:
    """Hold the files of one month and name in all tables: their paths inside the store, and the largest size."""

    month: str
    files: dict[str, Path]
    size: int


@dataclass(frozen=True)
class _Merge:
    name: str
    parts: list[Part]
    running: "list[Future[Any]]"


class Merger:
    """Write merged files in worker processes. `finish` puts them in place."""

    def __init__(self, folder: Path, manifest: Manifest, pool: Workers) -> None:
        self._folder, self._manifest, self._pool = folder, manifest, pool
        self._merges: list[_Merge] = []

    def begin(self, groups: list[list[Part]]) -> None:
        """Start the merging of each group into one file."""
        (self._folder / WORK).mkdir(exist_ok=True)
        for parts in groups:
            name = uuid.uuid4().hex
            sources = {
                table: [self._folder / part.files[table] for part in parts if table in part.files] for table in TABLES
            }
            tasks = sortings(sources, [parts[0].month], self._folder / WORK, name, self._pool)
            running = [self._pool.submit(write_months, one) for one in tasks if one.files]
            self._merges.append(_Merge(name, parts, running))

    def finish(self) -> None:
        """Wait for the merged files, and put them in place of the others."""
        merges, self._merges = self._merges, []
        for merge in merges:
            for future in merge.running:
                result_of(future)
        if merges:
            sync_all(self._folder)
        for merge in merges:
            replaced = [path for part in merge.parts for path in part.files.values()]
            move(self._folder, self._manifest, merge.name, replaced)
            self._manifest.finish_merge(merge.name)
            remove_replaced(self._folder)

    def merge_crowded(self) -> None:
        """Merge until no month has too many files of one size."""
        self.finish()
        while groups := crowded(self._folder):
            self.begin(groups)
            self.finish()


def parts_of(folder: Path) -> Iterator[Part]:
    """Iterate over the files of a store by month and name, in this order."""
    files = {table: {_place(file): file for file in table_files(folder, table)} for table in TABLES}
    for place, file in files["measurements"].items():
        found = {table: there[place] for table, there in files.items() if place in there}
        size = max(one.stat().st_size for one in found.values())
        named = found | {"index": index_file(file)}
        yield Part(month_of(file), {table: path.relative_to(folder) for table, path in named.items()}, size)


def crowded(folder: Path) -> list[list[Part]]:
    """Return the groups of files that are merged during an ingest: of one month, of similar and small size."""
    groups = []
    for _, parts in groupby(parts_of(folder), lambda part: part.month):
        of_tier = {number: list[Part]() for number in range(len(TIERS))}
        for part in parts:
            if part.size < LEAST_BYTES:
                of_tier[next(number for number, (below, _) in enumerate(TIERS) if part.size < below)].append(part)
        for number, some in of_tier.items():
            groups += packed(some) if len(some) >= TIERS[number][1] else []
    return groups


def small(folder: Path, most: int = MOST_BYTES) -> list[list[Part]]:
    """Return the groups of files that `compact` merges: those of a month below a quarter of `most` bytes."""
    groups = []
    for _, parts in groupby(parts_of(folder), lambda part: part.month):
        groups += packed([part for part in parts if part.size < most // 4], most)
    return groups


def packed(parts: list[Part], most: int = MOST_BYTES) -> list[list[Part]]:
    """Divide small files into groups of similar size, of at most `most` bytes. A group has two files or more."""
    count = max(1, math.ceil(sum(part.size for part in parts) / (most - most // 4)))
    groups: list[list[Part]] = [[] for _ in range(count)]
    for part in sorted(parts, key=lambda part: -part.size):
        min(groups, key=lambda group: sum(one.size for one in group)).append(part)
    return [group for group in groups if len(group) > 1]


def _place(file: Path) -> tuple[str, str]:
    return month_of(file), file.stem


def compact(folder: Path, *, jobs: int = 1, file_mb: int = MOST_BYTES // MB) -> dict[str, int]:
    """Merge small files into ones of a quarter of `file_mb` to `file_mb`, where a month has as much.

    Returns {"files_before", "files", "bytes_before", "bytes"}. Raises StoreError and FullDisk.
    """
    check_current(folder)
    with open_for_writing(folder) as manifest, workers(jobs) as pool:
        files_before, bytes_before = sizes_of(folder)
        load_staged(folder, manifest, pool)
        merger = Merger(folder, manifest, pool)
        merger.begin(small(folder, file_mb * MB))
        merger.finish()
        manifest.shrink()
        files, size = sizes_of(folder)
    return {"files_before": files_before, "files": files, "bytes_before": bytes_before, "bytes": size}

"""Remove measurements from a store: their rows, their identities, and the bytes of both on the disk.

Afterwards the store is as if they had never been added. A file that holds them and is ingested again adds them again.
"""

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from probe.analysis.store.columns import TABLES, fitted, schema
from probe.analysis.store.files import WORK, write_rows
from probe.analysis.store.identity_index import batches_of, make_index, reading_part
from probe.analysis.store.versions import check_current
from probe.analysis.store.writing.merge import Part, load_staged, parts_of
from probe.analysis.store.writing.moves import move, open_for_writing, remove_replaced
from probe.analysis.store.writing.workers import workers
from probe.platforms.durability import sync_all


@dataclass(frozen=True)
class Selection:
    """Describe measurements: begun before a day, of a country, of a run. All that are given must hold.

    `run` is the id of a run of our probe, or the report id of OONI's measurements.
    """

    before: str = ""
    cc: str = ""
    run: str = ""

    def matches(self, rows: Any) -> Any:
        """Return an Arrow array of booleans for rows of the table `measurements`."""
        held = [pc.less(rows["day"], self.before)] if self.before else []
        held += [pc.equal(rows["probe_cc"], self.cc)] if self.cc else []
        held += [pc.equal(rows["run_id"], self.run)] if self.run else []
        found = held[0]
        for one in held[1:]:
            found = pc.and_(found, one)
        return pc.fill_null(found, False)


def count(folder: Path, selection: Selection) -> int:
    """Return the number of measurements of a store that are selected. Raises StoreError."""
    check_current(folder)
    return sum(len(_selected(folder / part.files["measurements"], selection)) for part in parts_of(folder))


def forget(folder: Path, selection: Selection, *, jobs: int = 1) -> int:
    """Remove the selected measurements, and return their number. Raises StoreError and FullDisk.

    A kill leaves the store with all of them, or without any. The same command then removes them, or finds none.
    """
    check_current(folder)
    with open_for_writing(folder) as manifest, workers(jobs) as pool:
        load_staged(folder, manifest, pool)
        name, replaced, removed = uuid.uuid4().hex, list[Path](), 0
        for number, part in enumerate(parts_of(folder)):
            if hashes := _selected(folder / part.files["measurements"], selection):
                _write_others(folder, part, hashes, f"{name}-{number}")
                replaced += part.files.values()
                removed += len(hashes)
        if not removed:
            return 0
        make_index(folder / WORK)
        sync_all(folder)
        move(folder, manifest, name, replaced)
        manifest.finish_forget(name, selection.run)
        remove_replaced(folder)
        shutil.rmtree(folder / WORK)
        manifest.shrink()
    return removed


def _selected(file: Path, selection: Selection) -> list[str]:
    """Return the identities of the selected measurements in a file."""
    found: list[str] = []
    with reading_part(file):
        for batch in batches_of(file, ["line_hash", "day", "probe_cc", "run_id"]):
            found += batch.filter(selection.matches(batch))["line_hash"].to_pylist()
    return found


def _write_others(folder: Path, part: Part, hashes: list[str], name: str) -> None:
    """Write the rows of all other measurements under `work`, in the same order. A file without rows is left out."""
    unwanted = pa.array(hashes, "string")
    for table in (table for table in TABLES if table in part.files):
        made = folder / WORK / part.files[table].with_name(f"{name}.parquet")
        made.parent.mkdir(parents=True, exist_ok=True)
        others = (
            batch.filter(pc.invert(pc.is_in(batch["line_hash"], value_set=unwanted)))
            for batch in batches_of(folder / part.files[table])
        )
        if not write_rows(made, _fitting(others, table), schema(table), sync=False):
            made.unlink()


def _fitting(batches: Iterator[Any], table: str) -> Iterator[Any]:
    """Iterate over the batches that have rows. Those of another release get the columns that they lack."""
    for batch in batches:
        if batch.num_rows:
            yield fitted(batch, table)

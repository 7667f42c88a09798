"""Write the table `verdicts` again from the two other tables, so that new rules never need the results files."""

import time
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from probe.analysis.store.columns import COPIED, default, schema, verdict_row
from probe.analysis.store.files import WORK, table_files, write_rows
from probe.analysis.store.flatten import COLUMNS, Flat, facts_from, head_from
from probe.analysis.store.index import NO_PART
from probe.analysis.store.judging import judged, without_garbage_collection
from probe.analysis.store.manifest import StoreError
from probe.analysis.store.writing.ingest import open_for_writing
from probe.analysis.store.writing.workers import workers
from probe.analysis.verdicts.verdicts import Flattened
from probe.files import open_regular
from probe.messages import tr
from probe.platforms.durability import sync_all

READ_LINES, READ_ROWS = 2048, 4096


def rejudge(folder: Path, *, jobs: int = 1) -> dict[str, float]:
    """Judge every measurement of a store again, and replace the old verdicts at the end.

    Returns {"measurements", "verdicts", "seconds"}. After a kill the store has its old verdicts. After a kill during
    the replacement some files have new verdicts. The column `ruleset` distinguishes them. Raises StoreError.
    """
    began, counts = time.monotonic(), [0, 0]
    with open_for_writing(folder), workers(jobs) as pool:
        made = folder / WORK
        made.mkdir(exist_ok=True)
        files = [file.relative_to(folder / "measurements") for file in table_files(folder, "measurements")]
        for done in pool.all(judge_file, [(folder, file, made / file) for file in files]):
            counts = [sum(pair) for pair in zip(counts, done, strict=True)]
        put_in_place(folder, files)
    seconds = round(time.monotonic() - began, 3)
    return {"measurements": counts[0], "verdicts": counts[1], "seconds": seconds}


def put_in_place(folder: Path, files: Sequence[Path]) -> None:
    """Replace the old verdicts by those under `work`."""
    sync_all(folder)  # once for thousands of files. One fsync per file takes longer than judging them.
    for file in files:
        (folder / "verdicts" / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / WORK / file).replace(folder / "verdicts" / file)


def judge_file(folder: Path, file: Path, made: Path) -> tuple[int, int]:
    """Write the verdicts of one file of measurements to `made`. Returns the numbers of measurements and verdicts."""
    counts = [0, 0]
    made.parent.mkdir(parents=True, exist_ok=True)
    write_rows(made, _batches(folder, file, counts), schema("verdicts"), sync=False)
    return counts[0], counts[1]


def _batches(folder: Path, file: Path, counts: list[int]) -> Iterator[Any]:
    flats = flats_in(folder, file)
    while some := list(islice(flats, READ_LINES)):
        with without_garbage_collection():
            rows = [verdict_row(record, flat.measurement) for flat, found in _judged(some) for record in found]
        counts[0] += len(some)
        counts[1] += len(rows)
        yield from pa.Table.from_pylist(rows, schema("verdicts")).to_batches()


def _judged(flats: Sequence[Flat]) -> Iterator[tuple[Flat, list[dict[str, Any]]]]:
    """Judge measurements from their rows alone."""
    yield from zip(flats, judged(map(_flattened, flats), len(flats)), strict=True)


def _flattened(flat: Flat) -> Flattened:
    row = flat.measurement
    facts = facts_from(row, flat.observations)
    return Flattened(facts, head_from(row), row["measurement_file"], row["measurement_line"])


def flats_in(folder: Path, file: Path) -> Iterator[Flat]:
    """Iterate over the measurements of one file with their rows. Both tables have one order and are read in parts."""
    by_line = groupby(_rows(folder, "observations", file, ("line_hash", *COLUMNS)), itemgetter(0))
    observed, names = next(by_line, None), schema("measurements").names
    for row in _rows(folder, "measurements", file, names):
        measurement = dict(zip(names, row, strict=True))
        flat = Flat(measurement, [])
        if observed is not None and observed[0] == measurement["line_hash"]:
            flat.observations.extend(values[1:] for values in observed[1])
            observed = next(by_line, None)
        yield flat


def _rows(folder: Path, table: str, file: Path, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Iterate over rows as tuples, built column by column. Building dicts would take longer than judging.

    Columns that the file lacks have their defaults. Raise StoreError for a file that is no table of a store.
    """
    path = folder / table / file
    if not path.exists():  # measurements without any transaction have no observations
        return
    try:
        with open_regular(path) as opened, pq.ParquetFile(opened) as opened_file:
            there = [name for name in columns if name in opened_file.schema_arrow.names]
            absent = {name: default(table, name) for name in columns if name not in there}
            for batch in opened_file.iter_batches(READ_ROWS, columns=there):
                found = {name: batch.column(name).to_pylist() for name in there}
                found |= {name: [value] * batch.num_rows for name, value in absent.items()}
                found |= {name: found[source] for name, source in COPIED.items() if name in absent}
                yield from zip(*(found[name] for name in columns), strict=True)
    except (pa.ArrowException, KeyError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise StoreError(tr(NO_PART, path=path, reason=reason)) from None

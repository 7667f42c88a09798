"""Write the table `verdicts` again from the two other tables, so that new rules never need the results files."""

import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from probe.analysis.store.columns import schema, verdict_rows
from probe.analysis.store.files import WORK, table_files, write_rows
from probe.analysis.store.flatten import Flat, facts_from, head_from
from probe.analysis.store.judging import judged, without_garbage_collection
from probe.analysis.store.rejudging.stored_rows import Piece, flats_in, pieces_of
from probe.analysis.store.writing.ingest import open_for_writing
from probe.analysis.store.writing.workers import Workers, workers
from probe.analysis.verdicts.verdicts import Flattened
from probe.platforms.durability import sync_all

PIECE = 50_000  # measurements that one worker judges at a time
# Limits of what is judged together. More needs more memory, and with less, planning the statements is repeated.
MOST_MEASUREMENTS, MOST_OBSERVATIONS = 8192, 32_000


def rejudge(folder: Path, *, jobs: int = 1) -> dict[str, float]:
    """Judge every measurement of a store again, and replace the old verdicts at the end.

    Returns {"measurements", "verdicts", "seconds"}. After a kill the store has its old verdicts. After a kill during
    the replacement some files have new verdicts. The column `ruleset` distinguishes them. Raises StoreError.
    """
    began = time.monotonic()
    with open_for_writing(folder), workers(jobs) as pool:
        (folder / WORK).mkdir(exist_ok=True)
        files = [file.relative_to(folder / "measurements") for file in table_files(folder, "measurements")]
        counts = _judge_files(folder, files, pool)
        put_in_place(folder, files)
    seconds = round(time.monotonic() - began, 3)
    return {"measurements": counts[0], "verdicts": counts[1], "seconds": seconds}


def _judge_files(folder: Path, files: Sequence[Path], pool: Workers) -> tuple[int, int]:
    """Write the verdicts of all files under `work`. Workers share a month, and its parts are joined at the end."""
    parts = [
        (folder, file, piece, folder / WORK / file.with_suffix(f".{number}"))
        for file, pieces in zip(files, pool.all(pieces_of, [(folder, file, PIECE) for file in files]), strict=True)
        for number, piece in enumerate(pieces)
    ]
    counts = pool.all(judge_piece, parts)
    pool.all(_join, [(folder / WORK / file, [part[3] for part in parts if part[1] == file]) for file in files])
    return sum(measurements for measurements, _ in counts), sum(verdicts for _, verdicts in counts)


def _join(made: Path, parts: Sequence[Path]) -> None:
    """Write the rows of several files into one, and remove them."""
    if len(parts) == 1:
        parts[0].replace(made)
        return
    write_rows(made, chain.from_iterable(map(_batches_in, parts)), schema("verdicts"), sync=False)
    for part in parts:
        part.unlink()


def _batches_in(file: Path) -> Iterator[Any]:
    with pq.ParquetFile(file) as opened:
        yield from opened.iter_batches()


def put_in_place(folder: Path, files: Sequence[Path]) -> None:
    """Replace the old verdicts by those under `work`."""
    sync_all(folder)  # once for thousands of files. One fsync per file takes longer than judging them.
    for file in files:
        (folder / "verdicts" / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / WORK / file).replace(folder / "verdicts" / file)


def judge_file(folder: Path, file: Path, made: Path) -> tuple[int, int]:
    """Write the verdicts of one file of measurements to `made`. Returns the numbers of measurements and verdicts."""
    whole = Piece(0, pq.read_metadata(folder / "measurements" / file).num_rows, 0)
    return judge_piece(folder, file, whole, made)


def judge_piece(folder: Path, file: Path, piece: Piece, made: Path) -> tuple[int, int]:
    """Write the verdicts of some measurements to `made`. Returns the numbers of measurements and verdicts."""
    counts = [0, 0]
    made.parent.mkdir(parents=True, exist_ok=True)
    write_rows(made, _batches(folder, file, piece, counts), schema("verdicts"), sync=False)
    return counts[0], counts[1]


def _batches(folder: Path, file: Path, piece: Piece, counts: list[int]) -> Iterator[Any]:
    flats = flats_in(folder, file, piece)
    for first in flats:
        measurements = list[dict[str, Any]]()
        some = _some(chain([first], flats), measurements)
        with without_garbage_collection():
            found = list(judged(some, piece.end - piece.first - counts[0]))
            rows = [row for own, some in zip(measurements, found, strict=True) for row in verdict_rows(some, own)]
        counts[0] += len(measurements)
        counts[1] += len(rows)
        yield from pa.Table.from_pylist(rows, schema("verdicts")).to_batches()


def _some(flats: Iterator[Flat], measurements: list[dict[str, Any]]) -> Iterator[Flattened]:
    """Iterate over as many measurements as are judged together. What their verdicts repeat is added to a list."""
    observations = 0
    for flat in flats:
        row = flat.measurement
        measurements.append({name: value for name, value in row.items() if name not in {"facts", "path"}})
        observations += len(flat.observations)
        yield Flattened(
            facts_from(row, flat.observations), head_from(row), row["measurement_file"], row["measurement_line"]
        )
        if len(measurements) >= MOST_MEASUREMENTS or observations >= MOST_OBSERVATIONS:
            return

"""Write the table `verdicts` again from the two other tables, so that new rules never need the results files."""

import time
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from probe.analysis.store.columns import COPIED, default, schema, verdict_rows
from probe.analysis.store.files import WORK, table_files, write_whole
from probe.analysis.store.flatten import COLUMNS, Flat, facts_from, head_from
from probe.analysis.store.identity_index import reading_part
from probe.analysis.store.writing.batch import judged, without_garbage_collection
from probe.analysis.store.writing.moves import open_for_writing
from probe.analysis.store.writing.workers import Workers, workers
from probe.analysis.verdicts.verdicts import Flattened
from probe.files import open_regular
from probe.platforms.durability import sync_all

READ_ROWS = {"measurements": 512, "observations": 4096}  # rows in memory at once. The facts of some have 70 kB.
_LONG = frozenset({"facts", "path", "evidence"})


class Piece(NamedTuple):
    """Describe consecutive measurements of a file: their rows from `first` to before `end`, and their observations."""

    first: int
    end: int
    first_observation: int


def pieces_of(folder: Path, file: Path, size: int) -> list[Piece]:
    """Divide one file into pieces of `size` measurements, so that workers share a month. Raises StoreError."""
    folder = folder.absolute()  # pyarrow would look for a name that begins with ~ in the user's home
    path, observations = folder / "measurements" / file, folder / "observations" / file
    with reading_part(path):
        total = pq.read_metadata(path).num_rows
        firsts = range(0, total, size)
        lines = pq.read_table(path, columns=["line_hash"]).column(0).combine_chunks() if len(firsts) > 1 else None
        starts = _observations_before(observations, lines, firsts) if lines is not None else [0]
    return [Piece(first, min(first + size, total), start) for first, start in zip(firsts, starts, strict=False)]


def _observations_before(path: Path, lines: Any, firsts: Sequence[int]) -> list[int]:
    """Return how many observations belong to measurements before each of those. Both tables have one order."""
    before = [0] * len(firsts)
    if not path.exists():
        return before
    with pq.ParquetFile(path) as opened:
        for group in range(opened.num_row_groups):
            places = pc.index_in(opened.read_row_group(group, columns=["line_hash"]).column(0), value_set=lines)
            for number, first in enumerate(firsts):
                before[number] += pc.sum(pc.less(places, first)).as_py() or 0
    return before


def flats_in(folder: Path, file: Path, piece: Piece) -> Iterator[Flat]:
    """Iterate over some measurements of one file with their rows. Both tables have one order and are read in parts."""
    observations = _rows(folder, "observations", file, ("line_hash", *COLUMNS), piece.first_observation)
    by_line, names = groupby(observations, itemgetter(0)), schema("measurements").names
    observed = next(by_line, None)
    for row in islice(_rows(folder, "measurements", file, names, piece.first), piece.end - piece.first):
        measurement = dict(zip(names, row, strict=True))
        flat = Flat(measurement, [])
        if observed is not None and observed[0] == measurement["line_hash"]:
            flat.observations.extend(values[1:] for values in observed[1])
            observed = next(by_line, None)
        yield flat


def _rows(folder: Path, table: str, file: Path, columns: Sequence[str], first: int) -> Iterator[tuple[Any, ...]]:
    """Iterate over rows from `first` on as tuples, built column by column. Dicts would take longer than judging.

    Columns that the file lacks have their defaults. Raise StoreError for a file that is no table of a store.
    """
    path = folder / table / file
    if not path.exists():  # measurements without any transaction have no observations
        return
    with reading_part(path), open_regular(path) as opened, pq.ParquetFile(opened) as file_rows:
        there = [name for name in columns if name in file_rows.schema_arrow.names]
        absent = {name: default(table, name) for name in columns if name not in there}
        for batch in _batches_from(file_rows, there, first, READ_ROWS[table]):
            found = {name: _values(batch.column(name), shared=name not in _LONG) for name in there}
            found |= {name: [value] * batch.num_rows for name, value in absent.items()}
            found |= {name: found[source] for name, source in COPIED.items() if name in absent}
            yield from zip(*(found[name] for name in columns), strict=True)


def _batches_from(opened: Any, columns: Sequence[str], first: int, size: int) -> Iterator[Any]:
    """Iterate over batches of `size` rows without those before `first`. Row groups that end before it are not read."""
    groups = opened.num_row_groups
    ends = list(accumulate(opened.metadata.row_group(group).num_rows for group in range(groups)))
    begun = next((group for group, end in enumerate(ends) if end > first), groups)
    skipped = first - (ends[begun - 1] if begun else 0)
    for batch in opened.iter_batches(size, columns=columns, row_groups=range(begun, groups)):
        if skipped < batch.num_rows:
            yield batch.slice(skipped)
        skipped = max(0, skipped - batch.num_rows)


def _values(column: Any, *, shared: bool) -> list[Any]:
    """Return a column as a list, `shared` with one object for equal texts. Most columns have few different ones."""
    if not shared or not pa.types.is_string(column.type):
        values: list[Any] = column.to_pylist()
        return values
    encoded = column.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    return [None if place is None else texts[place] for place in encoded.indices.to_pylist()]


PIECE = 50_000  # measurements that one worker judges at a time
# Limits of what is judged together. More needs more memory, and with less, planning the statements is repeated.
MOST_MEASUREMENTS, MOST_OBSERVATIONS = 8192, 32_000


def rejudge(folder: Path, *, jobs: int = 1) -> dict[str, float]:
    """Judge every measurement of a store again with `jobs` processes. Raises StoreError."""
    with workers(jobs) as pool:
        return rejudge_with(pool, folder)


def rejudge_with(pool: Workers, folder: Path) -> dict[str, float]:
    """Judge every measurement of a store again, and replace the old verdicts at the end.

    Returns {"measurements", "verdicts", "seconds"}. After a kill the store has its old verdicts. After a kill during
    the replacement some files have new verdicts. The column `ruleset` distinguishes them. Raises StoreError.
    """
    began = time.monotonic()
    with open_for_writing(folder):
        (folder / WORK).mkdir(exist_ok=True)
        files = [file.relative_to(folder / "measurements") for file in table_files(folder, "measurements")]
        counts = _judge_files(folder, files, pool)
        _put_in_place(folder, files)
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
    write_whole(made, chain.from_iterable(map(_batches_in, parts)), schema("verdicts"))
    for part in parts:
        part.unlink()


def _batches_in(file: Path) -> Iterator[Any]:
    with pq.ParquetFile(file.absolute()) as opened:
        yield from opened.iter_batches()


def _put_in_place(folder: Path, files: Sequence[Path]) -> None:
    """Replace the old verdicts by those under `work`."""
    sync_all(folder)  # once for thousands of files. One fsync per file takes longer than judging them.
    for file in files:
        (folder / "verdicts" / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / WORK / file).replace(folder / "verdicts" / file)


def judge_piece(folder: Path, file: Path, piece: Piece, made: Path) -> tuple[int, int]:
    """Write the verdicts of some measurements to `made`. Returns the numbers of measurements and verdicts."""
    counts = [0, 0]
    made.parent.mkdir(parents=True, exist_ok=True)
    write_whole(made, _batches(folder, file, piece, counts), schema("verdicts"))
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
        measurements.append({name: value for name, value in row.items() if name not in _LONG})
        observations += len(flat.observations)
        yield Flattened(
            facts_from(row, flat.observations), head_from(row), row["measurement_file"], row["measurement_line"]
        )
        if len(measurements) >= MOST_MEASUREMENTS or observations >= MOST_OBSERVATIONS:
            return

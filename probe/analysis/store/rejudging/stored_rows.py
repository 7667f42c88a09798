"""Read the measurements of a store with their rows, to judge them from the store alone."""

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from probe.analysis.store.columns import COPIED, default, schema
from probe.analysis.store.flatten import COLUMNS, Flat
from probe.analysis.store.index import NO_PART
from probe.analysis.store.manifest import StoreError
from probe.files import open_regular
from probe.messages import tr

READ_ROWS = {"measurements": 512, "observations": 4096}  # rows in memory at once. The facts of some have 70 kB.
_LONG = frozenset({"facts", "path"})


class Piece(NamedTuple):
    """Describe consecutive measurements of a file: their rows from `first` to before `end`, and their observations."""

    first: int
    end: int
    first_observation: int


def pieces_of(folder: Path, file: Path, size: int) -> list[Piece]:
    """Divide one file into pieces of `size` measurements, so that workers share a month. Raises StoreError."""
    path, observations = folder / "measurements" / file, folder / "observations" / file
    try:
        total = pq.read_metadata(path).num_rows
        firsts = range(0, total, size)
        lines = pq.read_table(path, columns=["line_hash"]).column(0).combine_chunks() if len(firsts) > 1 else None
        starts = _observations_before(observations, lines, firsts) if lines is not None else [0]
    except (pa.ArrowException, KeyError, OSError) as error:
        raise _no_part(path, error) from None
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
    try:
        with open_regular(path) as opened, pq.ParquetFile(opened) as opened_file:
            there = [name for name in columns if name in opened_file.schema_arrow.names]
            absent = {name: default(table, name) for name in columns if name not in there}
            for batch in _batches_from(opened_file, there, first, READ_ROWS[table]):
                found = {name: _values(batch.column(name), shared=name not in _LONG) for name in there}
                found |= {name: [value] * batch.num_rows for name, value in absent.items()}
                found |= {name: found[source] for name, source in COPIED.items() if name in absent}
                yield from zip(*(found[name] for name in columns), strict=True)
    except (pa.ArrowException, KeyError, OSError) as error:
        raise _no_part(path, error) from None


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


def _no_part(path: Path, error: Exception) -> StoreError:
    return StoreError(tr(NO_PART, path=path, reason=str(error).partition("\n")[0]))

"""Parse, flatten and judge one batch of lines, and write its staged files. A worker process does this.

Batches are judged with the engine that is quicker for their number.
"""

import gc
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.store.columns import to_arrow, verdict_rows
from probe.analysis.store.files import staged_file, write_rows
from probe.analysis.store.flatten import Flat, flatten, head_from
from probe.analysis.verdicts.verdict_records import Record
from probe.analysis.verdicts.verdicts import Flattened, flat_measurement_of, judge_batch
from probe.messages import mark
from probe.results import Piece

MANY = 500  # measurements. DuckDB plans the statements for a second, and then takes half of SQLite's time.


def judged(measurements: Iterable[Flattened], number: int) -> Iterator[list[Record]]:
    """Iterate over the verdict records of each measurement. `number` is about how many there are.

    Both engines give the same records.
    """
    if number >= MANY:
        with DuckDBEngine() as engine:
            yield from judge_batch(measurements, engine)
        return
    rest, sqlite = iter(measurements), _sqlite()
    while batch := list(islice(rest, sqlite.most_measurements)):
        yield from judge_batch(batch, sqlite)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Disable the search for cycles, which takes a fifth of the time. A batch has almost none."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@cache
def _sqlite() -> SQLiteEngine:
    """Return the engine of this process, with its compiled statements."""
    return SQLiteEngine()


BUG = mark("This line showed a bug in the probe. Please report it:")


@dataclass(frozen=True)
class Job:
    """Describe one batch for a worker: the store, and the lines with their identities."""

    folder: Path
    lines: Sequence[tuple[bytes, Piece]]


@dataclass
class Done:
    """Hold the result of a batch: the name of its staged files, and by index in the job what was accepted and rejected.

    A rejected line has its reason.
    """

    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    taken: list[int] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)


Admitted = tuple[Flat, list[dict[str, Any]]]
"""The rows of a measurement that the store takes, and those of its verdicts."""


def work(job: Job) -> Done:
    """Write one staged file per table. Its rows do not count before the manifest records them.

    Each call has files of its own. Where a cluster runs it twice, only the files of one call are recorded.
    """
    done, flats, verdicts = Done(), list[Flat](), list[dict[str, Any]]()
    for place, found in enumerate(admit(job.lines)):
        if isinstance(found, str):
            done.rejected.append((place, found))
        else:
            done.taken.append(place)
            flats.append(found[0])
            verdicts += found[1]
    if flats:
        for name, table in to_arrow(flats, verdicts).items():
            write_rows(staged_file(job.folder, name, done.name), table.to_batches(), table.schema)
    return done


def admit(lines: Sequence[tuple[bytes, Piece]]) -> list[Admitted | str]:
    """Return the rows of each line that `read_line` has accepted, or the sentence that reports a bug in the probe."""
    with without_garbage_collection():
        try:
            return list(_together(lines))
        except Exception:  # a bug in the probe must cost its own line only, so each is judged alone
            return [_alone(line) for line in lines]


def _alone(line: tuple[bytes, Piece]) -> Admitted | str:
    try:
        return _together([line])[0]
    except Exception as bug:
        return f"{BUG} {type(bug).__name__}"


def _together(lines: Sequence[tuple[bytes, Piece]]) -> list[Admitted]:
    flats = list[Flat]()

    def measurements() -> Iterator[Flattened]:
        for identity, piece in lines:
            flat, facts = _flat(identity, piece)
            flats.append(flat)
            yield Flattened(facts, head_from(flat.measurement), piece.file, piece.number)

    records = list(judged(measurements(), len(lines)))
    return [(flat, verdict_rows(found, flat.measurement)) for flat, found in zip(flats, records, strict=True)]


def _flat(identity: bytes, piece: Piece) -> tuple[Flat, FlatMeasurement]:
    """Return a line as rows and flattened."""
    document = piece.known_document()
    facts, size = flat_measurement_of(document), len(piece.raw)
    flat = flatten(facts, document, line_hash=identity.hex(), size=size, file=piece.file, number=piece.number)
    return flat, facts

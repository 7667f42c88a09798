"""Parse, flatten and judge one batch of lines, and write its staged files. A worker process does this."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from probe.analysis.engines.engine import Engine, SQLiteEngine
from probe.analysis.observations.rows import FlatMeasurement
from probe.analysis.store.columns import to_arrow, verdict_row
from probe.analysis.store.files import staged_file, write_rows
from probe.analysis.store.flatten import Flat, facts_from, flatten, head_from
from probe.analysis.store.writing.admission import reason_rejected
from probe.analysis.verdicts.verdicts import flat_measurement_of, judge_flat
from probe.messages import mark
from probe.results import Piece, Problem

BUG = mark("This line showed a bug in the probe. Please report it:")


@dataclass(frozen=True)
class Job:
    """Describe one batch for a worker: the store, the name of the staged files, and the lines with their identities."""

    folder: Path
    name: str
    lines: Sequence[tuple[bytes, Piece]]
    now: datetime
    lab: bool


@dataclass
class Done:
    """Hold the result of a batch, by index in the job: accepted lines, and rejected lines with the reason."""

    taken: list[int] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)


def work(job: Job) -> Done:
    """Write one staged file per table. Its rows do not count before the manifest records them."""
    done, flats, verdicts = Done(), list[Flat](), list[dict[str, Any]]()
    with _without_garbage_collection():
        for place, (line_hash, piece) in enumerate(job.lines):
            found = admit(line_hash, piece, job.now, job.lab)
            if isinstance(found, str):
                done.rejected.append((place, found))
            else:
                done.taken.append(place)
                flats.append(found[0])
                verdicts += found[1]
    if flats:
        for table, rows in to_arrow(flats, verdicts).items():
            write_rows(staged_file(job.folder, table, job.name), rows.to_batches(), rows.schema)
    return done


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Disable the search for cycles, which takes a fifth of the time. A batch has almost none."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def admit(line_hash: bytes, piece: Piece, now: datetime, lab: bool) -> tuple[Flat, list[dict[str, Any]]] | str:
    """Return a measurement's rows and the rows of its verdicts, or the sentence that says why it is rejected."""
    try:
        return _admit(line_hash, piece, now, lab)
    except Exception as bug:  # a bug in the probe must cost this line only, and it is reported like any other reason
        return f"{BUG} {type(bug).__name__}"


def verdict_rows_of(flat: Flat) -> list[dict[str, Any]]:
    """Judge a measurement from its other rows alone, and return its rows of the table `verdicts`."""
    return _verdicts(facts_from(flat.measurement, flat.observations), head_from(flat.measurement), flat.measurement)


def _verdicts(facts: FlatMeasurement, head: dict[str, Any], row: dict[str, Any]) -> list[dict[str, Any]]:
    records = judge_flat(facts, head, file=row["measurement_file"], number=row["measurement_line"], engine=_engine())
    return [verdict_row(record, row) for record in records]


@cache
def _engine() -> Engine:
    """Return the engine of this process, with its cache."""
    return SQLiteEngine()


def _admit(line_hash: bytes, piece: Piece, now: datetime, lab: bool) -> tuple[Flat, list[dict[str, Any]]] | str:
    document = piece.document()
    if isinstance(document, Problem):
        return document.sentence
    if (reason := reason_rejected(document, now, lab)) is not None:
        return reason
    facts = flat_measurement_of(document)
    size = len(piece.raw)
    flat = flatten(facts, document, line_hash=line_hash.hex(), size=size, file=piece.file, number=piece.number)
    return flat, _verdicts(facts, document, flat.measurement)

"""One batch of lines → one piece of the store: parsed, flattened and judged, in a process of its own."""

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
from probe.analysis.store.flatten import Flat, facts_from, flat_of, head_from
from probe.analysis.store.writing.admission import reason_rejected
from probe.analysis.verdicts.verdicts import flat_measurement_of, judge_flat
from probe.results import Piece, Problem


@dataclass(frozen=True)
class Job:
    """What a worker is told: where to put the piece, its name, the lines with their hashes, and what to take."""

    folder: Path
    name: str
    lines: Sequence[tuple[bytes, Piece]]
    now: datetime
    lab: bool


@dataclass
class Done:
    """What came of it: by place in the job, lines taken and lines set aside with the reason."""

    taken: list[int] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)


def work(job: Job) -> Done:
    """Write the piece, one file per table, and say what is in it; nothing counts before the manifest says so."""
    done, flats, verdicts = Done(), list[Flat](), list[dict[str, Any]]()
    with _no_search_for_cycles():
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
def _no_search_for_cycles() -> Iterator[None]:
    """A batch makes millions of objects and hardly a cycle: to look for them in the midst takes a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def admit(line_hash: bytes, piece: Piece, now: datetime, lab: bool) -> tuple[Flat, list[dict[str, Any]]] | str:
    """A line's rows and its verdicts' rows; or the sentence that says why it is not taken."""
    try:
        return _take(line_hash, piece, now, lab)
    except Exception as bug:  # ours: costs this line only, and is told like any other reason
        return f"brought a bug of probe to light: {type(bug).__name__}"


def verdict_rows_of(flat: Flat) -> list[dict[str, Any]]:
    """A line's rows of the table `verdicts`, from nothing but its other rows."""
    return _verdicts(facts_from(flat.measurement, flat.observations), head_from(flat.measurement), flat.measurement)


def _verdicts(facts: FlatMeasurement, head: dict[str, Any], row: dict[str, Any]) -> list[dict[str, Any]]:
    records = judge_flat(facts, head, file=row["measurement_file"], number=row["measurement_line"], engine=_engine())
    return [verdict_row(record, row) for record in records]


@cache
def _engine() -> Engine:
    """One for each process, with what it has learnt."""
    return SQLiteEngine()


def _take(line_hash: bytes, piece: Piece, now: datetime, lab: bool) -> tuple[Flat, list[dict[str, Any]]] | str:
    """A line's rows and its verdicts, or why it is set aside. It is judged before its rows are taken apart."""
    line = piece.document()
    if isinstance(line, Problem):
        return line.sentence
    if (reason := reason_rejected(line, now, lab)) is not None:
        return reason
    facts = flat_measurement_of(line)
    flat = flat_of(facts, line, line_hash=line_hash.hex(), size=len(piece.raw), file=piece.file, number=piece.number)
    return flat, _verdicts(facts, line, flat.measurement)

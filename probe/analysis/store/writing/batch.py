"""Parse, flatten and judge one batch of lines, and write its staged files. A worker process does this."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from probe.analysis.observations.rows import FlatMeasurement
from probe.analysis.store.columns import to_arrow, verdict_rows
from probe.analysis.store.files import staged_file, write_rows
from probe.analysis.store.flatten import Flat, flatten, head_from
from probe.analysis.store.judging import judged, without_garbage_collection
from probe.analysis.verdicts.verdicts import Flattened, flat_measurement_of
from probe.messages import mark
from probe.results import Piece

BUG = mark("This line showed a bug in the probe. Please report it:")


@dataclass(frozen=True)
class Job:
    """Describe one batch for a worker: the store, the name of the staged files, and the lines with their identities."""

    folder: Path
    name: str
    lines: Sequence[tuple[bytes, Piece]]


@dataclass
class Done:
    """Hold the result of a batch, by index in the job: accepted lines, and rejected lines with the reason."""

    taken: list[int] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)


Admitted = tuple[Flat, list[dict[str, Any]]]
"""The rows of a measurement that the store takes, and those of its verdicts."""


def work(job: Job) -> Done:
    """Write one staged file per table. Its rows do not count before the manifest records them."""
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
            write_rows(staged_file(job.folder, name, job.name), table.to_batches(), table.schema)
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

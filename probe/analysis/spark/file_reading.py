"""Add measurements to a store on a cluster. Its machines read files twice: for identities, and to judge what is new.

In between the driver decides which lines count, in the order of the files, with the functions of one computer. One
file is read by one task at first, so that a single large file is identified by one core.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from probe.analysis.store.manifest import FileTally, StoreError
from probe.analysis.store.writing.admission import Line, file_digest, read_line
from probe.analysis.store.writing.batch import Done, Job, work
from probe.analysis.store.writing.ingest import Batch, Intake, Report
from probe.analysis.store.writing.moves import open_for_writing
from probe.analysis.store.writing.workers import Workers
from probe.messages import tr
from probe.results import STDIN, Piece, Source, read_pieces

ROUND_BYTES = 2_000_000_000  # of files that are read before the first is judged. The driver holds 300 bytes a line.

Wanted = dict[Path, dict[int, bytes]]
"""Identities by the position of the line in its file, which is no line number in an archive of OONI."""


class Read(NamedTuple):
    """Hold the digest of a file and its lines, which are missing if the file was read to its end before."""

    digest: str
    lines: list[Line]


def ingest(pool: Workers, sources: Sequence[Source], folder: Path, *, lab: bool = False) -> Report:
    """Add every measurement of the files to the store. One that the store has already counts as a duplicate.

    Every machine must have files and store under the same path. Raises StoreError.
    """
    files = [source.resolve() for source in sources if isinstance(source, Path) and source != STDIN]
    if any(not isinstance(source, Path) for source in sources):
        raise StoreError(tr("Spark reads files on disks only. Leave out --engine spark to read from s3://."))
    if len(files) < len(sources):
        raise StoreError(tr("Spark cannot read standard input. Write the measurements into a file first."))
    folder = folder.resolve()
    with open_for_writing(folder) as manifest:
        intake = Intake(manifest, folder, lab, pool)
        for some in _rounds(files):
            known = manifest.digests(lab)
            read = pool.all(identify, [(file, known, lab, intake.has_line_hashes) for file in some])
            pending = list(_batches(intake, dict(zip(some, read, strict=True))))
            wanted = [(folder, [lines for _, lines in task]) for task in _tasks(pending, pool.jobs)]
            found = (done for task in pool.all(judge, wanted) for done in task)
            for (batch, _), done in zip(pending, found, strict=True):
                intake.finish(batch, done)
        return intake.end()


def _rounds(files: Sequence[Path]) -> Iterator[list[Path]]:
    some, size = list[Path](), 0
    for file in files:
        some.append(file)
        size += file.stat().st_size
        if size >= ROUND_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def _batches(intake: Intake, read: dict[Path, Read]) -> Iterator[tuple[Batch, Wanted]]:
    """Iterate over the batches of all files, with the lines that a task must find again."""
    batch, wanted = Batch(), Wanted()
    for file, (digest, lines) in read.items():
        tally: FileTally | None = intake.begin(file, digest)
        if tally is None:
            continue
        for place, line in enumerate(lines):
            if intake.add(line, tally, batch):
                wanted.setdefault(file, {})[place] = line.identity
            if batch.full():
                yield batch, wanted
                batch, wanted = Batch(), {}
        batch.ended.append(tally)
    yield batch, wanted


def _tasks(pending: list[tuple[Batch, Wanted]], cores: int) -> Iterator[list[tuple[Batch, Wanted]]]:
    """Divide the batches evenly, so that few tasks have to read the same file."""
    size = max(1, len(pending) // (4 * cores))
    for start in range(0, len(pending), size):
        yield pending[start : start + size]


def identify(file: Path, known: frozenset[str], lab: bool, hashed: bool) -> Read:
    """Read the identities of a file on a machine of the cluster. A file whose digest is `known` is not read."""
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist on every machine of the cluster")
    digest = file_digest(file)
    if digest in known:
        return Read(digest, [])
    return Read(digest, [read_line(piece, digest, lab, hashed) for piece in read_pieces(file)])


def judge(folder: Path, batches: Sequence[Wanted]) -> list[Done]:
    """Write the staged files of some batches on a machine of the cluster."""
    return [work(Job(folder, list(_lines(wanted)))) for wanted in batches]


def _lines(wanted: Wanted) -> Iterator[tuple[bytes, Piece]]:
    for file, identities in wanted.items():
        last = max(identities)
        for place, piece in enumerate(read_pieces(file)):
            if isinstance(piece, Piece) and place in identities:
                yield identities[place], piece
            if place == last:
                break

"""Add measurements to a store. One process reads in order and finds duplicates. Workers parse, flatten and judge.

At any time each measurement of the manifest is in exactly one staged file or one file of a table. Other files are
removed when the next ingest begins, which continues where this one stopped.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from probe.analysis.store.columns import TABLES
from probe.analysis.store.files import staged_file
from probe.analysis.store.manifest import LINE_HASHES, FileTally, Manifest, Rejected
from probe.analysis.store.writing.admission import ARTIFICIAL, Line, file_digest, read_line
from probe.analysis.store.writing.batch import Done, Job, work
from probe.analysis.store.writing.merge import Merger, crowded, load_staged
from probe.analysis.store.writing.moves import open_for_writing
from probe.analysis.store.writing.workers import Workers, result_of, workers
from probe.results import Piece, Problem, RemoteFile, Source, file_name, read_pieces

BATCH_LINES, BATCH_BYTES = 4096, 64 * 1024 * 1024  # whichever is reached first. A worker holds the rows of one batch.
LOAD_BYTES = 256 * 1024 * 1024  # of staged files. Each load adds a file to every month that it touches.


@dataclass
class Report:
    """Count the lines of an ingest. Each one is accepted, a duplicate of an accepted one, or rejected."""

    files: int = 0
    lines: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    seconds: float = 0.0

    def add(self, file: FileTally) -> None:
        """Add the counts of one file."""
        self.files += 1
        self.lines += file.lines
        self.accepted += file.accepted
        self.duplicates += file.duplicates
        self.rejected += file.rejected


@dataclass
class Batch:
    """Collect lines for a worker, each with its file's counts, and the files that end with them."""

    lines: list[Line] = field(default_factory=list)
    tallies: list[FileTally] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    ended: list[FileTally] = field(default_factory=list)
    bytes: int = 0

    def full(self) -> bool:
        """Return True if a worker should get the batch."""
        return len(self.lines) + len(self.rejected) >= BATCH_LINES or self.bytes >= BATCH_BYTES


def ingest(sources: Iterable[Source], folder: Path, *, lab: bool = False, jobs: int = 1) -> Report:
    """Add every measurement of the files to the store. One that the store has already counts as a duplicate.

    Raises FullDisk, and StoreError if the store cannot be written or a worker was killed. Measurements added before
    stay.
    """
    with open_for_writing(folder) as manifest, workers(jobs) as pool:
        intake = Intake(manifest, folder, lab, pool)
        pending: deque[tuple[Batch, Future[Done]]] = deque()
        for batch, pieces in _batches(intake, sources):
            lines = [(line.identity, piece) for line, piece in zip(batch.lines, pieces, strict=True)]
            pending.append((batch, pool.submit(work, Job(folder, lines))))
            if len(pending) >= 2 * jobs:
                first, future = pending.popleft()
                intake.finish(first, result_of(future))
        for batch, future in pending:
            intake.finish(batch, result_of(future))
        return intake.end()


def _batches(intake: "Intake", sources: Iterable[Source]) -> Iterator[tuple[Batch, list[Piece]]]:
    """Iterate over the batches of all files, with a piece for each line. A batch can have lines of several files."""
    batch, pieces = Batch(), list[Piece]()
    for source in sources:
        tally = intake.begin(source, intake.known_digest(source))
        if tally is None:
            continue
        for piece in read_pieces(source):
            if intake.add(intake.read(piece, tally.digest), tally, batch) and isinstance(piece, Piece):
                pieces.append(piece)
            if batch.full():
                yield batch, pieces
                batch, pieces = Batch(), []
        if isinstance(source, RemoteFile):
            tally.digest = intake.digest_read(source)
        batch.ended.append(tally)
    yield batch, pieces


class Intake:
    """Decide which lines of the files are added, in the order of files and lines, and record this in the manifest."""

    def __init__(self, manifest: Manifest, folder: Path, lab: bool, pool: Workers) -> None:
        self._manifest, self._folder, self._lab = manifest, folder, lab
        self._report, self._began, self._pool = Report(), time.monotonic(), pool
        self._merger = Merger(folder, manifest, pool)
        self.has_line_hashes = manifest.setting(LINE_HASHES) is not None
        self._in_work: set[bytes] = set()  # identities of lines in batches that are not finished

    def known_digest(self, source: Source) -> str:
        """Return the digest of a file. An object is not read for it, so it is "" for one that is new."""
        return (
            self._manifest.digest_of_object(source.version) if isinstance(source, RemoteFile) else file_digest(source)
        )

    def begin(self, source: Source, digest: str) -> FileTally | None:
        """Return the counts of a file that must be read, None for one that was read to its end before."""
        before = self._manifest.read_before(digest, self._lab) if digest else None
        if before is not None:
            self._report.add(before)
            return None
        tally = FileTally(file_name(source), digest)
        if isinstance(source, RemoteFile):
            self._manifest.begin_object(tally.name)
            tally.digest = source.version
        return tally

    def digest_read(self, source: RemoteFile) -> str:
        """Record that an object was read to its end, and return its digest, "" if it was not."""
        if source.digest:
            self._manifest.note_object(source.version, source.digest)
        return source.digest

    def read(self, piece: Piece | Problem, digest: str) -> Line:
        """Parse a line of the file with that digest."""
        return read_line(piece, digest, self._lab, self.has_line_hashes)

    def add(self, line: Line, tally: FileTally, batch: Batch) -> bool:
        """Count a line. Return True if its measurement is added with the batch."""
        tally.lines += 1
        if self._held(line):
            tally.duplicates += 1
        elif line.reason is not None:
            batch.rejected.append(Rejected(line.identity, line.file, line.number, line.reason))
            tally.rejected += 1
            tally.of_lab += line.reason in ARTIFICIAL
        else:
            self._in_work.add(line.identity)
            batch.lines.append(line)
            batch.tallies.append(tally)
            batch.bytes += line.size
            return True
        return False

    def _held(self, line: Line) -> bool:
        """Return True if the store has the measurement, or will have it.

        A store of an earlier release has the claim in place of the identity, and a migrated store the line's hash.
        """
        if line.identity in self._in_work or self._manifest.holds(line.month, line.identity):
            return True
        if line.claim and self._manifest.holds(line.month, line.claim):
            return True
        if not line.hashed:
            return False
        self._manifest.rename_rejected(line.hashed, line.identity)
        return self._manifest.holds(line.month, line.hashed)

    def finish(self, batch: Batch, done: Done) -> None:
        """Count the result of a batch, and record it in the manifest."""
        for index in done.taken:
            batch.tallies[index].accepted += 1
        for index, reason in done.rejected:
            line = batch.lines[index]
            batch.rejected.append(Rejected(line.identity, line.file, line.number, reason))
            batch.tallies[index].rejected += 1
            batch.tallies[index].of_lab += reason in ARTIFICIAL
        taken = [batch.lines[index].identity for index in done.taken]
        claims = [batch.lines[index].claim for index in done.taken]
        self._manifest.add(done.name, self._staged_bytes(done.name), taken, batch.rejected, batch.ended, claims)
        self._in_work.difference_update(line.identity for line in batch.lines)
        for tally in batch.ended:
            self._report.add(tally)
        if self._manifest.staged_bytes() >= LOAD_BYTES:
            self._load()

    def end(self) -> Report:
        """Load what is staged, merge until no month has too many files, and return the counts."""
        self._load()
        self._merger.merge_crowded()
        self._report.seconds = round(time.monotonic() - self._began, 3)
        return self._report

    def _load(self) -> None:
        """Load the staged files, put merged files in place, and start merging others in the background."""
        load_staged(self._folder, self._manifest, self._pool)
        self._merger.finish()
        self._merger.begin(crowded(self._folder))

    def _staged_bytes(self, name: str) -> int:
        files = [staged_file(self._folder, table, name) for table in TABLES]
        return sum(file.stat().st_size for file in files if file.exists())

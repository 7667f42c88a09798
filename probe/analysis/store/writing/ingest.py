"""Add measurements to a store. One process reads in order and finds duplicates. Workers parse, flatten and judge.

At any time each measurement of the manifest is in exactly one staged file or one file of a table. Other files are
removed when the next ingest begins, which continues where this one stopped.
"""

import shutil
import sqlite3
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from probe.analysis.store.columns import TABLES
from probe.analysis.store.database import refusal
from probe.analysis.store.files import STAGED, WORK, staged_file
from probe.analysis.store.index import make_index
from probe.analysis.store.manifest import LINE_HASHES, FileTally, Manifest, Rejected
from probe.analysis.store.writing.admission import ARTIFICIAL, Line, read_line
from probe.analysis.store.writing.batch import Done, Job, work
from probe.analysis.store.writing.hashes import file_digest, line_hash
from probe.analysis.store.writing.merge import Merger, crowded
from probe.analysis.store.writing.moves import remove_replaced, undo_move
from probe.analysis.store.writing.partitions import load_staged
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
class _Batch:
    """Collect lines for a worker, each with its file's counts, and the files that end with them."""

    lines: list[tuple[bytes, Piece]] = field(default_factory=list)
    tallies: list[FileTally] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    ended: list[FileTally] = field(default_factory=list)
    bytes: int = 0

    def full(self) -> bool:
        return len(self.lines) + len(self.rejected) >= BATCH_LINES or self.bytes >= BATCH_BYTES


def ingest(sources: Iterable[Source], folder: Path, *, lab: bool = False, jobs: int = 1) -> Report:
    """Add every measurement of the files to the store. One that the store has already counts as a duplicate.

    Raises FullDisk, and StoreError if the store cannot be written or a worker was killed. Measurements added before
    stay.
    """
    began, report = time.monotonic(), Report()
    with open_for_writing(folder) as manifest, workers(jobs) as pool:
        batches = _Intake(manifest, folder, lab, report, pool)
        pending: deque[tuple[_Batch, str, Future[Done]]] = deque()
        for batch in batches.of(sources):
            name = uuid.uuid4().hex
            pending.append((batch, name, pool.submit(work, Job(folder, name, batch.lines))))
            if len(pending) >= 2 * jobs:
                batches.finish(*pending.popleft())
        while pending:
            batches.finish(*pending.popleft())
        batches.load()
        batches.merger.merge_crowded()
    report.seconds = round(time.monotonic() - began, 3)
    return report


class _Intake:
    """Make batches of new lines from files, and record the results of batches in the manifest."""

    def __init__(self, manifest: Manifest, folder: Path, lab: bool, report: Report, pool: Workers) -> None:
        self._manifest, self._folder, self._lab, self._report, self._pool = manifest, folder, lab, report, pool
        self.merger = Merger(folder, manifest, pool)
        self._has_line_hashes = manifest.setting(LINE_HASHES) is not None
        self._in_work: set[bytes] = set()  # identities of lines in batches that are not finished

    def of(self, sources: Iterable[Source]) -> Iterator[_Batch]:
        """Iterate over the batches of all files. A batch can have lines of several files, and the last can be empty."""
        batch = _Batch()
        for source in sources:
            digest = self._known_digest(source)
            before = self._manifest.read_before(digest, self._lab) if digest else None
            if before is not None:
                self._report.add(before)
                continue
            tally = FileTally(file_name(source), digest)
            if isinstance(source, RemoteFile):
                self._manifest.begin_object(tally.name)
                tally.digest = source.version
            for piece in read_pieces(source):
                self._put(piece, tally, batch)
                if batch.full():
                    yield batch
                    batch = _Batch()
            if isinstance(source, RemoteFile):
                tally.digest = self._digest_read(source)
            batch.ended.append(tally)
        yield batch

    def _known_digest(self, source: Source) -> str:
        """Return the digest of a file. An object is not read for it, so it is "" for one that is new."""
        return (
            self._manifest.digest_of_object(source.version) if isinstance(source, RemoteFile) else file_digest(source)
        )

    def _digest_read(self, source: RemoteFile) -> str:
        """Record that an object was read to its end, and return its digest, "" if it was not."""
        if source.digest:
            self._manifest.note_object(source.version, source.digest)
        return source.digest

    def _put(self, piece: Piece | Problem, tally: FileTally, batch: _Batch) -> None:
        tally.lines += 1
        line = read_line(piece, tally.digest, datetime.now(UTC), self._lab)
        if isinstance(piece, Piece) and self._held(line, piece):
            tally.duplicates += 1
        elif line.reason is not None:
            batch.rejected.append(Rejected(line.identity, piece.file, piece.number, line.reason))
            tally.rejected += 1
            tally.of_lab += line.reason in ARTIFICIAL
        elif isinstance(piece, Piece):
            self._in_work.add(line.identity)
            batch.lines.append((line.identity, piece))
            batch.tallies.append(tally)
            batch.bytes += len(piece.raw)

    def _held(self, line: Line, piece: Piece) -> bool:
        """Return True if the store has the measurement, or will have it. A migrated store can have its line's hash."""
        if line.identity in self._in_work or self._manifest.holds(line.month, line.identity):
            return True
        if not self._has_line_hashes:
            return False
        self._manifest.rename_rejected(line_hash(piece), line.identity)
        return self._manifest.holds(line.month, line_hash(piece))

    def finish(self, batch: _Batch, name: str, future: "Future[Done]") -> None:
        """Count the result of a batch, and record it in the manifest."""
        done = result_of(future)
        for index in done.taken:
            batch.tallies[index].accepted += 1
        for index, reason in done.rejected:
            one, piece = batch.lines[index]
            batch.rejected.append(Rejected(one, piece.file, piece.number, reason))
            batch.tallies[index].rejected += 1
            batch.tallies[index].of_lab += reason in ARTIFICIAL
        taken = [batch.lines[index][0] for index in done.taken]
        self._manifest.add(name, self._staged_bytes(name), taken, batch.rejected, batch.ended)
        self._in_work.difference_update(one for one, _ in batch.lines)
        for tally in batch.ended:
            self._report.add(tally)
        if self._manifest.staged_bytes() >= LOAD_BYTES:
            self.load()

    def load(self) -> None:
        """Load the staged files, put merged files in place, and start merging others in the background."""
        load_staged(self._folder, self._manifest, self._pool)
        self.merger.finish()
        self.merger.begin(crowded(self._folder))

    def _staged_bytes(self, name: str) -> int:
        files = [staged_file(self._folder, table, name) for table in TABLES]
        return sum(file.stat().st_size for file in files if file.exists())


@contextmanager
def open_for_writing(folder: Path) -> Iterator[Manifest]:
    """Lock the store for writing, and remove what a killed ingest left. Raises StoreError, and FullDisk.

    What was recorded before an error stays, and the next ingest continues.
    """
    manifest = Manifest(folder)
    try:
        _sweep(folder, manifest)
        yield manifest
    except (OSError, sqlite3.Error) as error:
        shutil.rmtree(folder / WORK, ignore_errors=True)  # the next ingest makes these files again
        raise refusal(error, folder) from None
    finally:
        manifest.close()


def _sweep(folder: Path, manifest: Manifest) -> None:
    shutil.rmtree(folder / WORK, ignore_errors=True)
    for name in manifest.unfinished_moves():
        undo_move(folder, name)
        manifest.undone(name)
    remove_replaced(folder)
    make_index(folder)
    staged_names = manifest.staged()
    for table in TABLES:
        staged = folder / STAGED / table
        staged.mkdir(parents=True, exist_ok=True)
        for file in staged.iterdir():
            if file.stem not in staged_names:
                file.unlink()

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
from probe.analysis.store.files import REPLACED, STAGED, WORK
from probe.analysis.store.manifest import FileTally, Manifest, Rejected, StoreError, os_error_of
from probe.analysis.store.writing.admission import OF_LAB
from probe.analysis.store.writing.batch import Done, Job, work
from probe.analysis.store.writing.hashes import file_digest, line_hash, problem_hash
from probe.analysis.store.writing.merge import restore_replaced
from probe.analysis.store.writing.partitions import load_staged, undo_load
from probe.analysis.store.writing.workers import Workers, result_of, workers
from probe.messages import tr
from probe.results import Piece, Problem, file_name, full_disk, is_full, read_pieces, reason_of

BATCH_LINES, BATCH_BYTES = 1024, 8 * 1024 * 1024  # whichever is reached first. A worker holds the rows of one batch.
LOAD_LINES = 250_000  # staged measurements at most. Each load adds a file to every partition that it touches.


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
        return len(self.lines) >= BATCH_LINES or self.bytes >= BATCH_BYTES


def ingest(sources: Iterable[Path], folder: Path, *, lab: bool = False, jobs: int = 1) -> Report:
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
            pending.append((batch, name, pool.submit(work, Job(folder, name, batch.lines, datetime.now(UTC), lab))))
            if len(pending) >= 2 * jobs:
                batches.finish(*pending.popleft())
        while pending:
            batches.finish(*pending.popleft())
        load_staged(folder, manifest, pool)
    report.seconds = round(time.monotonic() - began, 3)
    return report


class _Intake:
    """Make batches of new lines from files, and record the results of batches in the manifest."""

    def __init__(self, manifest: Manifest, folder: Path, lab: bool, report: Report, pool: Workers) -> None:
        self._manifest, self._folder, self._lab, self._report, self._pool = manifest, folder, lab, report, pool
        self._in_work: set[bytes] = set()  # hashes of lines in batches that are not finished
        self._waiting = sum(manifest.staged().values())

    def of(self, sources: Iterable[Path]) -> Iterator[_Batch]:
        """Iterate over the batches of all files. A batch can have lines of several files, and the last can be empty."""
        batch = _Batch()
        for source in sources:
            digest = file_digest(source)
            before = self._manifest.read_before(digest, self._lab) if digest else None
            if before is not None:
                self._report.add(before)
                continue
            tally = FileTally(file_name(source), digest)
            for piece in read_pieces(source):
                self._put(piece, tally, batch)
                if batch.full():
                    yield batch
                    batch = _Batch()
            batch.ended.append(tally)
        yield batch

    def _put(self, piece: Piece | Problem, tally: FileTally, batch: _Batch) -> None:
        tally.lines += 1
        if isinstance(piece, Problem):
            identity = problem_hash(piece, tally.digest)
            batch.rejected.append(Rejected(identity, piece.file, piece.number, piece.sentence))
            tally.rejected += 1
            return
        identity = line_hash(piece)
        if identity in self._in_work or self._manifest.holds(identity):
            tally.duplicates += 1
            return
        self._in_work.add(identity)
        batch.lines.append((identity, piece))
        batch.tallies.append(tally)
        batch.bytes += len(piece.raw)

    def finish(self, batch: _Batch, name: str, future: "Future[Done]") -> None:
        """Count the result of a batch, and record it in the manifest."""
        done = result_of(future)
        for index in done.taken:
            batch.tallies[index].accepted += 1
        for index, reason in done.rejected:
            identity, piece = batch.lines[index]
            batch.rejected.append(Rejected(identity, piece.file, piece.number, reason))
            batch.tallies[index].rejected += 1
            batch.tallies[index].of_lab += reason == OF_LAB
        taken = [batch.lines[index][0] for index in done.taken]
        self._manifest.add(name, taken, batch.rejected, batch.ended)
        self._in_work.difference_update(identity for identity, _ in batch.lines)
        for tally in batch.ended:
            self._report.add(tally)
        self._waiting += len(taken)
        if self._waiting >= LOAD_LINES:
            load_staged(self._folder, self._manifest, self._pool)
            self._waiting = 0


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
        raise _refusal(error, folder) from None
    finally:
        manifest.close()


def _refusal(error: OSError | sqlite3.Error, folder: Path) -> Exception:
    """Return the exception with the sentence for the user."""
    system = os_error_of(error, folder) if isinstance(error, sqlite3.Error) else error
    if system is not None and is_full(system):
        return full_disk(system, folder)
    return StoreError(
        tr(
            "The store {folder} cannot be written: {reason}. Afterwards the same command continues.",
            folder=folder,
            reason=reason_of(system) if system else error,
        )
    )


def _sweep(folder: Path, manifest: Manifest) -> None:
    shutil.rmtree(folder / WORK, ignore_errors=True)
    for name in manifest.unfinished_loads():
        undo_load(folder, name)
        restore_replaced(folder)
        manifest.forget_load(name)
    shutil.rmtree(folder / REPLACED, ignore_errors=True)
    staged_names = manifest.staged()
    for table in TABLES:
        staged = folder / STAGED / table
        staged.mkdir(parents=True, exist_ok=True)
        for file in staged.iterdir():
            if file.stem not in staged_names:
                file.unlink()

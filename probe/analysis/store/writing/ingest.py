"""Lines → store. One process reads, in order, and decides what is new; the others parse, flatten and judge.

Whatever happens, each line that the manifest names stands in exactly one piece or one settled file; the rest is swept
away when the next ingest begins, which goes on where this one stopped.
"""

import shutil
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
from probe.analysis.store.manifest import FileTally, Manifest, Rejected, StoreError
from probe.analysis.store.writing.batch import Done, Job, work
from probe.analysis.store.writing.hashes import file_digest, line_hash, problem_hash
from probe.analysis.store.writing.merge import restore_replaced
from probe.analysis.store.writing.partitions import load_staged, undo_load
from probe.analysis.store.writing.workers import Workers, result_of, workers
from probe.results import Piece, Problem, file_name, read_pieces

BATCH_LINES, BATCH_BYTES = 1024, 8 * 1024 * 1024  # whichever comes first: a worker holds the rows of one batch
LOAD_LINES = 250_000  # so many lines wait at most; each settling adds a file to every partition that it touches
OF_LAB = "was written inside the lab"


@dataclass
class Report:
    """What an ingest did. Every line is accepted, a duplicate of one that was, or rejected."""

    files: int = 0
    lines: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    seconds: float = 0.0

    def add(self, file: FileTally) -> None:
        """Count one file."""
        self.files += 1
        self.lines += file.lines
        self.accepted += file.accepted
        self.duplicates += file.duplicates
        self.rejected += file.rejected


@dataclass
class _Batch:
    """Lines on their way to a worker, each with its file's tally; and the files that end with them."""

    lines: list[tuple[bytes, Piece]] = field(default_factory=list)
    tallies: list[FileTally] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    ended: list[FileTally] = field(default_factory=list)
    bytes: int = 0

    def full(self) -> bool:
        return len(self.lines) >= BATCH_LINES or self.bytes >= BATCH_BYTES


def ingest(sources: Iterable[Path], folder: Path, *, lab: bool = False, jobs: int = 1) -> Report:
    """Take every line of the files into the store at `folder`; what it has already counts as a duplicate.

    Raises StoreError where the store cannot be written, or a worker was killed; what was taken until then stays.
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
    """Files → batches of lines that are new; and what came of a batch → manifest."""

    def __init__(self, manifest: Manifest, folder: Path, lab: bool, report: Report, pool: Workers) -> None:
        self._manifest, self._folder, self._lab, self._report, self._pool = manifest, folder, lab, report, pool
        self._on_their_way: set[bytes] = set()
        self._waiting = sum(manifest.staged().values())

    def of(self, sources: Iterable[Path]) -> Iterator[_Batch]:
        """The batches of all files, which may share one; the last may be empty but for the files that end in it."""
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
            told = problem_hash(piece, tally.digest)
            batch.rejected.append(Rejected(told, piece.file, piece.number, piece.sentence))
            tally.rejected += 1
            return
        known_by = line_hash(piece)
        if known_by in self._on_their_way or self._manifest.holds(known_by):
            tally.duplicates += 1
            return
        self._on_their_way.add(known_by)
        batch.lines.append((known_by, piece))
        batch.tallies.append(tally)
        batch.bytes += len(piece.raw)

    def finish(self, batch: _Batch, name: str, future: "Future[Done]") -> None:
        """Count what a worker made of a batch, and write it down."""
        done = result_of(future)
        for place in done.taken:
            batch.tallies[place].accepted += 1
        for place, reason in done.rejected:
            known_by, piece = batch.lines[place]
            batch.rejected.append(Rejected(known_by, piece.file, piece.number, reason))
            batch.tallies[place].rejected += 1
            batch.tallies[place].of_lab += reason.startswith(OF_LAB)
        taken = [batch.lines[place][0] for place in done.taken]
        self._manifest.add(name, taken, batch.rejected, batch.ended)
        self._on_their_way.difference_update(known_by for known_by, _ in batch.lines)
        for tally in batch.ended:
            self._report.add(tally)
        self._waiting += len(taken)
        if self._waiting >= LOAD_LINES:
            load_staged(self._folder, self._manifest, self._pool)
            self._waiting = 0


@contextmanager
def open_for_writing(folder: Path) -> Iterator[Manifest]:
    """Hold the store alone, swept clean of what a killed ingest left."""
    manifest = Manifest(folder)
    try:
        _sweep(folder, manifest)
        yield manifest
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be written ({error.strerror or error}); the same command again goes on where this stopped"
        ) from None
    finally:
        manifest.close()


def _sweep(folder: Path, manifest: Manifest) -> None:
    shutil.rmtree(folder / WORK, ignore_errors=True)
    for name in manifest.unfinished_loads():
        undo_load(folder, name)
        restore_replaced(folder)
        manifest.forget_load(name)
    shutil.rmtree(folder / REPLACED, ignore_errors=True)
    known = manifest.staged()
    for table in TABLES:
        staged = folder / STAGED / table
        staged.mkdir(parents=True, exist_ok=True)
        for file in staged.iterdir():
            if file.stem not in known:
                file.unlink()

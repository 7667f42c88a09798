"""Append a line safely, and iterate over lines: the append-only files under results/."""

import errno
import gzip
import importlib
import json
import os
import stat
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NoReturn, cast

STDIN = Path("-")
SUFFIXES = (".jsonl", ".jsonl.part", ".jsonl.gz", ".jsonl.zst")
LONGEST_LINE = 64 * 1024 * 1024  # bytes; a longer one is no measurement of ours or of OONI's
ZSTD_MODULES = ("compression.zstd", "backports.zstd")  # the first is in the standard library from 3.14


class ResultsError(Exception):
    """Results cannot be written or read; its text is one sentence for the user. `number`: the errno behind it, or 0."""

    number = 0


@dataclass(frozen=True)
class Problem:
    """A line that cannot be used, and why. `number` counts from 1; 0 means the file as a whole."""

    file: str
    number: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.number}: {self.sentence}" if self.number else f"{self.file}: {self.sentence}"


# -- where ---------------------------------------------------------------------------------------------------------


def results_root(chosen: Path | None = None) -> Path:
    """The results folder: the chosen one, else PROBE_RESULTS, else the checkout's, else the user's data folder."""
    if chosen is not None:
        return chosen
    if named := os.environ.get("PROBE_RESULTS"):
        return Path(named)
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "pyproject.toml").is_file():
        return checkout / "results"
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "censorprobe" / "results"


def check_writable(root: Path) -> None:
    """Prove that a file can be made under `root`, which is created if need be. Raises ResultsError."""
    try:
        make_private_folder(root)
        probe = root / f".write-check-{os.getpid()}"
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        probe.unlink()
    except OSError as error:
        raise ResultsError(
            f"results cannot be written to {root} ({error.strerror}); give another folder with --results DIR"
        ) from None


def make_private_folder(folder: Path) -> None:
    """Make `folder` and its missing parents, each readable by this user only. Raises OSError."""
    if not folder.is_dir():
        make_private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def run_files(root: Path) -> list[Path]:
    """Every run under `root`, lab runs included, oldest first by date, time of day and name."""
    found = [path for path in root.rglob("*") if path.name.endswith(SUFFIXES) and path.is_file()]
    return sorted(found, key=lambda path: (_date_of(path), path.name))


def _date_of(path: Path) -> str:
    return path.parent.parent.name


# -- writing -------------------------------------------------------------------------------------------------------


class ResultsFile:
    """One run's lines: appended whole and synced, never edited. `lines` is how many were written."""

    def __init__(self, fd: int, path: Path, final: Path | None = None) -> None:
        self._fd = fd
        self._final = final
        self.path = path
        self.lines = 0

    @classmethod
    def in_folder(cls, root: Path, cc: str, asn: str, run_id: str, start: datetime, lab: bool) -> "ResultsFile":
        """Open `<date>/<CC>-<ASN>/<HHMMSS>-<run_id>.jsonl` under `root` (in `lab/` for a lab run) as `.part`."""
        moment = start.astimezone(UTC)
        folder = (root / "lab" if lab else root) / f"{moment:%Y-%m-%d}" / f"{cc}-{asn}"
        final = folder / f"{moment:%H%M%S}-{run_id}.jsonl"
        part = final.with_name(final.name + ".part")
        try:
            make_private_folder(folder)
            fd = _create(part)
        except OSError as error:
            _cannot_write(part, error)
        return cls(fd, part, final)

    @classmethod
    def to_file(cls, path: Path) -> "ResultsFile":
        """Open the file that the user named. One that holds something is refused: lines are never edited."""
        if path.is_file() and path.stat().st_size:
            raise ResultsError(f"{path} already holds something and is left as it is; give --output another name")
        try:
            return cls(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), path)
        except OSError as error:
            _cannot_write(path, error)

    @classmethod
    def to_stdout(cls) -> "ResultsFile":
        """Write the lines to standard output."""
        sys.stdout.flush()
        return cls(os.dup(sys.stdout.fileno()), STDIN)

    @property
    def readable(self) -> bool:
        """Whether what was written can be read again: not on a pipe."""
        return self.path != STDIN and stat.S_ISREG(os.fstat(self._fd).st_mode)

    def append(self, document: dict[str, Any]) -> int:
        """Write one line and sync it; returns its number. On a full disk the earlier lines stay whole: ResultsError."""
        line = json.dumps(document, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        before = os.fstat(self._fd).st_size
        try:
            _write_whole(self._fd, line)
            _sync(self._fd)
        except OSError as error:
            self._take_back(before)
            _cannot_write(self.path, error, self.lines)
        self.lines += 1
        return self.lines

    def _take_back(self, size: int) -> None:
        """Cut off a line that was written in part; what was whole before stays."""
        if self.readable:
            os.ftruncate(self._fd, size)  # a pipe cannot be shortened: its reader sees a torn line

    def close(self) -> Path:
        """Close the file, take `.part` off its name and return where it is."""
        os.close(self._fd)
        if self._final is not None:
            try:
                os.rename(self.path, self._final)
            except OSError as error:
                _cannot_write(self._final, error, self.lines)
            self.path = self._final
            _sync_folder(self.path.parent)
        return self.path


def _create(part: Path) -> int:
    """Make the file so that it outlives a power cut. Raises OSError, and then has left nothing."""
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        _sync_folder(part.parent)
    except OSError:
        os.close(fd)
        part.unlink()
        raise
    return fd


def _cannot_write(path: Path, error: OSError, kept: int = 0) -> NoReturn:
    why = "the disk is full" if error.errno in {errno.ENOSPC, errno.EDQUOT} else error.strerror
    earlier = f"; the {kept} line(s) before it are kept" if kept else ""
    problem = ResultsError(f"{path} cannot be written: {why}{earlier}")
    problem.number = error.errno or 0
    raise problem from None


def _write_whole(fd: int, line: bytes) -> None:
    """One write; the rest of it only when the first was cut short (a signal, a pipe, a full disk)."""
    while line:
        line = line[os.write(fd, line) :]


def _sync(fd: int) -> None:
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.EROFS, errno.ENOTSUP}:  # a pipe or a device has nothing to sync
            raise


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _sync(fd)
    finally:
        os.close(fd)


# -- reading -------------------------------------------------------------------------------------------------------


def find_files(sources: Iterable[str | Path]) -> list[Path]:
    """The files that the sources name: files, everything in folders, `-` for stdin. Raises ResultsError."""
    found: list[Path] = []
    for source in map(Path, sources):
        if source == STDIN or source.is_file() or source.is_fifo():
            found.append(source)
        elif source.is_dir():
            found += run_files(source)
        else:
            raise ResultsError(f"{source}: there is no such file or folder")
    return found


def file_name(source: Path) -> str:
    """The name that may stand in a record: without folders, because a home path names the volunteer."""
    return source.name if source != STDIN else "-"


def read_lines(source: Path) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """Iterate over a file's lines, numbered from 1; what cannot be used comes as a Problem and the rest goes on."""
    name, number = file_name(source), 0
    try:
        with _open(source) as stream:
            while raw := stream.readline(LONGEST_LINE + 1):
                number += 1
                if raw.strip():
                    yield number, _parse(raw, name, number)
    except (OSError, EOFError, zlib.error, ResultsError) as error:
        yield number, Problem(name, number, f"cannot be read further: {error}")


def _open(source: Path) -> IO[bytes]:
    if source == STDIN:
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    if source.suffix == ".gz":
        return cast(IO[bytes], gzip.open(source, "rb"))
    if source.suffix == ".zst":
        return _open_zstd(source)
    return source.open("rb")


def _open_zstd(source: Path) -> IO[bytes]:
    for name in ZSTD_MODULES:
        try:
            return cast(IO[bytes], importlib.import_module(name).open(source, "rb"))
        except ImportError:
            continue
    raise ResultsError("zstd needs Python 3.14 or the package backports.zstd; or unpack it first with `zstd -d`")


def _parse(raw: bytes, name: str, number: int) -> dict[str, Any] | Problem:
    whole = raw.endswith(b"\n")
    if len(raw) > LONGEST_LINE:
        return Problem(name, number, f"is longer than {LONGEST_LINE} bytes, so it is no measurement")
    try:
        document = json.loads(raw.decode("utf-8-sig" if number == 1 else "utf-8"), parse_constant=_no_constant)
    except RecursionError:
        return Problem(name, number, "is nested too deeply to be a measurement")
    except ValueError as error:
        torn = "is torn (its writer was cut off)" if not whole else "is not valid JSON"
        return Problem(name, number, f"{torn}: {error}")
    if not isinstance(document, dict):
        return Problem(name, number, f"is a JSON {type(document).__name__}, expected an object")
    return document


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")

"""Append measurements to a results file: whole, synced, readable by this user only, never edited."""

import json
import os
import stat
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from probe.messages import tr, tr_plural
from probe.platforms.descriptors import PRIVATE
from probe.platforms.durability import sync, sync_folder
from probe.results.folders import PACKED, STDIN, ResultsError, make_private_folder
from probe.results.full_disk import full_disk, is_full, reason_of
from probe.results.packing import can_pack, pack
from probe.results.unpacking import UNREADABLE, zstd_module


class ResultsFile:
    """Append the measurements of one run. `lines` is the number of written ones."""

    def __init__(self, fd: int, path: Path, final: Path | None = None, packed: bool = False) -> None:
        self._fd = fd
        self._final = final
        self._packed = packed  # wanted when the file is closed
        self._refused = False  # by the disk
        self.path = path
        self.lines = 0

    @classmethod
    def in_folder(
        cls, root: Path, cc: str, asn: str, run_id: str, start: datetime, lab: bool, packed: bool = False
    ) -> "ResultsFile":
        """Open `<date>/<CC>-<ASN>/<HHMMSS>-<run_id>.jsonl` under `root` (in `lab/` for a lab run) as `.part`.

        With `packed` it is packed when it is closed, if zstd is installed.
        """
        moment = start.astimezone(UTC)
        folder = (root / "lab" if lab else root) / f"{moment:%Y-%m-%d}" / f"{cc}-{asn}"
        final = folder / f"{moment:%H%M%S}-{run_id}.jsonl"
        part = final.with_name(final.name + ".part")
        try:
            make_private_folder(folder)
            fd = _create(part)
        except OSError as error:
            _cannot_write(part, error)
        return cls(fd, part, final, packed and can_pack())

    @classmethod
    def to_file(cls, path: Path) -> "ResultsFile":
        """Open the file that the user named. Raise ResultsError, FullDisk.

        A file that is not empty is refused, because results are never edited. A file whose name ends in `.zst` is
        written unpacked beside it, and packed when it is closed.
        """
        if path.is_file() and path.stat().st_size:
            _refuse_content(path)
        if path.name.endswith(PACKED) and path.name != PACKED and (path.is_file() or not path.exists()):
            return cls._to_packed(path.resolve())
        try:
            return cls(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | PRIVATE, 0o600), path)
        except OSError as error:
            if is_full(error):
                raise full_disk(error, path) from None
            _cannot_write(path, error)

    @classmethod
    def _to_packed(cls, path: Path) -> "ResultsFile":
        zstd_module()  # before anything is measured
        final = path.with_name(path.name.removesuffix(PACKED))
        part = final.with_name(final.name + ".part")
        try:
            for file in (final, part, path):
                _remove_empty(file)
            return cls(_create(part), part, final, packed=True)
        except OSError as error:
            if is_full(error):
                raise full_disk(error, part) from None
            _cannot_write(part, error)

    @classmethod
    def to_stdout(cls) -> "ResultsFile":
        sys.stdout.flush()
        return cls(os.dup(sys.stdout.fileno()), STDIN)

    @property
    def readable(self) -> bool:
        """Return whether the file can be read again, which is not so for a pipe."""
        return self.path != STDIN and stat.S_ISREG(os.fstat(self._fd).st_mode)

    def append(self, document: dict[str, Any]) -> int:
        """Write and sync one measurement and return its number. Raise ResultsError, and keep the earlier ones whole."""
        line = json.dumps(document, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        before = os.fstat(self._fd).st_size
        try:
            _write_whole(self._fd, line)
            sync(self._fd)
        except OSError as error:
            self._refused = True
            self._take_back(before)
            _cannot_write(self.path, error, self.lines)
        self.lines += 1
        return self.lines

    def _take_back(self, size: int) -> None:
        """Remove a partly written measurement."""
        if self.readable:  # a pipe cannot be shortened, so its reader gets an incomplete line
            with suppress(OSError):  # a reader skips and reports a torn last line
                os.ftruncate(self._fd, size)

    def close(self) -> Path:
        """Close the file, remove `.part` from its name, pack it if wanted, and return its path. Raise ResultsError.

        A file that is empty because the disk refused the measurements is removed if this class made its name.
        """
        try:
            os.close(self._fd)
            if self._final is not None and self._refused and not self.lines:
                os.unlink(self.path)
            elif self._final is not None:
                os.rename(self.path, self._final)
                self.path = self._final
                sync_folder(self.path.parent)
        except OSError as error:
            _cannot_write(self._final or self.path, error, self.lines)
        if self._packed and self.path == self._final:
            with suppress(*UNREADABLE):  # the unpacked file stays, and its name is returned
                self.path = pack(self.path)
        return self.path


def _remove_empty(path: Path) -> None:
    """Remove what an earlier command left. Raise ResultsError for a file with content."""
    if os.path.lexists(path):
        if not path.is_file() or path.stat().st_size:
            _refuse_content(path)
        path.unlink()


def _refuse_content(path: Path) -> NoReturn:
    raise ResultsError(
        tr("{path} is not empty and was not changed. Name another file with `--output FILE`.", path=path)
    )


def _create(part: Path) -> int:
    """Make the file so that it survives a power failure. Raise OSError, and leave nothing in this case."""
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | PRIVATE, 0o600)
    try:
        sync_folder(part.parent)
    except OSError:
        os.close(fd)
        part.unlink()
        raise
    return fd


def _cannot_write(path: Path, error: OSError, kept: int = 0) -> NoReturn:
    sentence = tr("{path} cannot be written ({reason}).", path=path, reason=reason_of(error))
    if kept:
        sentence += " " + tr_plural("{count} earlier result is kept.", "{count} earlier results are kept.", kept)
    problem = ResultsError(sentence)
    problem.number = error.errno or 0
    raise problem from None


def _write_whole(fd: int, line: bytes) -> None:
    """Write all bytes: in one write, or in more after a short one (a signal, a pipe, a full disk)."""
    while line:
        line = line[os.write(fd, line) :]

"""Keep what DuckDB has no memory for in a private folder under TMPDIR, and remove the folders of killed processes."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from probe.platforms.descriptors import open_lock_of, try_lock
from probe.platforms.processes import is_own

PREFIX = "censorprobe-spill-"


def spill_root() -> Path:
    """Return the folder in which spill folders are made. `tempfile.gettempdir` could return the working folder."""
    return Path(os.environ.get("TMPDIR") or os.environ.get("TEMP") or "/tmp")  # each spill folder is private  # nosec B108


class SpillFolder:
    """Make a folder that only this user can read. `path` is None where none can be made. DuckDB then spills nothing.

    The folder is locked while this process lives, so that the next one can distinguish it from a killed process's.
    """

    def __init__(self) -> None:
        """Make the folder, and remove those that killed processes of this user left."""
        self.path: Path | None = None
        self._lock = -1
        with suppress(OSError):  # a query that fits into memory needs no folder
            _remove_stale(spill_root())
            while self.path is None:  # another process can take a folder for stale before it is locked
                self._make(spill_root())

    def _make(self, root: Path) -> None:
        made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
        try:
            self._lock = _locked(made)
        except OSError:  # a file system without locks
            made.rmdir()
            raise
        if self._lock >= 0:
            self.path = made

    def remove(self) -> None:
        """Remove the folder with its contents, and release the lock."""
        if self.path is not None:
            _remove(self.path, self._lock)
        self.path, self._lock = None, -1


def _remove_stale(root: Path) -> None:
    for folder in root.glob(f"{PREFIX}*"):
        with suppress(
            FileNotFoundError, NotADirectoryError
        ):  # removed meanwhile, or another program's file of that name
            if is_own(folder.lstat().st_uid) and (lock := _locked(folder)) >= 0:
                _remove(folder, lock)


def _remove(folder: Path, lock: int) -> None:
    """Remove a locked folder. Windows removes no open file, so the file of the lock comes after the others."""
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)
    shutil.rmtree(folder, ignore_errors=True)


def _locked(folder: Path) -> int:
    """Return a descriptor that holds the lock of a folder, -1 if another process holds it or has removed the folder."""
    try:
        lock = open_lock_of(folder)
    except FileNotFoundError:
        return -1
    try:
        try_lock(lock)
        os.stat(folder)
    except (BlockingIOError, FileNotFoundError):
        os.close(lock)
        return -1
    except OSError:
        os.close(lock)
        raise
    return lock

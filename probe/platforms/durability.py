"""Make files survive a power failure, and reserve space for them."""

import errno
import os
from pathlib import Path

_NOT_SYNCED = {errno.EINVAL, errno.EROFS, errno.ENOTSUP}  # a pipe or a device cannot be synced


def sync(descriptor: int) -> None:
    """Wait until a file is on disk. A pipe and a device are left alone. Raises OSError."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_SYNCED:
            raise


def sync_file(path: Path) -> None:
    """Wait until a closed file is on disk. Some file systems report only then that they are full. Raises OSError."""
    with path.open("r+b") as file:  # Windows syncs no file that is opened for reading
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk. Windows opens no folder and keeps names in its journal."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(folder: Path) -> None:
    """Wait until all written files are on disk. Without such a call, sync each file below `folder`."""
    if hasattr(os, "sync"):
        os.sync()
        return
    for file in folder.rglob("*"):
        if file.is_file():
            sync_file(file)


def reserve(descriptor: int, size: int) -> None:
    """Make a file `size` bytes long, so that a full disk is noticed. Raises OSError."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    written = 0
    while written < size:
        written += os.write(descriptor, bytes(min(size - written, 1 << 20)))

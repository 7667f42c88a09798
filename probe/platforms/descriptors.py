"""Open files with the same meaning everywhere, lock them, and ask how many descriptors this process may have."""

import os
import threading
from pathlib import Path
from typing import BinaryIO

from probe.platforms.systems import system_module

# Windows would translate line ends and give the descriptor to child processes. Python does the second nowhere.
PRIVATE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0) | getattr(os, "O_BINARY", 0)
_NEVER_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_LOCK = ".lock"  # a file for the lock of a folder, on Windows
OF_SELECT = 512  # sockets that `select` takes on Windows (FD_SETSIZE of CPython)

_seeking = threading.Lock()


def open_without_waiting(path: os.PathLike[str]) -> int:
    """Open a file for reading. A named pipe without a writer does not block. Raises OSError."""
    return os.open(path, os.O_RDONLY | _NEVER_WAIT | PRIVATE)


def open_folder(path: os.PathLike[str]) -> int:
    """Open a folder that is no link. Raises OSError, PermissionError on Windows."""
    return os.open(path, os.O_RDONLY | _FOLDER | PRIVATE)


def read_at(file: BinaryIO, size: int, offset: int) -> bytes:
    """Return at most `size` bytes of a file from `offset`. Threads may share the file. Raises OSError."""
    if hasattr(os, "pread"):
        return bytes(os.pread(file.fileno(), size, offset))
    with _seeking:
        os.lseek(file.fileno(), offset, os.SEEK_SET)
        return os.read(file.fileno(), size)


def raise_descriptor_limit(wanted: int) -> int:
    """Raise the soft limit of descriptors to `wanted`, as far as allowed. Return it, `wanted` if there is no limit."""
    resource = system_module("resource")
    if resource is None:
        return OF_SELECT
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    infinite = resource.RLIM_INFINITY
    allowed = wanted if hard == infinite else min(wanted, hard)
    if soft != infinite and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        return allowed
    return wanted if soft == infinite else int(soft)


def try_lock(descriptor: int) -> None:
    """Lock an open file or folder. Raises BlockingIOError if another process has it, and OSError."""
    if (fcntl := system_module("fcntl")) is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    msvcrt = system_module("msvcrt")
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except PermissionError as error:  # locked
        raise BlockingIOError(error.errno, error.strerror) from None


def open_lock_of(folder: Path) -> int:
    """Return a descriptor whose lock stands for a folder: of the folder, or on Windows of a file in it.

    Raises OSError, and FileNotFoundError if there is no such folder.
    """
    if system_module("fcntl") is not None:
        return open_folder(folder)
    return os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | PRIVATE, 0o600)

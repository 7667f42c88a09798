"""Recognize a disk without space, and put the reasons why a file cannot be written in words."""

import errno
import os
import tempfile
from pathlib import Path

from probe.messages import mark, tr
from probe.platforms.durability import reserve

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
REASONS = {
    errno.ENOSPC: mark("disk full"),
    errno.EDQUOT: mark("your share of the disk is used up"),
    errno.EROFS: mark("the file system is read-only"),
}
_TRIED_BYTES = 8 << 20  # more than SQLite gives back when it undoes a batch


class FullDisk(Exception):
    """Report that a disk has no space, with a sentence for the user. The same command works when there is space."""


def is_full(error: OSError) -> bool:
    """Return whether the reason is a disk without space, or without space for this user."""
    return error.errno in FULL


def reason_of(error: OSError) -> str:
    """Return the reason why a file cannot be written, in words for the user."""
    known = REASONS.get(error.errno or 0)
    return tr(known) if known else error.strerror or type(error).__name__


def full_disk(error: OSError, path: object) -> FullDisk:
    """Return the exception for a file or folder that could not be written for lack of space."""
    quota = error.errno == errno.EDQUOT
    sentence = (
        tr("Your share of the disk is used up: {path} cannot be written.", path=path)
        if quota
        else tr("The disk is full: {path} cannot be written.", path=path)
    )
    return FullDisk(sentence + " " + tr("Free some space and run the same command again."))


def full_disk_in(message: str) -> OSError | None:
    """Return the error of a full disk that a library put into its message."""
    return next((OSError(number, os.strerror(number)) for number in FULL if os.strerror(number) in message), None)


def try_writing(folder: Path) -> OSError | None:
    """Reserve space for a file, and return the error. SQLite does not tell why the system refused to write."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            reserve(file.fileno(), _TRIED_BYTES)
    except OSError as error:
        return error
    return None

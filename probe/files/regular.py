"""Open regular files and refuse everything else.

A named pipe without a writer blocks its reader forever, and a device may have no end. Both can hide behind a link in a
folder that comes from others.

Read TOML files that others may have written: target files, scenarios and settings.
"""

import errno
import io
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from probe.messages import mark, tr
from probe.platforms.descriptors import open_without_waiting

LARGEST = 256 * 1024  # bytes. Our largest file has 8 kB.
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}[ \t]*+\.[ \t]*+){{100}}".encode())


def read_toml(path: Path) -> tuple[bytes, dict[str, Any]]:
    """Return the bytes and the content of a file. Raise OSError, UnicodeDecodeError or tomllib.TOMLDecodeError."""
    raw = read_regular(path, LARGEST)
    if _LONG_KEY.search(raw):  # tomllib needs time in proportion to the square of the number of parts
        raise tomllib.TOMLDecodeError(tr("A key has more than 100 parts."))
    try:
        return raw, tomllib.loads(raw.decode())
    except RecursionError:
        raise tomllib.TOMLDecodeError(tr("It is nested too deeply.")) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise
    except ValueError as error:  # a number of more digits than Python reads, or a date that does not exist
        raise tomllib.TOMLDecodeError(str(error)) from None


KINDS = (
    (stat.S_ISDIR, mark("it is a folder")),
    (stat.S_ISFIFO, mark("it is a named pipe, and only regular files are read")),
    (stat.S_ISSOCK, mark("it is a socket, and only regular files are read")),
    (stat.S_ISCHR, mark("it is a device, and only regular files are read")),
    (stat.S_ISBLK, mark("it is a device, and only regular files are read")),
)
DESCRIPTORS = ("/dev/fd", "/proc/self/fd")


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file for reading. Raise OSError, whose `strerror` is the reason, for all that is no regular file.

    `/dev/fd/N` and `/dev/stdin` are descriptors that the user's shell has opened. They may be pipes.
    """
    given = _descriptor(path)
    if given is not None:
        return os.fdopen(os.dup(given), "rb")
    try:
        _refuse(os.stat(path), path)  # before opening it, which has effects on some devices
        descriptor = open_without_waiting(path)
    except ValueError:  # U+0000, or a character that no file name can have
        raise OSError(errno.EINVAL, tr("no file can have this name"), path) from None
    try:
        _refuse(os.fstat(descriptor), path)  # again, because the name may lead to another file by now
        return os.fdopen(descriptor, "rb")
    except OSError:
        os.close(descriptor)
        raise


def read_regular(path: Path, most: int) -> bytes:
    """Return the content of a file of at most `most` bytes. Raise OSError, also for a larger one."""
    with open_regular(path) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, tr("it is larger than {count} bytes", count=most), path)
    return content


def leads_outside(path: Path, folder: str | os.PathLike[str]) -> bool:
    """Return whether a path, after all links in it were followed, is outside of a folder. The folder may be a link."""
    inside = os.path.realpath(folder)
    try:
        return os.path.commonpath([inside, os.path.realpath(path)]) != inside
    except ValueError:  # another drive of Windows
        return True


def reason_not_regular(mode: int) -> str | None:
    """Return why a file of this mode is not read, None for a regular file."""
    if stat.S_ISREG(mode):
        return None
    return next((tr(sentence) for holds, sentence in KINDS if holds(mode)), tr("it is no regular file"))


def _refuse(found: os.stat_result, path: Path) -> None:
    if (reason := reason_not_regular(found.st_mode)) is not None:
        raise OSError(errno.EINVAL, reason, path)


def _descriptor(path: Path) -> int | None:
    """Return the number in `/dev/fd/N` and `/dev/stdin`, None for another path."""
    if str(path) == "/dev/stdin":
        return 0
    number = path.name
    return int(number) if str(path.parent) in DESCRIPTORS and number.isascii() and number.isdigit() else None

"""Unpack files as streams. The first bytes decide the format, and the name does not.

OONI's older tarballs are named .tar.gz and are not compressed (ooni/data c8fcc729, dataclient.py).
"""

import gzip
import importlib
import io
import lzma
import os
import sys
import zlib
from collections.abc import Iterator
from typing import IO, Any, cast

from probe.files import open_regular
from probe.messages import tr
from probe.results.folders import STDIN, ResultsError
from probe.results.remote import RemoteFile, Source

ZSTD_MODULES = ("compression.zstd", "backports.zstd")  # the first is in the standard library from 3.14
GZIP, XZ = b"\x1f\x8b", b"\xfd7zX"
ZSTD, LZ4 = b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"
BLOCK = 512  # of a tar file: POSIX.1-2024, pax, "ustar Interchange Format"
MOST_TIMES = 200  # factor to which a file may unpack, once it is larger than BOMB_FLOOR. gzip reaches 1000.
BOMB_FLOOR = 32 * 1024 * 1024  # bytes
UNREADABLE = (OSError, EOFError, zlib.error, ResultsError)
"""Exceptions that reading a packed file may raise."""


def open_unpacked(source: Source) -> io.BufferedReader:
    """Open a file, or stdin, for its unpacked bytes. Raise an exception of UNREADABLE, also while reading."""
    raw, size = _opened(source), source.size if isinstance(source, RemoteFile) else None
    try:
        unpacked = _unpacked(raw)
    except BaseException:
        raw.close()
        raise
    return raw if unpacked is raw else io.BufferedReader(_Guard(unpacked, raw, size), 1 << 16)


def _opened(source: Source) -> io.BufferedReader:
    if isinstance(source, RemoteFile):
        return source.open()
    return os.fdopen(os.dup(sys.stdin.fileno()), "rb") if source == STDIN else open_regular(source)


def _unpacked(raw: io.BufferedReader) -> IO[bytes]:
    start = raw.peek(4)[:4]
    if start.startswith(GZIP):
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw, mode="rb"))
    if start == XZ:
        return cast(IO[bytes], lzma.LZMAFile(raw))
    if start == ZSTD:
        return cast(IO[bytes], zstd_module().ZstdFile(raw, "rb"))
    if start == LZ4:
        raise ResultsError(tr("The file is packed with lz4, which is not supported. Unpack it with `lz4 -d` first."))
    return raw


def zstd_module() -> Any:
    """Return the module that reads zstd, loaded at the first use. Raise ResultsError without one (32-bit ARM)."""
    for name in ZSTD_MODULES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue  # the next module, and an error after the last one
    raise ResultsError(
        tr("zstd needs Python 3.14 or the package backports.zstd. Install it, or unpack the file with `zstd -d` first.")
    )


class _Guard(io.RawIOBase):
    """Unpack a file up to a size that no measurements have."""

    def __init__(self, unpacked: Any, packed: io.BufferedReader, size: int | None) -> None:
        self._unpacked, self._packed, self._known_size = unpacked, packed, size
        self._given = self._taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer. Raise ResultsError for a decompression bomb."""
        try:
            got = self._unpacked.read1(len(buffer))
        except Exception as error:
            raise _as_unreadable(error) from None
        buffer[: len(got)] = got
        self._given += len(got)
        if self._given > BOMB_FLOOR and self._given > MOST_TIMES * self._size():
            raise ResultsError(
                tr(
                    "This file would grow to more than {count} times its size when it is unpacked. Files of "
                    "measurements do not, so the rest of the file was not read.",
                    count=MOST_TIMES,
                )
            )
        return len(got)

    def _size(self) -> int:
        """Return the size of the packed file. For a pipe it is the number of bytes that were read so far."""
        size = os.fstat(self._packed.fileno()).st_size if self._known_size is None else self._known_size
        if size:
            return size
        self._taken += 1 << 16  # at most this much is read ahead for each piece
        return self._taken

    def close(self) -> None:
        if not self.closed:
            self._unpacked.close()
            self._packed.close()
        super().close()


def _as_unreadable(error: Exception) -> Exception:
    """Convert the exception that only zstd's module knows."""
    return ResultsError(str(error)) if type(error).__name__ == "ZstdError" else error


def tar_members(stream: IO[bytes], longest: int) -> Iterator[bytes | None]:
    """Yield the contents of a tar file's regular files, and None for one that is longer than `longest` bytes.

    `tarfile` is not used, because it keeps every member and reads a header of any size into memory.
    Raise EOFError for an incomplete file and ResultsError for one that is no tar file.
    """
    while len(header := stream.read(BLOCK)) == BLOCK:
        if not header.strip(b"\0"):
            return
        size = _size_in(header)
        regular = header[156:157] in {b"0", b"\0"}
        content = _exactly(stream, size) if regular and size <= longest else None
        _skip(stream, -size % BLOCK + (size if content is None else 0))
        if regular:
            yield content
    if header:
        raise EOFError(tr("The tar file is incomplete."))


def _size_in(header: bytes) -> int:
    """Return the size in a header, in bytes, after a check of its checksum."""
    try:
        checksum = int(header[148:156].strip(b"\0 ") or b"-", 8)
        size = int(header[124:136].strip(b"\0 ") or b"0", 8)
    except ValueError:
        checksum = size = -1
    if size < 0 or checksum != sum(header[:148]) + 8 * ord(" ") + sum(header[156:]):
        raise ResultsError(tr("It is no tar file, or it is damaged at this position."))
    return size


def _exactly(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError(tr("The tar file is incomplete."))
    return content


def _skip(stream: IO[bytes], size: int) -> None:
    while size > 0:
        size -= len(_exactly(stream, min(size, 1 << 16)))

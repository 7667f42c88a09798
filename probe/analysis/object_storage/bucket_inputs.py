"""Find results files in buckets, and read them as streams."""

import hashlib
import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from probe.analysis.object_storage.bucket import Bucket, Entry, clear_errors, open_bucket, refusal
from probe.analysis.object_storage.listing import LISTING
from probe.messages import mark, tr
from probe.results import ResultsError
from probe.results.folders import ARCHIVES, SUFFIXES
from probe.results.remote import RemoteFile

REQUEST_BYTES = 8 * 1024 * 1024  # that one request reads. So much of an object is in memory.
NOT_WRITABLE = mark(
    "{name} is in a bucket, and this command works on stores on a disk. Use it on a copy, and copy that back. "
    "This makes the copy: probe store copy {name} DIR"
)
NO_RESULTS = mark("{name} is a store. This command reads results files. probe compare, sql and export read stores.")
AT_ONCE = 16  # requests for ETags
REST = 1 << 20  # bytes behind the last measurement that are read for the digest


def objects_of(address: str) -> list[RemoteFile]:
    """Return the results files at an address: one object, or all in the folder, sorted by key. Raises ResultsError."""
    folder = open_bucket(address)
    own = folder.own_size() if "/" in folder.place else None
    found = [Entry("", own)] if own is not None else list(_results(folder.entries()))
    if not found and any(entry.key == LISTING for entry in folder.entries()):
        raise ResultsError(tr(NO_RESULTS, name=folder.name))
    if not found:
        raise ResultsError(tr("There are no results files in {address}.", address=folder.name))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda entry: ObjectFile(folder, entry), found))


def _results(entries: list[Entry]) -> Iterable[Entry]:
    """Yield the results files, and OONI's tarballs where the .jsonl.gz of their hour is missing."""
    keys = {entry.key for entry in entries}
    for entry in entries:
        archive = entry.key.endswith(ARCHIVES) and entry.key.removesuffix(ARCHIVES[0]) + ".jsonl.gz" not in keys
        if archive or entry.key.endswith(SUFFIXES):
            yield entry


class ObjectFile(RemoteFile):
    """Represent an object in a bucket. Its version is its address, its size and its ETag."""

    def __init__(self, folder: Bucket, entry: Entry) -> None:
        """Ask for the ETag. Raises ResultsError."""
        self._folder, self._path = folder, folder.path(entry.key)
        self.name, self.size = f"s3://{self._path}", entry.size
        self._tag = self.tag()
        self.version = f"{self.name} {self.size} {self._tag}"

    def tag(self) -> str:
        """Return the ETag that the object has now. Raises ResultsError."""
        with clear_errors(self.name), self._folder.files.open_input_file(self._path) as opened:
            return bytes(opened.metadata().get("ETag", b"")).decode("ascii", "replace")

    def open(self) -> io.BufferedReader:
        """Open the object for its bytes. Raises OSError, also while reading."""
        self.digest = ""
        with clear_errors(self.name):
            stream = self._folder.files.open_input_stream(self._path, buffer_size=REQUEST_BYTES)
        return io.BufferedReader(_Stream(self, stream), 1 << 16)

    def check_unchanged(self) -> None:
        """Raise ResultsError if the object is not the one that was found."""
        if self.tag() != self._tag:
            raise ResultsError(tr("{name} was changed while it was read. Run the same command again.", name=self.name))


class _Stream(io.RawIOBase):
    """Read an object from its start to its end, and compute its digest."""

    def __init__(self, source: ObjectFile, stream: Any) -> None:
        self._source, self._stream = source, stream
        self._hash, self._taken, self._ended = hashlib.sha256(), 0, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer. Raises ResultsError, also at the end of an object that was changed meanwhile."""
        try:
            got = self._stream.read(len(buffer))
        except OSError as error:
            self._ended = True
            raise refusal(error, self._source.name) from None
        self._hash.update(got)
        self._taken += len(got)
        buffer[: len(got)] = got
        if not got and not self._ended:
            self._ended = True
            self._source.check_unchanged()
            self._source.digest = self._hash.hexdigest()
        return len(got)

    def close(self) -> None:
        """Close the object. A short rest, such as the end of a tarball, is read for the digest."""
        if not self.closed:
            try:
                while not self._ended and self._source.size - self._taken < REST and self.readinto(bytearray(1 << 16)):
                    pass
            finally:
                self._stream.close()
                super().close()

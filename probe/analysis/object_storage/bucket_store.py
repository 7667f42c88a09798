"""Read a store in a bucket in place. Only the columns and row groups that a question needs are requested.

The files are those of the listing at the moment in which the store was opened. Their keys have their digests, so that
a newer copy has other keys. A file that a newer copy deleted meanwhile ends in a sentence.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import fs

from probe.analysis.object_storage.bucket import Bucket, clear_errors, open_bucket, refusal
from probe.analysis.object_storage.listing import Listing, Stored, key_of, listing_in
from probe.messages import mark, tr
from probe.results import ResultsError

AT_ONCE = 16  # requests for the ends of files
READ_AHEAD = {"batch_size": 8192, "batch_readahead": 1, "fragment_readahead": 2}  # rows, batches and files
CHANGED = mark("The store in {name} was changed while it was read. Run the same command again.")
GONE = ("NO_SUCH_KEY", "RESOURCE_NOT_FOUND", "Path does not exist", "HTTP status 404")
NO_COPY = mark("There is no store in {name}. To copy one there, run: probe store copy DIR {name}")
HALF_COPY = mark(
    "There is no complete store in {name}, because a copy was interrupted. Run the same command again on the computer "
    "that copies: probe store copy DIR {name}"
)


class _Table(ds.FileSystemDataset):  # type: ignore[misc]
    """Represent a table of which few rows are in memory at once. With pyarrow's defaults that is more than 1.5 GB."""

    def scanner(self, **asked: Any) -> Any:
        """Return a Scanner for the columns and the filter that DuckDB asks for."""
        return super().scanner(**(asked | READ_AHEAD))


@dataclass(frozen=True)
class BucketStore:
    """Represent a store in a bucket. It has the files that the store had when the object was made."""

    bucket: Bucket
    listing: Listing

    def __str__(self) -> str:
        return self.bucket.name

    def files(self, folder: str) -> dict[str, Stored]:
        """Return the files in a folder of the store by their path, sorted."""
        return {path: stored for path, stored in sorted(self.listing.files.items()) if path.startswith(f"{folder}/")}

    def dataset(self, table: str) -> Any | None:
        """Return a table as a pyarrow Dataset, None without any file. Raises ResultsError.

        Columns of any file are there, and NULL in a file that lacks them. Files of one name have the same columns, so
        one file of each name is inspected.
        """
        kind, found = ds.ParquetFileFormat(), self.files(table)
        fragments = {
            path: kind.make_fragment(self._path(path), self.bucket.files, file_size=stored.size)
            for path, stored in found.items()
        }
        if not fragments:
            return None
        one_per_name = {Path(path).stem: fragment for path, fragment in fragments.items()}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                schemas = list(pool.map(lambda fragment: fragment.physical_schema, one_per_name.values()))
            except (OSError, pa.ArrowException) as error:
                raise self.refusal(error) from None
        fields = {field.name: field for schema in schemas for field in schema}
        return _Table(list(fragments.values()), pa.schema(fields.values()), kind, self.bucket.files)

    def register(self, connection: Any, table: str, view: str) -> bool:
        """Make a table known to DuckDB as a view. Return False for a table without any file. Raises ResultsError."""
        dataset = self.dataset(table)
        if dataset is not None:
            connection.register(view, dataset)
        return dataset is not None

    def rows(self, table: str) -> int:
        """Return the number of rows of a table, from the ends of its files. Raises ResultsError."""
        dataset = self.dataset(table)
        try:
            return 0 if dataset is None else int(dataset.count_rows())
        except (OSError, pa.ArrowException) as error:
            raise self.refusal(error) from None

    def content(self, path: str) -> bytes:
        """Return one file of the store. Raises ResultsError, also if it is not the file that the listing names."""
        try:
            with self.bucket.files.open_input_stream(self._path(path)) as stream:
                content: bytes = stream.read()
        except OSError as error:
            raise self.refusal(error) from None
        if hashlib.sha256(content).hexdigest() != self.listing.files[path].digest:
            damaged = tr("{key} in {name} is damaged. Copy the store there again.", key=path, name=self.bucket.name)
            raise ResultsError(damaged)
        return content

    @cached_property
    def database(self) -> bytes:
        """Hold the SQLite database of the store. Raises ResultsError."""
        (path,) = (path for path in self.listing.files if path.endswith(".sqlite"))
        return self.content(path)

    def refusal(self, error: Exception) -> ResultsError:
        """Return the exception that says what is wrong with the bucket."""
        text = str(error).rpartition(" failed: ")[2]  # behind DuckDB's words
        if isinstance(error, FileNotFoundError) or any(word in text for word in GONE):
            return ResultsError(tr(CHANGED, name=self.bucket.name))
        return refusal(OSError(text), self.bucket.name)

    def _path(self, path: str) -> str:
        return self.bucket.path(key_of(path, self.listing.files[path]))


def find_store(address: str | Path) -> BucketStore | None:
    """Return the store at an address, None if there is none. Raises ResultsError, also for half of a copy."""
    bucket = open_bucket(str(address))
    listing = listing_in(bucket)
    if listing is not None:
        return BucketStore(bucket, listing)
    if _is_begun(bucket):
        raise ResultsError(tr(HALF_COPY, name=bucket.name))
    return None


def _is_begun(bucket: Bucket) -> bool:
    """Return True if there are files of a store. Raises ResultsError, also if there is no bucket."""
    with clear_errors(bucket.name):
        try:
            found = bucket.files.get_file_info(fs.FileSelector(bucket.path("measurements")))
        except FileNotFoundError:  # the bucket is there, and no key begins so
            return False
    return any("month=" in one.path for one in found)


def open_store(address: str | Path) -> BucketStore:
    """Return the store at an address. Raises ResultsError."""
    found = find_store(address)
    if found is None:
        raise ResultsError(tr(NO_COPY, name=open_bucket(str(address)).name))
    return found

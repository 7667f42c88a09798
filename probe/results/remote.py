"""Define a results file that is not on a disk. `probe.analysis.object_storage` reads those in buckets."""

import io
from abc import ABC, abstractmethod
from pathlib import Path

SCHEME = "s3://"


class RemoteFile(ABC):
    """Represent a file that is read as a stream. `name` is its address without credentials, `size` its bytes.

    `version` differs if the content differs. `digest` is the SHA-256 of the content, "" before it was read to its end.
    """

    name: str
    size: int
    version: str
    digest: str = ""

    @abstractmethod
    def open(self) -> io.BufferedReader:
        """Open the file for its bytes. Raises OSError, also while reading."""

    def __str__(self) -> str:
        return self.name


Source = Path | RemoteFile


def is_remote(source: str | Path) -> bool:
    """Return True for the address of an object. A Path has lost one of the two slashes."""
    return str(source).startswith((SCHEME, SCHEME.removesuffix("/")))

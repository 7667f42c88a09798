"""Open a folder in a bucket. Access keys come from the environment and from ~/.aws, as in other programs.

The SDK asks a machine of Amazon's for keys at 169.254.169.254 if it finds none. A user's computer must contact no
address that was not named, so this is off unless AWS_EC2_METADATA_DISABLED=false is set.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pyarrow import fs

from probe.messages import mark, tr
from probe.results import ResultsError
from probe.results.remote import SCHEME

METADATA = "AWS_EC2_METADATA_DISABLED"
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
CONNECT_SECONDS, REQUEST_SECONDS = 10, 60
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
NO_BUCKET = mark("There is no bucket for {name}. Check its name, and the server in AWS_ENDPOINT_URL.")
NO_RIGHT = mark(
    "The server refuses access to {name}. Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws/credentials, "
    "and the rights of this key."
)
NO_NETWORK = mark("The server of {name} cannot be reached. Check the network, and the server in AWS_ENDPOINT_URL.")
OTHER_REGION = mark("The bucket of {name} is in another region. Set AWS_REGION to its region.")
FAILED = mark("{name} cannot be used: {reason}")
SENTENCES = (
    (("NO_SUCH_BUCKET",), NO_BUCKET),
    (("ACCESS_DENIED", "SIGNATURE_DOES_NOT_MATCH", "INVALID_ACCESS_KEY_ID", "INVALID_CLIENT_TOKEN_ID"), NO_RIGHT),
    (("NETWORK_CONNECTION", "REQUEST_TIMEOUT"), NO_NETWORK),
    (("PERMANENT_REDIRECT", "HTTP status 301"), OTHER_REGION),
)


class Entry(NamedTuple):
    """Hold the key of an object inside of a folder, and its size in bytes."""

    key: str
    size: int


@dataclass(frozen=True)
class Bucket:
    """Represent a folder in a bucket. `place` is BUCKET/PREFIX without a slash at the end."""

    place: str
    files: Any

    @property
    def name(self) -> str:
        return SCHEME + self.place

    def path(self, key: str) -> str:
        return f"{self.place}/{key}" if key else self.place

    def entries(self) -> list[Entry]:
        """Return the objects in this folder and below, sorted by key. Raises ResultsError."""
        with clear_errors(self.name):
            try:
                found = self.files.get_file_info(fs.FileSelector(self.place, recursive=True))
            except FileNotFoundError:  # the bucket is there, and no key begins so
                return []
        start = len(self.place) + 1
        return sorted(Entry(one.path[start:], one.size) for one in found if one.type == fs.FileType.File)

    def own_size(self) -> int | None:
        """Return the size of the object of exactly this name, None if there is none. Raises ResultsError."""
        with clear_errors(self.name):
            found = self.files.get_file_info(self.place)
        return found.size if found.type == fs.FileType.File else None


def open_bucket(address: str) -> Bucket:
    """Open a folder by its address `s3://BUCKET/PREFIX`. No request is sent yet. Raises ResultsError."""
    place = address_of(address).removeprefix(SCHEME)
    bucket = place.partition("/")[0]
    if "@" in bucket or ":" in bucket:
        raise ResultsError(
            tr("An address of an object has no user and no password. Put the access key into AWS_ACCESS_KEY_ID.")
        )
    if not _BUCKET.fullmatch(bucket):
        raise ResultsError(tr("{address} names no bucket. Write it as s3://BUCKET/PREFIX.", address=address))
    os.environ.setdefault(METADATA, "true")
    endpoint = next((os.environ[name] for name in ENDPOINTS if os.environ.get(name)), None)
    with clear_errors(SCHEME + place):
        files = fs.S3FileSystem(
            endpoint_override=endpoint, connect_timeout=CONNECT_SECONDS, request_timeout=REQUEST_SECONDS
        )
    return Bucket(place, files)


def address_of(named: str | Path) -> str:
    """Return the address `s3://BUCKET/PREFIX` without a slash at the end. A Path has lost one of the two slashes."""
    return SCHEME + str(named).removeprefix(SCHEME).removeprefix("s3:/").rstrip("/")


@contextmanager
def clear_errors(name: str) -> Iterator[None]:
    """Raise ResultsError with one sentence in place of pyarrow's errors."""
    try:
        yield
    except OSError as error:
        raise refusal(error, name) from None


def refusal(error: OSError, name: str) -> ResultsError:
    """Return the exception that says what is wrong and how to mend it. Its number is ENETUNREACH without a network."""
    text = str(error)
    found = next((sentence for words, sentence in SENTENCES if any(word in text for word in words)), FAILED)
    refused = ResultsError(tr(found, name=name, reason=text.partition("\n")[0]))
    refused.number = errno.ENETUNREACH if found == NO_NETWORK else 0
    return refused

"""Read and write the object that lists the files of a store in a bucket, with their digests."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from probe.analysis.object_storage.bucket import Bucket, clear_errors
from probe.messages import mark, tr
from probe.results import ResultsError

LISTING = "store.json"
"""Key of the object that lists the files of a copy. A copy has the files that it lists, and no others."""
_DIGEST = re.compile("[0-9a-f]{64}")
SHOWN = 16  # digits of a digest in a key
DAMAGED = mark(
    "{name}/store.json cannot be read as the list of a store: {reason}. Delete this object, and copy the store there "
    "again: probe store copy DIR {name}"
)


class Stored(NamedTuple):
    """Hold the size of a file in bytes, and its SHA-256."""

    size: int
    digest: str


@dataclass(frozen=True)
class Listing:
    """Represent the content of a store: files by their path inside of it."""

    files: dict[str, Stored]
    version: int

    def to_json(self) -> bytes:
        """Return the object `store.json`. Equal stores have equal bytes."""
        return json.dumps({"version": self.version, "files": self.files}, sort_keys=True, indent=1).encode()

    @classmethod
    def from_json(cls, raw: bytes) -> "Listing":
        """Parse the object `store.json`. Raises ValueError."""
        document = json.loads(raw)
        try:
            files = {path: Stored(int(size), str(digest)) for path, (size, digest) in document["files"].items()}
            version = int(document["version"])
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"{LISTING}: {error!r}") from None
        if not any(path.endswith(".sqlite") for path in files):
            raise ValueError(f"{LISTING}: it names no database")
        if not all(_DIGEST.fullmatch(stored.digest) for stored in files.values()):
            raise ValueError(f"{LISTING}: a digest is no SHA-256")
        if any(Path(path).is_absolute() or ".." in Path(path).parts for path in files):
            raise ValueError(f"{LISTING}: a path leads out of the store")
        return cls(files, version)

    def digest(self) -> str:
        """Return a digest of everything."""
        return hashlib.sha256(self.to_json()).hexdigest()

    def keys(self) -> dict[str, str]:
        """Return the object's key by path. It has the digest, so that an object is never replaced by another."""
        return {path: key_of(path, stored) for path, stored in self.files.items()}


def key_of(path: str, stored: Stored) -> str:
    """Return the key of a file, `measurements/month=2026-01/NAME.DIGEST.parquet`."""
    place = Path(path)
    return str(place.with_name(f"{place.stem}.{stored.digest[:SHOWN]}{place.suffix}"))


def listing_in(bucket: Bucket) -> Listing | None:
    """Return the listing of the store in a bucket, None if there is no store. Raises ResultsError."""
    with clear_errors(bucket.name):
        try:
            with bucket.files.open_input_stream(bucket.path(LISTING)) as stream:
                raw = stream.read()
        except FileNotFoundError:
            return None
    try:
        return Listing.from_json(raw)
    except (ValueError, RecursionError) as error:
        raise ResultsError(tr(DAMAGED, name=bucket.name, reason=error)) from None

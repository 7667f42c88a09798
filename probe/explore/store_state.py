"""Name the state of a store, so that a change of its files is seen."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from probe import __version__
from probe.analysis.rules.tables import RULESET
from probe.analysis.store.versions import NAME


def state_of(folder: Path) -> str:
    """Return a digest of the names, sizes and times of the files that answers are made from, and of our version.

    A load, a merge and a removal change the database and the files of the verdicts.
    """
    digest = hashlib.sha256(f"{__version__} {RULESET}\n".encode())
    for name, size, changed in sorted(_files(folder)):
        digest.update(f"{name} {size} {changed}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    yield _facts(folder / NAME)
    for place, _, names in os.walk(folder / "verdicts"):
        yield from (_facts(Path(place, name)) for name in names)


def _facts(file: Path) -> tuple[str, int, int]:
    """Return name, size and time of a file. One that is being removed has none."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return str(file), 0, 0
    return str(file), found.st_size, found.st_mtime_ns

"""Pack a closed results file with zstd. At each moment one whole file of the run has its name.

1. The packed file is written under a name that no reader takes, synced, and compared with the original.
2. It is renamed. From now on readers leave out the original beside it.
3. The original is removed.
"""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from probe.platforms.durability import sync, sync_folder
from probe.results.folders import PACKED, ResultsError, make_private_folder
from probe.results.unpacking import open_unpacked, zstd_module

UNFINISHED = ".unfinished-"  # begin of the names of files that are not complete
LEVEL = 9  # of zstd. A run of 4 MB takes 0.1 s.
_PIECE = 1 << 20


def can_pack() -> bool:
    """Return whether zstd is installed. There is none for 32-bit ARM with Python before 3.14."""
    try:
        zstd_module()
    except ResultsError:
        return False
    return True


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """Make an empty private file in a folder, which is made too. Remove it in the end if it was not renamed."""
    make_private_folder(folder)
    path = folder / f"{UNFINISHED}{secrets.token_hex(8)}"
    with open(path, "xb", opener=_private):
        pass
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def pack(path: Path) -> Path:
    """Replace a closed file by `<name>.zst` and return the new path. Raise an exception of UNREADABLE, and keep it."""
    packed = path.with_name(path.name + PACKED)
    if os.path.lexists(packed):
        raise FileExistsError(packed)
    with unfinished(path.parent) as part:
        digest = _write(path, part)
        _check(part, digest)
        part.rename(packed)
    sync_folder(path.parent)
    path.unlink()
    sync_folder(path.parent)
    return packed


def _write(path: Path, part: Path) -> str:
    """Write the packed file, and return the digest of what was packed."""
    digest = sha256()
    with path.open("rb") as source, part.open("wb") as file:
        with zstd_module().ZstdFile(file, "wb", level=LEVEL) as target:
            while piece := source.read(_PIECE):
                digest.update(piece)
                target.write(piece)
        file.flush()
        sync(file.fileno())
    return digest.hexdigest()


def _check(part: Path, expected: str) -> None:
    """Read the file as readers will do, because the original is removed. Raise an exception of UNREADABLE."""
    digest = sha256()
    with open_unpacked(part) as source:
        while piece := source.read(_PIECE):
            digest.update(piece)
    if digest.hexdigest() != expected:
        raise OSError(errno.EIO, os.strerror(errno.EIO), part)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)

"""List the files of a store with their digests, and remember which copies a store was equal to."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from probe.analysis.object_storage.listing import SHOWN, Listing, Stored
from probe.analysis.store.columns import TABLES
from probe.analysis.store.files import STAGED
from probe.analysis.store.index import INDEX
from probe.analysis.store.versions import NAME, VERSION

COPIES = "copies.json"
_HELD = (*TABLES, INDEX, STAGED)
_KEY = re.compile(rf"(({'|'.join(_HELD)})/.*|{Path(NAME).stem})\.[0-9a-f]{{{SHOWN}}}\.[a-z]+")


def is_key(key: str) -> bool:
    """Return True for a key that `key_of` makes. Other objects in the folder are not ours."""
    return _KEY.fullmatch(key) is not None


def listing_of(folder: Path) -> Listing:
    """Return the files of a store on a disk. Only files that changed since the last time are read."""
    known, files = _notes(folder)["digests"], dict[str, Stored]()
    held = [path for name in _HELD for path in sorted((folder / name).rglob("*")) if path.is_file()]
    for file in [*held, folder / NAME]:
        path, found = str(file.relative_to(folder)), file.stat()
        before = known.get(path, [])
        same = path != NAME and before[:2] == [found.st_size, found.st_mtime_ns]
        files[path] = Stored(found.st_size, before[2] if same else digest_of(file))
    return Listing(files, VERSION)


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remembered(folder: Path, name: str) -> list[str]:
    """Return the digests of listings that the copy of that address may have, as far as this store knows."""
    return [str(digest) for digest in _notes(folder)["copies"].get(name, [])]


def remember(folder: Path, place: Path, name: str, listing: Listing, *, sent: bool = True) -> None:
    """Note in `place` that the copy of that address has this listing, or may have it if it is not `sent` yet.

    `folder` has the earlier notes.
    """
    notes = _notes(folder)
    notes["copies"][name] = [*([] if sent else notes["copies"].get(name, [])), listing.digest()]
    times = {path: (place / path).stat() for path in listing.files}
    notes["digests"] = {
        path: [times[path].st_size, times[path].st_mtime_ns, stored.digest] for path, stored in listing.files.items()
    }
    temporary = place / f"{COPIES}.part"
    temporary.write_text(json.dumps(notes))
    os.replace(temporary, place / COPIES)


def _notes(folder: Path) -> dict[str, Any]:
    try:
        notes = json.loads((folder / COPIES).read_text())
        return {"copies": dict(notes["copies"]), "digests": dict(notes["digests"])}
    except (FileNotFoundError, KeyError, TypeError, ValueError):  # it is only a note, and can be made again
        return {"copies": {}, "digests": {}}

"""Copy a store from a disk to a bucket, and back. Only files that the other side lacks are sent.

In a bucket, the listing is written after the files that it names, in one request. Files that it no longer names are
deleted after that. So the listing always names files that are there, also after a kill. On a disk, the copy is made
beside the earlier one, and then takes its place.
"""

import hashlib
import json
import mmap
import os
import re
import shutil
from pathlib import Path
from typing import Any

from probe.analysis.object_storage import Bucket, open_bucket
from probe.analysis.object_storage.bucket import clear_errors
from probe.analysis.object_storage.bucket_store import open_store
from probe.analysis.object_storage.listing import LISTING, SHOWN, Listing, Stored, key_of, listing_in
from probe.analysis.store.columns import TABLES
from probe.analysis.store.database import LOCK, locked, refusal
from probe.analysis.store.files import STAGED
from probe.analysis.store.identity_index import INDEX
from probe.analysis.store.manifest import StoreError
from probe.analysis.store.versions import NAME, VERSION
from probe.analysis.store.writing.moves import open_for_writing
from probe.messages import mark, tr
from probe.platforms.durability import sync_all
from probe.results import ResultsError, is_remote

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


COPYING, EARLIER = ".copying", ".earlier"
CHUNK = 4 * 1024 * 1024
CHANGED = mark(
    "{target} was changed since it was last copied from or to {source}. Give another place, so that nothing is lost."
)

Counts = dict[str, int]


def copy(source: str, target: str) -> Counts:
    """Make `target` equal to the store `source`, one of them in a bucket. Return the files and bytes that were sent.

    Raises StoreError, also for a target with changes of its own, ResultsError for the bucket, and FullDisk.
    """
    if is_remote(source) == is_remote(target):
        raise StoreError(
            tr("One of the two must be in a bucket and the other on a disk: s3://BUCKET/PREFIX and a folder.")
        )
    if is_remote(target):
        return upload(Path(source), open_bucket(target))
    return download(open_bucket(source), Path(target))


def upload(folder: Path, bucket: Bucket) -> Counts:
    """Copy a store on a disk to a bucket. Raises StoreError, ResultsError and FullDisk."""
    if not (folder / NAME).is_file():
        raise StoreError(tr("{folder} is no store.", folder=folder))
    with open_for_writing(folder):
        mine, theirs = listing_of(folder), listing_in(bucket)
        if theirs is not None and theirs != mine and theirs.digest() not in remembered(folder, bucket.name):
            raise StoreError(tr(CHANGED, target=bucket.name, source=folder))
        there = {entry.key: entry.size for entry in bucket.entries()}
        keys = mine.keys()
        missing = [path for path, stored in mine.files.items() if there.get(keys[path]) != stored.size]
        for path in missing:
            _send(folder / path, bucket, keys[path])
        if theirs != mine:
            remember(folder, folder, bucket.name, mine, sent=False)
            _put_listing(bucket, mine)
        remember(folder, folder, bucket.name, mine)
        _delete(bucket, set(filter(is_key, there.keys() - keys.values())))
    return _counts(mine, missing)


def download(bucket: Bucket, folder: Path) -> Counts:
    """Copy a store in a bucket to a disk. Raises StoreError, ResultsError and FullDisk."""
    theirs = open_store(bucket.name).listing
    if theirs.version > VERSION:
        raise StoreError(tr("The store in {name} was made by a newer release. Install it.", name=bucket.name))
    try:
        _restore(folder)
        with locked(folder):
            mine = _own(folder, bucket)
            return _counts(theirs, [] if theirs == mine else _replace(bucket, theirs, folder, mine))
    except OSError as error:
        raise refusal(error, folder) from None


def _replace(bucket: Bucket, theirs: Listing, folder: Path, mine: Listing | None) -> list[str]:
    """Make the copy beside the store, and put it in its place. Return the paths that were downloaded."""
    made = folder.with_name(folder.name + COPYING)
    sent = [path for path, stored in theirs.files.items() if _fetched(bucket, path, stored, made, folder, mine)]
    for file in [
        file for file in made.rglob("*") if file.is_file() and str(file.relative_to(made)) not in theirs.files
    ]:
        file.unlink()  # of a copy that was interrupted
    remember(folder, made, bucket.name, theirs)
    sync_all(made)
    _exchange(made, folder)
    return sent


def _own(folder: Path, bucket: Bucket) -> Listing | None:
    """Return the listing of a store that is equal to an earlier copy, None for an empty folder. Raises StoreError."""
    if not (folder / NAME).exists():
        if any(path.name != LOCK for path in folder.iterdir()):
            raise StoreError(tr("{folder} has other files than a store. Give an empty folder.", folder=folder))
        return None
    mine = listing_of(folder)
    if mine.digest() not in remembered(folder, bucket.name):
        raise StoreError(tr(CHANGED, target=folder, source=bucket.name))
    return mine


def _send(file: Path, bucket: Bucket, key: str) -> None:
    """Upload one file. A reader sees the object when it is complete."""
    with clear_errors(bucket.name), file.open("rb") as opened, bucket.files.open_output_stream(bucket.path(key)) as out:
        if file.stat().st_size:
            with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
                out.write(content)


def _put_listing(bucket: Bucket, listing: Listing) -> None:
    with clear_errors(bucket.name), bucket.files.open_output_stream(bucket.path(LISTING)) as out:
        out.write(listing.to_json())


def _delete(bucket: Bucket, keys: set[str]) -> None:
    """Delete objects that no listing names any more."""
    with clear_errors(bucket.name):
        for key in sorted(keys):
            bucket.files.delete_file(bucket.path(key))


def _fetched(bucket: Bucket, path: str, stored: Stored, made: Path, folder: Path, mine: Listing | None) -> bool:
    """Put one file into `made`, from the earlier copy if it has it. Return True if it was downloaded."""
    place = made / path
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path != NAME and place.exists() and digest_of(place) == stored.digest:
        return False
    place.unlink(missing_ok=True)
    if path != NAME and mine is not None and mine.files.get(path) == stored:  # the database is written in place
        os.link(folder / path, place)
        return False
    _fetch(bucket, key_of(path, stored), stored, place)
    return True


def _fetch(bucket: Bucket, key: str, stored: Stored, place: Path) -> None:
    part, hashed = place.with_name(place.name + ".part"), hashlib.sha256()
    try:
        stream = bucket.files.open_input_stream(bucket.path(key), buffer_size=CHUNK)
    except FileNotFoundError:
        gone = tr("The store in {name} was changed while it was copied. Run the same command again.", name=bucket.name)
        raise ResultsError(gone) from None
    except OSError:
        with clear_errors(bucket.name):
            raise
    with stream, part.open("wb") as out:
        while True:
            with clear_errors(bucket.name):
                content = stream.read(CHUNK)
            if not content:
                break
            hashed.update(content)
            out.write(content)
    if hashed.hexdigest() != stored.digest:
        raise StoreError(tr("{key} in {name} is damaged. Copy the store there again.", key=key, name=bucket.name))
    os.replace(part, place)


def _restore(folder: Path) -> None:
    """Undo or finish the exchange of a copy that was killed."""
    earlier = folder.with_name(folder.name + EARLIER)
    if not folder.exists() and earlier.exists():
        os.rename(earlier, folder)
    elif (folder / NAME).exists() and earlier.exists():
        shutil.rmtree(earlier)


def _exchange(made: Path, folder: Path) -> None:
    earlier = folder.with_name(folder.name + EARLIER)
    os.rename(folder, earlier)
    os.rename(made, folder)
    shutil.rmtree(earlier)


def _counts(listing: Listing, sent: list[str]) -> Counts:
    sizes = [listing.files[path].size for path in sent]
    return {"files": len(listing.files), "sent": len(sent), "bytes": sum(sizes)}

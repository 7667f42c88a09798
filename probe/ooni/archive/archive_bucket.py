"""List prefixes of the bucket and fetch files. A file is accepted only with the listed size and digest.

Parse one page of a bucket's listing (ListObjectsV2 of the Amazon S3 API, version 2006-03-01).
"""

import asyncio
import hashlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote
from xml.etree import ElementTree  # see parse_page  # nosec B405

import aiohttp
import certifi

from probe.http_client.foreign_servers import (
    IDENTITY,
    ForeignServers,
    UnusableAnswer,
    open_foreign,
    reason_of,
    seconds_for,
)
from probe.ooni.archive.archive_keys import ArchivedFile

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
LARGEST = 2**50  # bytes. A larger size is not believed.
DEEPEST, MOST_ELEMENTS = 8, 20_000  # elements of a page. 1000 files have about ten each, at depth 4.


class Unusable(ValueError):
    """Report that the bucket's answer is malformed. The text is the reason, without the bucket's name."""


class _Shallow(ElementTree.TreeBuilder):
    """Build the elements of a listing. Raises Unusable for more or deeper ones than S3 sends."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._count = 0

    def start(self, tag: Any, attrs: Any, /) -> Any:
        self._depth += 1
        self._count += 1
        if self._depth > DEEPEST or self._count > MOST_ELEMENTS:
            raise Unusable("its listing has more elements than S3 sends")
        return super().start(tag, attrs)

    def end(self, tag: Any, /) -> Any:
        self._depth -= 1
        return super().end(tag)


def page_query(prefix: str, token: str | None) -> str:
    """Return the query string for the first page, or for the page after `token`."""
    more = f"&continuation-token={quote(token, safe='')}" if token else ""
    return f"list-type=2&max-keys=1000&prefix={quote(prefix, safe='')}{more}"


def parse_page(raw: bytes) -> tuple[list[ArchivedFile], str | None]:
    """Return the files of a page and the next page's token, or None after the last. Raises Unusable."""
    if b"\0" in raw:
        raise Unusable("its listing is no XML in UTF-8")  # in UTF-16 the next check would find no entity
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise Unusable("its listing declares entities, which S3's never do")
    try:
        listing = raw.decode()
        parser = ElementTree.XMLParser(target=_Shallow())  # without entities nothing expands or is loaded  # nosec B314
        root = ElementTree.fromstring(listing, parser)  # nosec B314
    except (UnicodeDecodeError, ElementTree.ParseError):
        raise Unusable("its listing is no XML") from None
    if root.tag.removeprefix(NAMESPACE) != "ListBucketResult":
        raise Unusable(f"it answers {root.tag.removeprefix(NAMESPACE)[:40]!r} in place of a listing")
    files = [_stored(entry) for entry in root if entry.tag.removeprefix(NAMESPACE) == "Contents"]
    if _text(root, "IsTruncated") != "true":
        return files, None
    token = _text(root, "NextContinuationToken")
    if not token:
        raise Unusable("its listing has a further page and does not name it")
    return files, token


def _stored(entry: ElementTree.Element) -> ArchivedFile:
    size = _text(entry, "Size")
    if not size.isascii() or not size.isdigit() or len(size) > 16 or int(size) > LARGEST:
        raise Unusable("its listing has a file without a size")
    return ArchivedFile(_text(entry, "Key"), int(size), _text(entry, "ETag").strip('"'))


def _text(entry: ElementTree.Element, tag: str) -> str:
    found = entry.find(NAMESPACE + tag)
    found = entry.find(tag) if found is None else found
    return (found.text or "").strip() if found is not None else ""


ARCHIVE = "https://ooni-data-eu-fra.s3.eu-central-1.amazonaws.com"
"""https://github.com/ooni/data/blob/c8fcc72954c5ff8d0f880d8a86d376b1f1cca8f4/Readme.md, opened 2026-11-24."""

LISTINGS_AT_ONCE, FILES_AT_ONCE = 8, 4
TRIES, BETWEEN_TRIES = 4, 1.0  # attempts, and seconds between them, doubled each time
LONGEST_PAGE = 2 * 1024 * 1024  # bytes. 1000 keys take less than one megabyte.
MOST_PAGES = 1000  # per prefix

_MD5 = re.compile(r"[0-9a-f]{32}")  # an ETag that is the file's digest. A multi-part ETag has a dash.
T = TypeVar("T")


class Unreachable(Exception):
    """Report that the bucket failed several times. The text is the reason."""


class Spoiled(Exception):
    """Report that the fetched file is not the listed one. The text is the reason."""


class ArchiveBucket:
    """Access one bucket with one session. Redirects are not followed, so no other host is contacted."""

    def __init__(self, base_url: str, servers: ForeignServers) -> None:
        self._base, self._servers = base_url.rstrip("/"), servers

    async def listed(self, prefixes: Iterable[str]) -> list[ArchivedFile]:
        """Return every file under the prefixes. Raises Unreachable."""
        waiting, found = iter(prefixes), list[ArchivedFile]()

        async def work() -> None:
            for prefix in waiting:
                found.extend(await self._list(prefix))

        async with _together() as group:
            for _ in range(LISTINGS_AT_ONCE):
                group.create_task(work())
        return found

    async def _list(self, prefix: str) -> list[ArchivedFile]:
        found, token, seen = list[ArchivedFile](), None, set[str | None]()
        while token not in seen and len(seen) < MOST_PAGES:
            seen.add(token)
            raw = await _again(self._page, page_query(prefix, token))
            files, token = parse_page(raw)
            found += [stored for stored in files if stored.key.startswith(prefix)]
            if token is None:
                return found
        raise Unreachable(f"its listing of {prefix} does not end")

    async def _page(self, query: str) -> bytes:
        url = f"{self._base}/?{query}"
        async with self._servers.request("GET", url, seconds=seconds_for(LONGEST_PAGE)) as response:
            _check(response, {200})
            try:
                return await self._servers.body(response, LONGEST_PAGE)
            except UnusableAnswer as error:
                raise Unusable(f"its listing is refused: {error}") from None

    async def fetch(self, stored: ArchivedFile, folder: Path) -> bool:
        """Fetch a file to its key under `folder`. Return whether anything was fetched.

        A partial file of an earlier run is continued. Raises Unreachable, Spoiled and OSError.
        """
        final = folder / stored.key
        if final.is_file() and _is_whole(final, stored):
            return False
        final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = final.with_name(final.name + ".part")
        if _size_of(part) >= stored.size and part.is_file() and not _is_whole(part, stored):
            part.unlink()
        if not (part.is_file() and _is_whole(part, stored)):
            await _again(self._continue, stored, part)
        if not _is_whole(part, stored):
            part.unlink()
            raise Spoiled(f"{stored.key} differs from the bucket's listing and was deleted. Fetch it again.")
        part.rename(final)
        return True

    async def _continue(self, stored: ArchivedFile, part: Path) -> None:
        """Fetch the missing part, or everything if the file has changed or the bucket supports no ranges."""
        have = _size_of(part)
        headers = {"Range": f"bytes={have}-", "If-Range": f'"{stored.etag}"'} if have else {}
        url = f"{self._base}/{stored.key}"
        wait = seconds_for(stored.size - have)
        async with self._servers.request("GET", url, seconds=wait, headers=headers) as response:
            _check(response, {200, 206})
            have = have if response.status == 206 else 0
            with part.open("ab" if have else "wb") as file:
                async for chunk in response.content.iter_chunked(1 << 16):
                    have += len(chunk)
                    if have > stored.size:
                        raise Spoiled(f"{stored.key} is longer than the bucket's listing says")
                    file.write(chunk)
        if have < stored.size:
            raise _Again("the connection ended before the whole file came")


@asynccontextmanager
async def open_bucket(base_url: str) -> AsyncIterator[ArchiveBucket]:
    """Open a bucket with its session: public roots, no proxy, no decompression."""
    context = ssl.create_default_context(cafile=certifi.where())
    connector = aiohttp.TCPConnector(ssl=context, resolver=aiohttp.ThreadedResolver())
    async with open_foreign(connector, packing=IDENTITY, headers={"User-Agent": "censorprobe"}) as servers:
        yield ArchiveBucket(base_url, servers)


def _check(response: aiohttp.ClientResponse, good: set[int]) -> None:
    if response.status in {429, 500, 502, 503, 504}:
        raise _Again(f"it answers {response.status}")
    if response.status not in good:
        raise Unusable(f"it answers {response.status}")


class _Again(aiohttp.ClientError):
    """Report that a request may succeed at another time. The text says why it failed."""


async def _again(do: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """Retry an operation until it succeeds. Raises Unreachable with the last reason."""
    reason = ""
    for number in range(TRIES):
        if number:
            await asyncio.sleep(BETWEEN_TRIES * 2 ** (number - 1))
        try:
            return await do(*arguments)
        except Unusable as error:
            raise Unreachable(str(error)) from None
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            reason = str(error) if isinstance(error, _Again) else reason_of(error)
    raise Unreachable(reason)


@asynccontextmanager
async def _together() -> AsyncIterator[asyncio.TaskGroup]:
    """Open a task group that raises its first exception directly."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except* (Unreachable, Unusable) as errors:
        raise Unreachable(str(errors.exceptions[0])) from None


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _is_whole(path: Path, stored: ArchivedFile) -> bool:
    """Tell whether a file has the listed size, and the digest if the ETag is one."""
    if path.stat().st_size != stored.size:
        return False
    if not _MD5.fullmatch(stored.etag):
        return True
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == stored.etag

"""List prefixes of the bucket and fetch files. A file is accepted only with the listed size and digest."""

import asyncio
import hashlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import certifi

from probe.ooni.archive.keys import Stored
from probe.ooni.archive.listing import Unusable, page_query, parse_page

ARCHIVE = "https://ooni-data-eu-fra.s3.eu-central-1.amazonaws.com"
"""https://github.com/ooni/data/blob/c8fcc72954c5ff8d0f880d8a86d376b1f1cca8f4/Readme.md, opened 2026-11-24."""

LISTINGS_AT_ONCE, FILES_AT_ONCE = 8, 4
TRIES, BETWEEN_TRIES = 4, 1.0  # attempts, and seconds between them, doubled each time
LONGEST_PAGE = 8 * 1024 * 1024  # bytes. 1000 keys take less than one megabyte.
MOST_PAGES = 1000  # per prefix
SILENCE = aiohttp.ClientTimeout(total=None, connect=30, sock_read=60)  # seconds

_MD5 = re.compile(r"[0-9a-f]{32}")  # an ETag that is the file's digest. A multi-part ETag has a dash.
T = TypeVar("T")


class Unreachable(Exception):
    """Report that the bucket failed several times. The text is the reason."""


class Spoiled(Exception):
    """Report that the fetched file is not the listed one. The text is the reason."""


class Bucket:
    """Access one bucket with one session. Redirects are not followed, so no other host is contacted."""

    def __init__(self, base_url: str, session: aiohttp.ClientSession) -> None:
        self._base, self._session = base_url.rstrip("/"), session

    async def listed(self, prefixes: Iterable[str]) -> list[Stored]:
        """Return every file under the prefixes. Raises Unreachable."""
        waiting, found = iter(prefixes), list[Stored]()

        async def work() -> None:
            for prefix in waiting:
                found.extend(await self._list(prefix))

        async with _together() as group:
            for _ in range(LISTINGS_AT_ONCE):
                group.create_task(work())
        return found

    async def _list(self, prefix: str) -> list[Stored]:
        found, token, seen = list[Stored](), None, set[str | None]()
        while token not in seen and len(seen) < MOST_PAGES:
            seen.add(token)
            raw = await _again(self._page, page_query(prefix, token))
            files, token = parse_page(raw)
            found += [stored for stored in files if stored.key.startswith(prefix)]
            if token is None:
                return found
        raise Unreachable(f"its listing of {prefix} does not end")

    async def _page(self, query: str) -> bytes:
        async with self._session.get(f"{self._base}/?{query}", allow_redirects=False) as response:
            _check(response, {200})
            raw = b""
            async for chunk in response.content.iter_chunked(1 << 16):
                raw += chunk
                if len(raw) > LONGEST_PAGE:
                    raise Unusable("its listing is endless")
            return raw

    async def fetch(self, stored: Stored, folder: Path) -> bool:
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
            raise Spoiled(f"{stored.key} is not what was listed, and was thrown away; fetch it again")
        part.rename(final)
        return True

    async def _continue(self, stored: Stored, part: Path) -> None:
        """Fetch the missing part, or everything if the file has changed or the bucket supports no ranges."""
        have = _size_of(part)
        headers = {"Range": f"bytes={have}-", "If-Range": f'"{stored.etag}"'} if have else {}
        url = f"{self._base}/{stored.key}"
        async with self._session.get(url, headers=headers, allow_redirects=False) as response:
            _check(response, {200, 206})
            have = have if response.status == 206 else 0
            with part.open("ab" if have else "wb") as file:
                async for chunk in response.content.iter_chunked(1 << 16):
                    have += len(chunk)
                    if have > stored.size:
                        raise Spoiled(f"{stored.key} is longer than was listed")
                    file.write(chunk)
        if have < stored.size:
            raise aiohttp.ClientPayloadError("it broke off")


@asynccontextmanager
async def open_bucket(base_url: str) -> AsyncIterator[Bucket]:
    """Open a bucket with its session: public roots, no proxy, no decompression."""
    context = ssl.create_default_context(cafile=certifi.where())
    connector = aiohttp.TCPConnector(ssl=context, resolver=aiohttp.ThreadedResolver())
    headers = {"Accept-Encoding": "identity", "User-Agent": "censorprobe"}
    async with aiohttp.ClientSession(
        connector=connector, trust_env=False, auto_decompress=False, timeout=SILENCE, headers=headers
    ) as session:
        yield Bucket(base_url, session)


def _check(response: aiohttp.ClientResponse, good: set[int]) -> None:
    if response.status in {429, 500, 502, 503, 504}:
        raise aiohttp.ClientPayloadError(f"it answers {response.status}")
    if response.status not in good:
        raise Unusable(f"it answers {response.status}")


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
            reason = str(error) or type(error).__name__
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


def _is_whole(path: Path, stored: Stored) -> bool:
    """Tell whether a file has the listed size, and the digest if the ETag is one."""
    if path.stat().st_size != stored.size:
        return False
    if not _MD5.fullmatch(stored.etag):
        return True
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == stored.etag

"""Let servers misbehave towards every request of the program, and see that each request ends with its documented error.

Each row of REQUESTS is a request that a command makes, each row of MISBEHAVIOURS what a hostile server does. A test for
each pair shows that the request ends within its deadline, that it took a bounded number of bytes, and that it contacts
no other server.
"""

import asyncio
import gzip
import json
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from probe.control import own
from probe.control.ooni import OONIHelper
from probe.http_client import foreign_servers
from probe.ooni.archive import archive_bucket
from probe.ooni.archive.archive_bucket import Spoiled, Unreachable, open_bucket
from probe.ooni.archive.archive_keys import ArchivedFile
from probe.ooni.run_links import run_link
from probe.ooni.run_links.descriptor import DescriptorError
from probe.ooni.run_links.run_link import Link, fetch_descriptor
from probe.ooni.submission.exchanges import submitted
from probe.ooni.submission.outcomes import SubmissionState
from probe.ooni.submission.submission_client import Lost, open_client
from probe.steps.tls.certificate_checks import load_roots
from probe.stores import store_client
from probe.targets.address_guard import Contacts
from probe.targets.target_files import bundled_targets, load_target
from tests.support.servers.loopback import Peer, Server, serving

SECONDS = 0.6  # for each request here. In a run they are 10 to 60.
ALLOWED = 3.0  # seconds that a request may take here, on a busy computer
MOST = 64 * 1024 * 1024  # bytes that a server could send before the request ended, on six connections of one request
ROOTS = load_roots()
TELEGRAM = load_target(bundled_targets() / "telegram.toml")

Misbehaviour = Callable[[Peer, Callable[[bytes], Awaitable[None]]], Awaitable[None]]
Request = Callable[[str, Path], Awaitable[str]]


# -- requests: each returns what the program says about the answer -----------------------------------------------------


async def _own_helper(url: str, folder: Path) -> str:
    return str((await own.ask(url, TELEGRAM, {}, roots=ROOTS, seconds=SECONDS))["failure"])


async def _own_helpers_health(url: str, folder: Path) -> str:
    return str(await own.health(url, roots=ROOTS, seconds=SECONDS))


async def _oonis_helper(url: str, folder: Path) -> str:
    session = SimpleNamespace(pace=SimpleNamespace(segment_sizes={}), neutral_addresses=[])
    asker = OONIHelper(url, session, ROOTS)  # type: ignore[arg-type]
    return str((await asker.ask(TELEGRAM, {}, seconds=SECONDS))["failure"])


async def _publish(url: str, folder: Path) -> str:
    async with open_client(url) as client:
        answer = await client.post("/report", b"{}")
    if isinstance(answer, Lost):
        return answer.reason
    outcome = submitted(answer)
    assert outcome.state is not SubmissionState.SENT
    return outcome.reason


async def _run_link(url: str, folder: Path) -> str:
    try:
        return (await fetch_descriptor(Link("10001", ""), url)).decode(errors="replace")[:40]
    except DescriptorError as error:
        return str(error)


async def _archives_listing(url: str, folder: Path) -> str:
    try:
        async with open_bucket(url) as bucket:
            return str(await bucket.listed(["raw/"]))
    except Unreachable as error:
        return str(error)


async def _archives_file(url: str, folder: Path) -> str:
    try:
        async with open_bucket(url) as bucket:
            return str(await bucket.fetch(ArchivedFile("raw/a.gz", 5000, "0" * 32), folder))
    except (Unreachable, Spoiled) as error:
        return str(error)


async def _app_store(url: str, folder: Path) -> str:
    async with store_client.open_client(ROOTS, Contacts.LAB) as client:
        answer = await client.get(url, {"id": "1"})
    return answer.failure or answer.body.decode(errors="replace")[:40]


REQUESTS: dict[str, Request] = {
    "--control": _own_helper,
    "doctor, our helper": _own_helpers_health,
    "--control ooni": _oonis_helper,
    "submit": _publish,
    "--ooni-run": _run_link,
    "fetch, the listing": _archives_listing,
    "fetch, a file": _archives_file,
    "stores": _app_store,
}


# -- misbehaviours -----------------------------------------------------------------------------------------------------


def _head(status: str = "200 OK", **fields: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _whole(body: bytes, status: str = "200 OK", **fields: str) -> bytes:
    return _head(status, Content_Length=str(len(body)), **fields) + body


async def _never_final(peer: Peer, send: Callable[[bytes], Awaitable[None]]) -> None:
    while True:
        await send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
        await asyncio.sleep(0)


async def _byte_by_byte(peer: Peer, send: Callable[[bytes], Awaitable[None]]) -> None:
    await send(_head(Content_Length="100000"))
    for _ in count():
        await send(b" ")
        await asyncio.sleep(0.1)


async def _endless_body(peer: Peer, send: Callable[[bytes], Awaitable[None]]) -> None:
    await send(_head(Connection="close"))
    while True:
        await send(b" " * 65536)


async def _endless_head(peer: Peer, send: Callable[[bytes], Awaitable[None]]) -> None:
    await send(b"HTTP/1.1 200 OK\r\n")
    for number in count():
        await send(b"X-%d: %s\r\n" % (number, b"y" * 1000))


async def _silent(peer: Peer, send: Callable[[bytes], Awaitable[None]]) -> None:
    await peer.reader.read(-1)


def _sends(raw: bytes) -> Misbehaviour:
    async def answer(peer: Peer, send: Callable[[bytes], Awaitable[None]]) -> None:
        await send(raw)

    return answer


ELSEWHERE = "http://127.0.0.2:9/elsewhere"
DEEP_XML = b"<a>" * 300_000
MANY_KEYS = (
    b"<ListBucketResult>" + b"<Contents><Key>raw/a</Key><Size>1</Size></Contents>" * 30_000 + b"</ListBucketResult>"
)
MISBEHAVIOURS: dict[str, Misbehaviour] = {
    "100 Continue without end": _never_final,
    "ten bytes a second": _byte_by_byte,
    "a body without end": _endless_body,
    "header lines without end": _endless_head,
    "silence": _silent,
    "a body that unpacks to a gigabyte": _sends(
        _whole(gzip.compress(bytes(1 << 20), mtime=0) * 1000, Content_Encoding="gzip")
    ),
    "a packing that was not asked": _sends(_whole(b"x", Content_Encoding="br")),
    "deep JSON": _sends(_whole(b"[" * 100_000 + b"]" * 100_000)),
    "deep objects": _sends(_whole(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)),
    "deep XML": _sends(_whole(DEEP_XML)),
    "a listing with too many elements": _sends(_whole(MANY_KEYS)),
    "entities that expand": _sends(_whole(b'<!DOCTYPE a [<!ENTITY b "ccc">]><a>&b;</a>')),
    "a redirect": _sends(_whole(b"", "302 Found", Location=ELSEWHERE)),
    "a permanent redirect": _sends(_whole(b"", "308 Permanent Redirect", Location=ELSEWHERE)),
    "an identifier that is a path": _sends(_whole(json.dumps({"report_id": "..%2F..%2Fx"}).encode())),
    "an identifier with control characters": _sends(_whole(json.dumps({"report_id": "\x1b[2Jx"}).encode())),
    "control characters in the reason": _sends(_whole(b"", "500 \x1b[2J\x07")),
    "a status that is no number": _sends(b"HTTP/1.1 abc OK\r\n\r\n"),
    "no HTTP": _sends(b"\x16\x03\x01\x00\x02ab\r\n\r\n"),
    "a length that is too long": _sends(_head(Content_Length="100") + b"short"),
    "a negative length": _sends(_head(Content_Length="-1") + b"x"),
    "chunks of nonsense": _sends(_head(Transfer_Encoding="chunked") + b"zzz\r\nabc\r\n"),
    "numbers that are too large": _sends(_whole(b'{"a": 1e999, "b": ' + b"9" * 5000 + b"}")),
    "no UTF-8": _sends(_whole(b"\xff\xfe\xfd")),
}


@asynccontextmanager
async def misbehaving(how: Misbehaviour) -> AsyncIterator[tuple[Server, list[int]]]:
    """Serve one misbehaviour. The list has the bytes of each piece that was sent."""
    sent = list[int]()

    async def handler(peer: Peer) -> None:
        async def send(data: bytes) -> None:
            await peer.send(data)
            sent.append(len(data))

        head = await peer.reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        await peer.reader.readexactly(length)
        await how(peer, send)

    async with serving(handler) as server:
        yield server, sent


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_servers, "LONGEST_SILENCE", SECONDS)
    monkeypatch.setattr(foreign_servers, "SLOWEST", 1e9)
    monkeypatch.setattr(archive_bucket, "TRIES", 1)
    monkeypatch.setattr(run_link, "SECONDS", SECONDS)
    monkeypatch.setattr(store_client, "SECONDS", SECONDS)


@pytest.mark.parametrize("request_of", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("how", MISBEHAVIOURS.values(), ids=MISBEHAVIOURS)
async def test_request_ends_with_a_sentence(how: Misbehaviour, request_of: Request, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with misbehaving(how) as (server, sent):
        async with asyncio.timeout(ALLOWED):
            said = await request_of(f"http://127.0.0.1:{server.port}", tmp_path)
    assert said and said != "None" and said.isprintable() and "127.0.0" not in said
    assert sum(sent) < MOST
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # kilobytes


@pytest.mark.parametrize("request_of", REQUESTS.values(), ids=REQUESTS)
async def test_no_cookie_is_sent_back(request_of: Request, tmp_path: Path) -> None:
    answer = _whole(b"{}", "503 Busy", Set_Cookie="seen=before; Path=/", Retry_After="0", Connection="close")
    heads = list[bytes]()

    async def handler(peer: Peer) -> None:
        heads.append(await peer.reader.readuntil(b"\r\n\r\n"))
        await peer.send(answer)

    async with serving(handler) as server:
        for _ in range(2):
            await request_of(f"http://localhost:{server.port}", tmp_path)
    assert heads and not [head for head in heads if b"cookie" in head.lower()]


def test_every_client_of_the_program_is_this_one() -> None:
    """Find no other place that opens a session, but the helper, which fetches pages that its clients name."""
    product = Path(foreign_servers.__file__).parents[1]
    opened = [path for path in product.rglob("*.py") if "aiohttp.ClientSession(" in path.read_text(encoding="utf-8")]
    assert {path.relative_to(product).as_posix() for path in opened} == {
        "http_client/foreign_servers.py",
        "helper/web_page.py",
    }

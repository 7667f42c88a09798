"""Test the step `http_round_trip` over QUIC: the request, the entry, and every way in which it breaks."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from probe.formats import failures as f
from probe.formats.entries import HTTPTransaction
from probe.steps.http.http_answer import HTTPResult
from probe.steps.quic.http3 import http3_request
from probe.steps.quic.quic import quic_handshake
from probe.steps.tls.certificate_checks import Roots, load_roots
from tests.support.servers.authority import DAY, issue
from tests.support.servers.loopback import a_transaction
from tests.support.servers.quic import Http3Connection, listening, page, quic_server

NAME = "web.example"
ROOT = issue("A root", authority=True, begins=-90 * DAY)
GOOD = issue(NAME, ROOT)


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    (tmp_path / "public.pem").write_bytes(ROOT.pem)
    return load_roots(str(tmp_path / "public.pem"))


async def ask(answer: Any, roots: Roots, url: str = f"https://{NAME}/a?b=c", **options: Any) -> HTTPTransaction:
    """Send one request and return the written entry."""
    result: HTTPResult | None = None
    async with listening(quic_server(GOOD, answer=answer)) as (port, _), a_transaction() as bench:
        conn = await quic_handshake(bench.tx, "127.0.0.1", port, NAME, pace=bench.pace, roots=roots)
        result = await http3_request(bench.tx, conn, "GET", url, pace=bench.pace, **options)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, HTTPTransaction)
    assert entry.failure == bench.tx.record.failure
    assert result is None or result.entry is entry
    return entry


async def test_page_is_recorded(roots: Roots) -> None:
    entry = await ask(page, roots)
    assert entry.failure is None
    assert (entry.network, entry.alpn, entry.request.x_transport) == ("udp", "h3", "quic")
    assert (entry.request.url, entry.request.method) == (f"https://{NAME}/a?b=c", "GET")
    assert entry.request.headers["Host"] == NAME
    assert entry.response.code == 200
    assert entry.response.headers == {"Server": "lab", "Content-Type": "text/html"}  # and no cookie
    assert entry.response.x_title == f"{NAME}/a?b=c"
    assert (entry.response.body, entry.response.body_is_truncated) == ("", False)
    assert entry.response.x_body_length == len(f"<title>{NAME}/a?b=c</title>")


async def test_request_has_browser_headers(roots: Roots) -> None:
    seen: dict[str, str] = {}

    def answer(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
        seen.update(asked)
        page(connection, stream, asked)

    await ask(answer, roots, f"https://{NAME}")
    pseudo = {name: seen.pop(name) for name in list(seen) if name.startswith(":")}
    assert pseudo == {":method": "GET", ":scheme": "https", ":authority": NAME, ":path": "/"}
    assert set(seen) == {"user-agent", "accept", "accept-language"}


async def test_addresses_are_redacted_as_in_http_1(roots: Roots) -> None:
    def answer(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
        fields = [(b":status", b"302"), (b"location", b"https://203.0.113.77/"), (b"server", b"for 203.0.113.77")]
        connection.http.send_headers(stream, fields)
        connection.http.send_data(stream, b"<title>you are 203.0.113.77</title>", end_stream=True)

    entry = await ask(answer, roots)
    assert entry.response.code == 302
    assert "203.0.113.77" not in entry.model_dump_json()


async def test_interim_response_is_skipped(roots: Roots) -> None:
    def answer(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
        connection.http.send_headers(stream, [(b":status", b"103")])
        connection.http.send_headers(stream, [(b":status", b"404")], end_stream=True)

    entry = await ask(answer, roots)
    assert (entry.failure, entry.response.code, entry.response.body_is_truncated) == (None, 404, False)


async def test_long_body_ends_at_limit(roots: Roots) -> None:
    def answer(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
        connection.http.send_headers(stream, [(b":status", b"200")])
        connection.http.send_data(stream, bytes(4_000_000), end_stream=True)

    entry = await ask(answer, roots, limit=10_000)
    assert (entry.failure, entry.response.x_body_length, entry.response.body_is_truncated) == (None, 10_000, True)
    assert entry.response.x_body_failure is None


async def test_further_requests_share_the_connection_after_cancelled_bodies(roots: Roots) -> None:
    stopped = list[int]()

    def answer(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
        stopped.append(stream)
        connection.http.send_headers(stream, [(b":status", b"200")])
        connection.http.send_data(stream, bytes(300_000), end_stream=True)

    async with listening(quic_server(GOOD, answer=answer)) as (port, _), a_transaction() as bench:
        conn = await quic_handshake(bench.tx, "127.0.0.1", port, NAME, pace=bench.pace, roots=roots)
        for _ in range(8):
            await http3_request(bench.tx, conn, "GET", f"https://{NAME}/", pace=bench.pace, limit=8192)
        await asyncio.sleep(0.5)
    entries = [entry for entry in bench.trace.entries if isinstance(entry, HTTPTransaction)]
    assert [entry.response.x_body_length for entry in entries] == [8192] * 8 and bench.tx.record.failure is None
    assert all(entry.response.x_body_time is not None for entry in entries) and len(set(stopped)) == 8
    assert bench.pace.bytes_received < 1_600_000  # the rest of each body was not sent


async def test_short_body_has_no_time(roots: Roots) -> None:
    assert (await ask(page, roots)).response.x_body_time is None


async def test_silence_after_request_is_timeout(roots: Roots) -> None:
    entry = await ask(lambda connection, stream, asked: None, roots, timeout=0.4)
    assert (entry.failure, entry.response.code) == (f.TIMEOUT, 0)


async def test_stalled_body_is_success_with_body_failure(roots: Roots) -> None:
    def answer(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
        connection.http.send_headers(stream, [(b":status", b"200")])
        connection.http.send_data(stream, b"half", end_stream=False)

    entry = await ask(answer, roots, timeout=0.4)
    assert (entry.failure, entry.response.code, entry.response.x_body_length) == (None, 200, 4)
    assert (entry.response.x_body_failure, entry.response.body_is_truncated) == (f.TIMEOUT, True)


async def test_reset_stream_has_its_failure(roots: Roots) -> None:
    def answer(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
        connection.quic.reset_stream(stream, 0x102)

    assert (await ask(answer, roots)).failure == f"{f.UNKNOWN}: quic: stream reset"


async def test_closed_connection_has_its_code(roots: Roots) -> None:
    def answer(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
        connection.quic.close(error_code=0x101)

    assert (await ask(answer, roots)).failure == f"{f.UNKNOWN}: quic: closed by the application with 0x101"


@pytest.mark.parametrize("garbage", [b"\x01\x05hel", b"\x00\x01x", b"\x41\x00\xff", b""], ids=repr)
async def test_invalid_http3_is_failure(garbage: bytes, roots: Roots) -> None:
    def answer(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
        connection.quic.send_stream_data(stream, garbage, end_stream=True)

    entry = await ask(answer, roots, timeout=3.0)
    assert entry.failure in {f"{f.UNKNOWN}: malformed HTTP response", f"{f.UNKNOWN}: quic: stream reset"}
    assert entry.t - entry.t0 < 2.0


async def test_stopped_server_is_connection_refused(roots: Roots) -> None:
    async with a_transaction() as bench:
        async with listening(quic_server(GOOD)) as (port, _):
            conn = await quic_handshake(bench.tx, "127.0.0.1", port, NAME, pace=bench.pace, roots=roots)
        await asyncio.sleep(0)
        await http3_request(bench.tx, conn, "GET", f"https://{NAME}/", pace=bench.pace)
    assert bench.tx.record.failure == f.REFUSED
    assert bench.tx.record.failed_operation == "http_round_trip"

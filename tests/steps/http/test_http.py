"""Test the step `http_round_trip`: any status is success, every failure has its name, nothing is leaked."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.formats import failures as f
from probe.formats.entries import HTTPTransaction
from probe.steps.http.http import BODY_LIMIT, MALFORMED, MALFORMED_STATUS, HTTPResult, http_request
from probe.steps.tcp import tcp_connect
from probe.steps.tls.tls import tls_handshake
from tests.steps.tls.test_tls import GOOD, MIDDLE, NAME
from tests.steps.tls.test_tls import roots as roots  # the fixture
from tests.support.servers.loopback import Handler, Peer, TLSPeer, a_transaction, serving, silence, tls_with

URL = "http://web.example/path?q=1"


def saying(*pieces: bytes, pause: float = 0.0, then: Callable[[Peer], Awaitable[None]] | None = None) -> Handler:
    async def handler(peer: Peer) -> None:
        await peer.hear()
        for piece in pieces:
            await peer.say(piece)
            await asyncio.sleep(pause)
        if then:
            await then(peer)

    return handler


async def reset(peer: Peer) -> None:
    await asyncio.sleep(0.03)
    peer.reset()


async def stay(peer: Peer) -> None:
    await asyncio.Event().wait()


def answer(body: bytes = b"", status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


async def ask(handler: Handler, method: str = "GET", url: str = URL, **options: Any) -> HTTPTransaction:
    """Send one request and return the written entry, which must survive JSON."""
    return (await ask_all(handler, method, url, **options))[0]


async def ask_all(
    handler: Handler, method: str = "GET", url: str = URL, **options: Any
) -> tuple[HTTPTransaction, HTTPResult | None, bytes]:
    result = None
    async with serving(handler) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        result = await http_request(bench.tx, conn, method, url, pace=bench.pace, **options)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, HTTPTransaction)
    assert entry.failure == bench.tx.record.failure
    assert HTTPTransaction.model_validate_json(entry.model_dump_json()) == entry
    return entry, result, b"".join(server.peers[0].heard)


async def test_what_is_sent() -> None:
    entry, _, heard = await ask_all(saying(answer()))
    lines = heard.decode().split("\r\n")
    assert lines[0] == "GET /path?q=1 HTTP/1.1"
    assert sorted(lines[1:-2]) == sorted(f"{name}: {value}" for name, value in entry.request.headers.items())
    assert list(entry.request.headers) == ["Host", "User-Agent", "Accept", "Accept-Language"]
    assert entry.request.headers_list == sorted(entry.request.headers.items())
    assert (entry.request.url, entry.request.method, entry.alpn, entry.network) == (URL, "GET", "http/1.1", "tcp")


async def test_another_host_and_a_body() -> None:
    entry, _, heard = await ask_all(saying(answer()), "POST", "http://192.0.2.1/", host="blocked.example", body=b"abc")
    assert b"POST / HTTP/1.1\r\nHost: blocked.example\r\n" in heard
    assert b"Content-Length: 3\r\n" in heard
    assert heard.endswith(b"\r\n\r\nabc")
    assert (entry.request.headers["Host"], entry.request.body) == ("blocked.example", "abc")


async def test_an_empty_post_says_so() -> None:
    _, _, heard = await ask_all(saying(answer()), "POST", "http://192.0.2.1/")
    assert heard.count(b"Content-Length: 0\r\n") == 1


async def test_a_url_is_sent_as_written() -> None:
    _, _, heard = await ask_all(saying(answer()), url="http://[::1]:8080/a%2Fb/..;x?y=%7e")
    assert heard.startswith(b"GET /a%2Fb/..;x?y=%7e HTTP/1.1\r\nHost: [::1]:8080\r\n")


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "302 Found", "403 Forbidden", "451 X", "503 ", "999 ?"])
async def test_any_status_is_success(status: str) -> None:
    entry = await ask(saying(answer(b"", status)))
    assert (entry.failure, entry.response.code) == (None, int(status[:3]))


async def test_of_the_answer_little_is_written() -> None:
    body = b"<html><head><TITLE>\n Acc&egrave;s  <b>203.0.113.7</b> </TITLE></head></html>"
    headers = ("Server: nginx 203.0.113.7", "Content-Type: text/html", "Set-Cookie: you=1", "X-Client: 203.0.113.7")
    entry, result, _ = await ask_all(saying(answer(body, "200 OK", *headers, "Date: Tue, 24 Nov 2026 13:05:00 GMT")))
    response = entry.response
    assert set(response.headers) == {"Server", "Content-Type", "Content-Length"}
    assert response.headers_list == sorted(response.headers.items())
    assert response.x_title.startswith("Accès")
    assert (response.x_body_length, response.body, response.body_is_truncated) == (len(body), "", False)
    assert "203.0.113.7" not in entry.model_dump_json()
    assert result is not None
    assert result.date == datetime(2026, 11, 24, 13, 5, tzinfo=UTC)
    assert result.body == body


async def test_the_digest_is_of_the_scrubbed_body() -> None:
    one = await ask(saying(answer(b"your address is 203.0.113.7, go away")))
    two = await ask(saying(answer(b"your address is 198.51.100.9, go away")))
    plain = await ask(saying(answer(b"no address")))
    assert one.response.x_body_sha256 == two.response.x_body_sha256
    assert plain.response.x_body_sha256 == hashlib.sha256(b"no address").hexdigest()


async def test_titles_are_short_and_bodies_of_any_encoding_are_read() -> None:
    long = await ask(saying(answer(b"<title>" + b"a" * 900 + b"</title>")))
    assert long.response.x_title == "a" * 200
    text = "<title>Доступ ограничен</title>".encode("windows-1251")
    assert (
        await ask(saying(answer(text, "200 OK", "Content-Type: text/html; charset=windows-1251")))
    ).response.x_title == "Доступ ограничен"
    odd = await ask(saying(answer(b"<title>\xff</title>", "200 OK", "Content-Type: text/html; charset=nonsense")))
    assert odd.response.x_title == "\ufffd"
    coded = await ask(saying(answer(b"<title>x</title>", "200 OK", "Content-Type: text/html; charset=hex")))
    assert coded.failure is None


async def test_a_redirect_is_told_and_not_followed() -> None:
    page = answer(b"", "302 Found", "Location: http://internet-positif.org/page?from=203.0.113.7")
    entry, result, heard = await ask_all(saying(page))
    assert entry.response.x_redirect_host == "internet-positif.org"
    assert entry.response.x_fingerprints == ["ooni.id_0"]
    assert "203.0.113.7" not in entry.model_dump_json()
    assert result is not None
    assert result.location.startswith("http://internet-positif.org/page")
    assert heard.count(b"GET ") == 1
    assert (await ask(saying(answer(b"", "302 Found", "Location: /login")))).response.x_redirect_host == ""
    assert (await ask(saying(answer(b"", "302 Found", "Location: http://[oops")))).failure is None


async def test_headers_that_are_no_text_survive_json() -> None:
    raw = b"HTTP/1.1 200 OK\r\nServer: \xff\xfe\x80box\r\nContent-Length: 0\r\nDate: never\r\n\r\n"
    entry, result, _ = await ask_all(saying(raw))
    assert entry.response.headers["Server"].endswith("box")
    assert result is not None
    assert result.date is None


DEATHS = {
    "reset at the status line": (saying(then=reset), f.RESET),
    "reset inside the status line": (saying(b"HTTP/1.1 2", then=reset), f.RESET),
    "end before the status line": (saying(), f.EOF),
    "end inside the headers": (saying(b"HTTP/1.1 200 OK\r\nServer: x"), f.EOF),
    "garbage": (saying(b"\x00\x01garbage\r\n\r\n" * 5), MALFORMED_STATUS),
    "another protocol": (saying(b"SSH-2.0-OpenSSH_9.9\r\n", then=stay), MALFORMED_STATUS),
    "a TLS alert": (saying(b"\x15\x03\x01\x00\x02\x02\x46", then=stay), MALFORMED_STATUS),
    "a page without head": (saying(b"<html>blocked</html>\r\n\r\n"), MALFORMED_STATUS),
    "a header of garbage": (saying(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), MALFORMED),
    "silence": (silence, f.TIMEOUT),
    "a status line that drips": (saying(*[bytes([b]) for b in b"HTTP/1.1 200 OK"], pause=0.1), f.TIMEOUT),
}


@pytest.mark.parametrize("death", DEATHS)
async def test_without_a_status_line(death: str) -> None:
    handler, failure = DEATHS[death]
    entry = await ask(handler, timeout=0.4)
    assert (entry.failure, entry.response.code) == (failure, 0)
    assert entry.t - entry.t0 < 0.9


async def test_a_body_that_drips_ends_at_the_deadline_and_counts() -> None:
    pieces = [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<title>x</title>", *[b"."] * 100]
    entry = await ask(saying(*pieces, pause=0.05), timeout=0.4)
    assert (entry.failure, entry.response.code, entry.response.x_title) == (None, 200, "x")
    assert (entry.response.x_body_failure, entry.response.body_is_truncated) == (f.TIMEOUT, True)
    assert entry.t - entry.t0 < 0.9


async def test_megabytes_end_at_the_limit() -> None:
    async def flood(peer: Peer) -> None:
        await peer.hear()
        await peer.say(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await peer.say(b"x" * 65536)

    entry, result, _ = await ask_all(flood)
    assert result is not None
    assert len(result.body) == entry.response.x_body_length == BODY_LIMIT
    assert (entry.response.body_is_truncated, entry.response.x_body_failure) == (True, None)
    small, _, _ = await ask_all(flood, limit=1000)
    assert small.response.x_body_length == 1000


async def test_a_body_that_breaks_off_is_told() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc"
    cut = await ask(saying(head, then=reset))
    assert (cut.failure, cut.response.x_body_failure, cut.response.x_body_length) == (None, f.RESET, 3)
    short = await ask(saying(head))
    assert (short.failure, short.response.x_body_failure) == (None, f.EOF)


async def test_a_page_that_is_longer_or_shorter_than_it_says_is_kept() -> None:
    page = b"<title>Blocked</title>"
    longer = await ask(saying(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 22\r\n\r\n" + page + b"!\r\n"))
    assert (longer.failure, longer.response.code, longer.response.x_title) == (None, 403, "Blocked")
    assert (longer.response.x_body_length, longer.response.x_body_failure) == (22, None)
    for then in (None, reset):
        head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 99\r\n\r\n"
        shorter = await ask(saying(head + page, then=then))
        assert (shorter.failure, shorter.response.code, shorter.response.x_title) == (None, 403, "Blocked")
        assert shorter.response.x_body_failure == (f.RESET if then else f.EOF)


async def test_a_body_up_to_the_end_of_the_stream() -> None:
    entry = await ask(saying(b"HTTP/1.0 200 OK\r\n\r\nwhole"))
    assert (entry.response.x_body_length, entry.response.body_is_truncated) == (5, False)
    assert entry.response.x_body_failure is None


async def test_chunks() -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    _, result, _ = await ask_all(saying(raw))
    assert result is not None
    assert result.body == b"abcde"


async def test_cancelled_while_waiting() -> None:
    async with serving(silence) as server:
        with pytest.raises(asyncio.CancelledError):
            async with a_transaction() as bench:
                conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
                task = asyncio.create_task(http_request(bench.tx, conn, "GET", URL, pace=bench.pace))
                await asyncio.sleep(0.1)
                task.cancel()
                await task
    assert bench.trace.entries[-1].failure == f.INTERRUPTED
    assert len(asyncio.all_tasks()) == 1


async def test_over_tls(roots: Any) -> None:
    async def serve(tls: TLSPeer) -> None:
        assert (await tls.read()).startswith(b"GET / HTTP/1.1\r\nHost: chat.example\r\n")
        await tls.say(answer(b"<title>Hi</title>"))
        await tls.peer.reader.read()

    handler = tls_with(GOOD.server_context(MIDDLE, alpn=("http/1.1",)), serve)
    async with serving(handler) as server, a_transaction() as bench:
        tcp = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        conn = await tls_handshake(bench.tx, tcp, NAME, pace=bench.pace, roots=roots, alpn=("http/1.1",))
        result = await http_request(bench.tx, conn, "GET", f"https://{NAME}/", pace=bench.pace)
    assert (result.entry.response.code, result.entry.response.x_title) == (200, "Hi")
    assert bench.tx.record.steps == ["connect", "tls_handshake", "http_round_trip"]


async def test_reset_over_tls_before_the_status_line(roots: Any) -> None:
    async def serve(tls: TLSPeer) -> None:
        await tls.read()
        tls.peer.reset()

    async with serving(tls_with(GOOD.server_context(MIDDLE), serve)) as server, a_transaction() as bench:
        tcp = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        conn = await tls_handshake(bench.tx, tcp, NAME, pace=bench.pace, roots=roots)
        await http_request(bench.tx, conn, "GET", f"https://{NAME}/", pace=bench.pace)
    assert bench.tx.record.failure == f.RESET


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=300))
async def test_any_answer_is_survived(raw: bytes) -> None:
    for start in (b"", b"HTTP/1.1 200 OK\r\n"):
        entry = await ask(saying(start + raw), timeout=0.5)
        assert entry.failure is None or not entry.failure.startswith(f.BUG)


def test_the_data_file_travels_with_the_package() -> None:
    from probe.signatures.block_pages import DATA

    assert Path(DATA).is_file()

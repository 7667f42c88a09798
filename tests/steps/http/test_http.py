"""Test the step `http_round_trip`: any status is success, every failure has its name, nothing is leaked."""

import asyncio
import hashlib
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from errno import ECONNRESET, EPIPE
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.formats import failures as f
from probe.formats.entries import HTTPTransaction
from probe.steps.connection import Connection
from probe.steps.http import http as http_module
from probe.steps.http import http_answer
from probe.steps.http.http import FLOODED, LEAST_UNREAD, MALFORMED, MALFORMED_STATUS, HTTPResult, http_request
from probe.steps.http.http_answer import CLEAR_TEXT_BODY, VERIFIED_BODY
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificate_checks import Roots
from probe.steps.tls.tls import tls_handshake
from tests.steps.tls.test_tls import GOOD, MIDDLE, NAME
from tests.steps.tls.test_tls import roots as roots  # the fixture
from tests.support.servers.loopback import Handler, Peer, TLSPeer, a_transaction, serving, silence, tls_with

URL = "http://web.example/path?q=1"


def sending(*pieces: bytes, pause: float = 0.0, then: Callable[[Peer], Awaitable[None]] | None = None) -> Handler:
    async def handler(peer: Peer) -> None:
        await peer.receive()
        for piece in pieces:
            await peer.send(piece)
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
    return entry, result, b"".join(server.peers[0].received)


async def test_request_has_browser_headers_and_is_recorded() -> None:
    entry, _, received = await ask_all(sending(answer()))
    lines = received.decode().split("\r\n")
    assert lines[0] == "GET /path?q=1 HTTP/1.1"
    assert sorted(lines[1:-2]) == sorted(f"{name}: {value}" for name, value in entry.request.headers.items())
    assert list(entry.request.headers) == ["Host", "User-Agent", "Accept", "Accept-Language"]
    assert entry.request.headers_list == sorted(entry.request.headers.items())
    assert (entry.request.url, entry.request.method, entry.alpn, entry.network) == (URL, "GET", "http/1.1", "tcp")


@pytest.mark.parametrize(
    ("method", "url", "options", "start", "end"),
    [
        ("GET", "http://a.example?b=c#d", {}, b"GET /?b=c HTTP/1.1\r\nHost: a.example\r\n", b""),
        ("HEAD", "https://[::1]:8443/", {}, b"HEAD / HTTP/1.1\r\nHost: [::1]:8443\r\n", b""),
        (
            "POST",
            "http://192.0.2.1/a",
            {"host": "b.example", "body": b"abc", "more": {"Referer": "", "Cookie": "a=b; c=д"}},
            b"POST /a HTTP/1.1\r\nHost: b.example\r\n",
            b"Content-Length: 3\r\nReferer: \r\nCookie: a=b; c=\xd0\xb4\r\n",
        ),
    ],
)
async def test_request_has_these_bytes(method: str, url: str, options: Any, start: bytes, end: bytes) -> None:
    _, _, received = await ask_all(sending(answer()), method, url, **options)
    assert received == start + (
        b"User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        b"Version/17.10 Safari/605.1.1\r\n"
        b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
        b"Accept-Language: en-US,en;q=0.9\r\n" + end + b"\r\n" + options.get("body", b"")
    )


async def test_other_host_and_body_are_sent() -> None:
    entry, _, received = await ask_all(
        sending(answer()), "POST", "http://192.0.2.1/", host="blocked.example", body=b"abc"
    )
    assert b"POST / HTTP/1.1\r\nHost: blocked.example\r\n" in received
    assert b"Content-Length: 3\r\n" in received
    assert received.endswith(b"\r\n\r\nabc")
    assert (entry.request.headers["Host"], entry.request.body) == ("blocked.example", "abc")


async def test_empty_post_has_content_length_zero() -> None:
    _, _, received = await ask_all(sending(answer()), "POST", "http://192.0.2.1/")
    assert received.count(b"Content-Length: 0\r\n") == 1


async def test_url_is_sent_unchanged() -> None:
    _, _, received = await ask_all(sending(answer()), url="http://[::1]:8080/a%2Fb/..;x?y=%7e")
    assert received.startswith(b"GET /a%2Fb/..;x?y=%7e HTTP/1.1\r\nHost: [::1]:8080\r\n")


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "302 Found", "403 Forbidden", "451 X", "503 ", "999 ?"])
async def test_every_status_is_success(status: str) -> None:
    entry = await ask(sending(answer(b"", status)))
    assert (entry.failure, entry.response.code) == (None, int(status[:3]))


async def test_only_few_headers_of_response_are_recorded() -> None:
    body = b"<html><head><TITLE>\n Acc&egrave;s  <b>203.0.113.7</b> </TITLE></head></html>"
    headers = ("Server: nginx 203.0.113.7", "Content-Type: text/html", "Set-Cookie: you=1", "X-Client: 203.0.113.7")
    entry, result, _ = await ask_all(sending(answer(body, "200 OK", *headers, "Date: Tue, 24 Nov 2026 13:05:00 GMT")))
    response = entry.response
    assert set(response.headers) == {"Server", "Content-Type", "Content-Length"}
    assert response.headers_list == sorted(response.headers.items())
    assert response.x_title.startswith("Accès")
    assert (response.x_body_length, response.body, response.body_is_truncated) == (len(body), "", False)
    assert "203.0.113.7" not in entry.model_dump_json()
    assert result is not None
    assert result.date == datetime(2026, 11, 24, 13, 5, tzinfo=UTC)
    assert result.body == body


async def test_digest_is_of_redacted_body() -> None:
    one = await ask(sending(answer(b"your address is 203.0.113.7, go away")))
    two = await ask(sending(answer(b"your address is 198.51.100.9, go away")))
    plain = await ask(sending(answer(b"no address")))
    assert one.response.x_body_sha256 == two.response.x_body_sha256
    assert plain.response.x_body_sha256 == hashlib.sha256(b"no address").hexdigest()


async def test_addresses_are_removed_once_from_equal_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = list[str]()
    monkeypatch.setattr(http_answer, "scrub_text", lambda text: searched.append(text) or text.upper())
    bodies = [b"a page of this test", b"a page of this test", b"another page of this test"]
    digests = [(await ask(sending(answer(body)))).response.x_body_sha256 for body in bodies]
    assert digests == [hashlib.sha256(body.upper()).hexdigest() for body in bodies]
    assert [searched.count(body.decode()) for body in bodies] == [1, 1, 1]


async def test_title_is_cut_and_every_encoding_is_read() -> None:
    long = await ask(sending(answer(b"<title>" + b"a" * 900 + b"</title>")))
    assert long.response.x_title == "a" * 200
    text = "<title>Доступ ограничен</title>".encode("windows-1251")
    assert (
        await ask(sending(answer(text, "200 OK", "Content-Type: text/html; charset=windows-1251")))
    ).response.x_title == "Доступ ограничен"
    odd = await ask(sending(answer(b"<title>\xff</title>", "200 OK", "Content-Type: text/html; charset=nonsense")))
    assert odd.response.x_title == "\ufffd"
    coded = await ask(sending(answer(b"<title>x</title>", "200 OK", "Content-Type: text/html; charset=hex")))
    assert coded.failure is None


async def test_redirect_is_recorded_and_not_followed() -> None:
    page = answer(b"", "302 Found", "Location: http://internet-positif.org/page?from=203.0.113.7")
    entry, result, received = await ask_all(sending(page))
    assert entry.response.x_redirect_host == "internet-positif.org"
    assert entry.response.x_fingerprints == ["ooni.id_0"]
    assert "203.0.113.7" not in entry.model_dump_json()
    assert result is not None
    assert result.location.startswith("http://internet-positif.org/page")
    assert received.count(b"GET ") == 1
    assert (await ask(sending(answer(b"", "302 Found", "Location: /login")))).response.x_redirect_host == ""
    assert (await ask(sending(answer(b"", "302 Found", "Location: http://[oops")))).failure is None


async def test_binary_headers_are_kept_in_json() -> None:
    raw = b"HTTP/1.1 200 OK\r\nServer: \xff\xfe\x80box\r\nContent-Length: 0\r\nDate: never\r\n\r\n"
    entry, result, _ = await ask_all(sending(raw))
    assert entry.response.headers["Server"].endswith("box")
    assert result is not None
    assert result.date is None


FAILURES = {
    "reset at the status line": (sending(then=reset), f.RESET),
    "reset inside the status line": (sending(b"HTTP/1.1 2", then=reset), f.RESET),
    "end before the status line": (sending(), f.EOF),
    "end inside the headers": (sending(b"HTTP/1.1 200 OK\r\nServer: x"), f.EOF),
    "garbage": (sending(b"\x00\x01garbage\r\n\r\n" * 5), MALFORMED_STATUS),
    "another protocol": (sending(b"SSH-2.0-OpenSSH_9.9\r\n", then=stay), MALFORMED_STATUS),
    "a TLS alert": (sending(b"\x15\x03\x01\x00\x02\x02\x46", then=stay), MALFORMED_STATUS),
    "a page without head": (sending(b"<html>blocked</html>\r\n\r\n"), MALFORMED_STATUS),
    "a header of garbage": (sending(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), MALFORMED),
    "silence": (silence, f.TIMEOUT),
    "a status line that drips": (sending(*[bytes([b]) for b in b"HTTP/1.1 200 OK"], pause=0.1), f.TIMEOUT),
}


@pytest.mark.parametrize("case", FAILURES)
async def test_missing_status_line_has_its_failure(case: str) -> None:
    handler, failure = FAILURES[case]
    entry = await ask(handler, timeout=0.4)
    assert (entry.failure, entry.response.code) == (failure, 0)
    assert entry.t - entry.t0 < 0.9


async def test_slow_body_ends_at_deadline_and_is_success() -> None:
    pieces = [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<title>x</title>", *[b"."] * 100]
    entry = await ask(sending(*pieces, pause=0.05), timeout=0.4)
    assert (entry.failure, entry.response.code, entry.response.x_title) == (None, 200, "x")
    assert (entry.response.x_body_failure, entry.response.body_is_truncated) == (f.TIMEOUT, True)
    assert entry.t - entry.t0 < 0.9


async def test_long_body_ends_at_limit() -> None:
    async def flood(peer: Peer) -> None:
        await peer.receive()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await peer.send(b"x" * 65536)

    entry, result, _ = await ask_all(flood)
    assert result is not None
    assert len(result.body) == entry.response.x_body_length == CLEAR_TEXT_BODY
    assert (entry.response.body_is_truncated, entry.response.x_body_failure) == (True, None)
    small, _, _ = await ask_all(flood, limit=1000)
    assert small.response.x_body_length == 1000


async def test_connection_is_closed_before_a_long_body_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server go on sending, which it does until it receives the reset."""
    ended = asyncio.Event()

    async def flood(peer: Peer) -> None:
        await peer.receive()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                await peer.send(b"x" * 65536)
        except ConnectionResetError:
            ended.set()

    open_when_looked_at = list[bool]()

    async with serving(flood) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        look = http_module.write_body

        def looking(result: HTTPResult) -> None:
            open_when_looked_at.append(conn._sock.fileno() >= 0)
            look(result)

        monkeypatch.setattr(http_module, "write_body", looking)
        await http_request(bench.tx, conn, "GET", URL, pace=bench.pace, limit=16000)
        await asyncio.wait_for(ended.wait(), 5.0)
    assert open_when_looked_at == [False]
    assert bench.tx.record.stream is not None and bench.tx.record.stream.bytes_acked is not None


@pytest.mark.parametrize(
    ("limit", "buffer"),
    [(1000, 2 * LEAST_UNREAD), (VERIFIED_BODY, 2 * LEAST_UNREAD), (CLEAR_TEXT_BODY, 2 * CLEAR_TEXT_BODY)],
)
async def test_system_holds_as_many_bytes_as_are_wanted(limit: int, buffer: int) -> None:
    """Show that a connection which can be used again stays open."""
    async with serving(sending(answer(b"short"), then=stay)) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        await http_request(bench.tx, conn, "GET", URL, pace=bench.pace, limit=limit)
        assert conn._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == buffer  # the kernel doubles it


async def test_long_transfer_has_the_usual_buffer() -> None:
    async with serving(sending(answer(b"short"), then=stay)) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        usual = conn._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        await http_request(bench.tx, conn, "GET", URL, pace=bench.pace, limit=CLEAR_TEXT_BODY + 1)
        assert conn._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == usual


async def test_time_of_a_body_is_from_the_status_line_to_its_last_byte() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"
    entry = await ask(sending(head + bytes(4000), bytes(2500), bytes(2500), pause=0.2))
    assert entry.response.x_body_length == 9000
    assert entry.response.x_body_time == pytest.approx(0.4, abs=0.15)


async def test_time_of_a_body_over_tls_begins_with_its_first_record(roots: Roots) -> None:
    """Test a server that sends head and body in one record of 16 kB, whose bytes come slowly."""

    async def slowly(tls: TLSPeer) -> None:
        await tls.read()
        await tls.send(b"earlier")
        await tls.read()
        tls.engine.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + bytes(9000))
        record = tls.outgoing.read()
        for start in range(0, len(record), 3200):
            await tls.peer.send(record[start : start + 3200])
            await asyncio.sleep(0.2)

    async with serving(tls_with(GOOD.server_context(MIDDLE), slowly)) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        tls = await tls_handshake(bench.tx, conn, NAME, pace=bench.pace, roots=roots)
        await tls.write(b"before the request")
        assert await tls.read() == b"earlier"
        await asyncio.sleep(0.3)
        result = await http_request(bench.tx, tls, "GET", URL, pace=bench.pace)
    assert result.entry.response.x_body_time == pytest.approx(0.4, abs=0.15)


async def test_short_body_has_no_time() -> None:
    entry = await ask(sending(answer(b"." * 8000)))
    assert (entry.response.x_body_length, entry.response.x_body_time) == (8000, None)
    assert "x_body_time" not in entry.model_dump(mode="json")["response"]


async def test_incomplete_body_has_body_failure() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc"
    cut = await ask(sending(head, then=reset))
    assert (cut.failure, cut.response.x_body_failure, cut.response.x_body_length) == (None, f.RESET, 3)
    short = await ask(sending(head))
    assert (short.failure, short.response.x_body_failure) == (None, f.EOF)


async def test_page_with_wrong_content_length_is_kept() -> None:
    page = b"<title>Blocked</title>"
    longer = await ask(sending(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 22\r\n\r\n" + page + b"!\r\n"))
    assert (longer.failure, longer.response.code, longer.response.x_title) == (None, 403, "Blocked")
    assert (longer.response.x_body_length, longer.response.x_body_failure) == (22, None)
    for then in (None, reset):
        head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 99\r\n\r\n"
        shorter = await ask(sending(head + page, then=then))
        assert (shorter.failure, shorter.response.code, shorter.response.x_title) == (None, 403, "Blocked")
        assert shorter.response.x_body_failure == (f.RESET if then else f.EOF)


async def test_body_without_length_ends_with_stream() -> None:
    entry = await ask(sending(b"HTTP/1.0 200 OK\r\n\r\nwhole"))
    assert (entry.response.x_body_length, entry.response.body_is_truncated) == (5, False)
    assert entry.response.x_body_failure is None


async def test_reset_ends_a_body_without_a_length() -> None:
    entry = await ask(sending(b"HTTP/1.1 200 OK\r\n\r\nwhole", then=reset))
    assert (entry.response.x_body_length, entry.response.body_is_truncated) == (5, False)
    assert entry.response.x_body_failure is None


async def test_malformed_chunk_keeps_the_status_and_the_body_before_it() -> None:
    entry = await ask(sending(b"HTTP/1.1 403 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", then=stay))
    assert (entry.failure, entry.response.code, entry.response.x_body_length) == (None, 403, 3)
    assert (entry.response.x_body_failure, entry.response.body_is_truncated) == (MALFORMED, True)


async def test_chunks_without_end_are_bounded() -> None:
    entry = await ask(sending(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;more=1\r\nx\r\n" * 50000))
    assert (entry.failure, entry.response.x_body_failure) == (None, FLOODED)


class Broken(Connection):
    """Represent a connection that fails at the first write. Before, `answer` was received."""

    address, ip, port = "192.0.2.1:80", "192.0.2.1", 80

    def __init__(self, error: OSError, answer: bytes) -> None:
        self.error, self.answer = error, answer

    async def write(self, data: bytes) -> None:
        raise self.error

    async def read(self, limit: int = 65536) -> bytes:
        answer, self.answer = self.answer, b""
        return answer


@pytest.mark.parametrize("error", [ConnectionResetError(ECONNRESET, ""), BrokenPipeError(EPIPE, "")])
async def test_answer_that_came_before_the_request_is_read(error: OSError) -> None:
    async with a_transaction() as bench:
        await http_request(bench.tx, Broken(error, answer(b"abc", "403 X")), "GET", URL, pace=bench.pace)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, HTTPTransaction)
    assert (entry.failure, entry.response.code, entry.response.x_body_length) == (None, 403, 3)


@pytest.mark.parametrize(
    ("error", "failure"), [(ConnectionResetError(ECONNRESET, ""), f.RESET), (BrokenPipeError(EPIPE, ""), f.EOF)]
)
async def test_broken_connection_without_an_answer(error: OSError, failure: str) -> None:
    async with a_transaction() as bench:
        await http_request(bench.tx, Broken(error, b"HTTP/1.1 4"), "GET", URL, pace=bench.pace)
    assert bench.tx.record.failure == failure


async def test_chunked_body_is_joined() -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    _, result, _ = await ask_all(sending(raw))
    assert result is not None
    assert result.body == b"abcde"


async def test_cancelled_request_is_interrupted() -> None:
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


async def test_request_over_tls_is_answered(roots: Any) -> None:
    async def serve(tls: TLSPeer) -> None:
        assert (await tls.read()).startswith(b"GET / HTTP/1.1\r\nHost: chat.example\r\n")
        await tls.send(answer(b"<title>Hi</title>"))
        await tls.peer.reader.read()

    handler = tls_with(GOOD.server_context(MIDDLE, alpn=("http/1.1",)), serve)
    async with serving(handler) as server, a_transaction() as bench:
        tcp = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        conn = await tls_handshake(bench.tx, tcp, NAME, pace=bench.pace, roots=roots, alpn=("http/1.1",))
        result = await http_request(bench.tx, conn, "GET", f"https://{NAME}/", pace=bench.pace)
    assert (result.entry.response.code, result.entry.response.x_title) == (200, "Hi")
    assert bench.tx.record.steps == ["connect", "tls_handshake", "http_round_trip"]


async def test_reset_over_tls_is_connection_reset(roots: Any) -> None:
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
async def test_any_response_causes_no_bug(raw: bytes) -> None:
    for start in (b"", b"HTTP/1.1 200 OK\r\n"):
        entry = await ask(sending(start + raw), timeout=0.5)
        assert entry.failure is None or not entry.failure.startswith(f.BUG)


def test_block_page_file_is_in_package() -> None:
    from probe.signatures.block_pages import DATA

    assert Path(DATA).is_file()

"""Test what is recorded of a QUIC connection that falls silent in an answer, and how its path is tested."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from probe.dialogue import fell_silent
from probe.formats import failures as f
from probe.formats.entries import HTTPTransaction
from probe.formats.transactions import StreamEnd
from probe.signatures import silent_streams
from probe.steps.quic import quic_socket
from probe.steps.quic.http3 import http3_request
from probe.steps.quic.quic import quic_handshake
from probe.steps.quic.quic_socket import AnswerWatch
from probe.steps.tls.certificate_checks import Roots
from tests.steps.quic.test_http3 import GOOD, NAME
from tests.steps.quic.test_http3 import roots as roots  # the fixture
from tests.support.servers.loopback import Bench, a_transaction
from tests.support.servers.quic import Http3Connection, listening, page, quic_server

HEAD, PART = [(b":status", b"200")], b"x" * 3000
URL = f"https://{NAME}/"


@pytest.fixture(autouse=True)
def _short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silent_streams, "LEAST_SILENCE", 0.2)
    monkeypatch.setattr(quic_socket, "LEAST_SILENCE", 0.2)


def stops(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
    """Send a part of a page, and stay connected."""
    connection.http.send_headers(stream, HEAD)
    connection.http.send_data(stream, PART, end_stream=False)


def is_cut(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
    """Send a part of a page. Then no datagram passes any more, in either direction."""
    stops(connection, stream, asked)
    connection.transmit()
    for name in ("datagram_received", "transmit"):
        setattr(connection, name, lambda *_: None)


def pauses(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
    """Send the rest of a page after 0.3 seconds."""
    stops(connection, stream, asked)

    def go_on() -> None:
        connection.http.send_data(stream, PART, end_stream=True)
        connection.transmit()

    asyncio.get_running_loop().call_later(0.3, go_on)


class FarAway(asyncio.DatagramProtocol):
    """Represent a server whose round trip takes 0.1 seconds."""

    def __init__(self, server: asyncio.DatagramProtocol) -> None:
        self._server, self._is_open = server, True
        self.connection_made = server.connection_made  # type: ignore[method-assign]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        asyncio.get_running_loop().call_later(0.1, self._take_in, data, addr)

    def _take_in(self, data: bytes, addr: Any) -> None:
        if self._is_open:
            self._server.datagram_received(data, addr)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_open = False


async def ended(roots: Roots, answer: Callable[..., None], *, seconds: float = 0.6) -> tuple[StreamEnd, Bench]:
    """Ask for a page. Return how far the connection got."""
    async with listening(quic_server(GOOD, answer=answer)) as (port, _), a_transaction() as bench:
        conn = await quic_handshake(bench.tx, "127.0.0.1", port, NAME, pace=bench.pace, roots=roots)
        await http3_request(bench.tx, conn, "GET", URL, pace=bench.pace, timeout=seconds)
    assert bench.tx.record.stream is not None
    return bench.tx.record.stream, bench


async def test_answer_that_stops_is_recorded_with_its_bytes_and_datagrams(roots: Roots) -> None:
    end, bench = await ended(roots, is_cut)
    assert len(PART) < end.bytes_after_sent < len(PART) + 500 < end.bytes_received
    assert end.segments_in and end.segments_out and 0 < end.last_byte < 0.5 < end.silence + 0.1
    assert end.ping_acknowledged is False
    assert fell_silent(bench.tx.record, bench.trace.entries)


async def test_server_that_stops_acknowledges_the_ping(roots: Roots) -> None:
    """Show that the acknowledgement ends no silence, so that the answer still counts as stopped."""
    end, bench = await ended(roots, stops)
    assert end.ping_acknowledged is True and end.silence > 0.4
    assert fell_silent(bench.tx.record, bench.trace.entries)


async def test_last_ping_gets_its_time_to_be_acknowledged(roots: Roots) -> None:
    """Show that a PING just before the deadline is not taken for one without acknowledgement."""
    for seconds in (0.33, 0.36, 0.4, 0.45, 0.5):  # a busy computer has no time for a PING before the earlier ones
        far_away = partial(FarAway, quic_server(GOOD, answer=stops)())
        async with listening(far_away) as (port, _), a_transaction() as bench:
            conn = await quic_handshake(bench.tx, "127.0.0.1", port, NAME, pace=bench.pace, roots=roots)
            await http3_request(bench.tx, conn, "GET", URL, pace=bench.pace, timeout=seconds)
        end = bench.tx.record.stream
        assert end is not None
        if end.ping_acknowledged is not None:
            break
    assert end.ping_acknowledged is True


async def test_answer_that_pauses_is_complete(roots: Roots) -> None:
    end, bench = await ended(roots, pauses, seconds=2.0)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, HTTPTransaction) and entry.response.x_body_length == 2 * len(PART)
    assert (end.ping_acknowledged, end.silence < 0.2) == (None, True)
    assert not fell_silent(bench.tx.record, bench.trace.entries)


async def test_request_without_an_answer_gets_no_ping(roots: Roots) -> None:
    async with listening(quic_server(GOOD, answer=lambda *_: None)) as (port, _), a_transaction() as bench:
        conn = await quic_handshake(bench.tx, "127.0.0.1", port, NAME, pace=bench.pace, roots=roots)
        await http3_request(bench.tx, conn, "GET", URL, pace=bench.pace, timeout=0.5)
    end = bench.tx.record.stream
    assert bench.tx.record.failure == f.TIMEOUT
    assert end is not None and end.ping_acknowledged is None
    assert not fell_silent(bench.tx.record, bench.trace.entries)


async def test_pings_have_datagrams_of_their_own(roots: Roots) -> None:
    async with listening(quic_server(GOOD, answer=page)) as (port, _), a_transaction() as bench:
        conn = await quic_handshake(bench.tx, "127.0.0.1", port, NAME, pace=bench.pace, roots=roots)
        before = conn.answers.end()
        await conn.send_pings(32, 2)
        after = conn.answers.end()
        await http3_request(bench.tx, conn, "GET", URL, pace=bench.pace)
    assert before.segments_in is not None and after.segments_in is not None
    assert before.segments_out is not None and after.segments_out is not None
    assert after.segments_out - before.segments_out >= 30 and after.segments_in - before.segments_in >= 16
    assert after.bytes_received - before.bytes_received < 2000
    assert bench.tx.record.failure is None


async def test_pings_that_no_one_acknowledges_end_soon(roots: Roots, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.steps.quic.quic_socket.LEAST_SILENCE", 0.2)
    made: list[Any] = []

    def keep(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
        made.append(connection)
        page(connection, stream, asked)

    async with listening(quic_server(GOOD, answer=keep)) as (port, _), a_transaction() as bench:
        conn = await quic_handshake(bench.tx, "127.0.0.1", port, NAME, pace=bench.pace, roots=roots)
        await http3_request(bench.tx, conn, "GET", URL, pace=bench.pace)
        made[0].datagram_received = lambda *_: None
        with pytest.raises(TimeoutError):
            await conn.send_pings(32, 2)


def test_what_comes_after_a_test_is_counted_only_if_it_has_data() -> None:
    now = 0.0
    watch = AnswerWatch(lambda: now)
    watch.sent(1200)
    watch.came(1200, has_data=True)
    watch.request_sent()
    watch.came(2000, has_data=True)
    now = 1.0
    assert watch.fell_silent() and watch.end().ping_acknowledged is None
    watch.tested()
    watch.sent(40)
    watch.came(30, has_data=False)
    watch.acknowledged += 1
    end = watch.end()
    assert (end.bytes_received, end.bytes_sent, end.bytes_after_sent, end.segments_in, end.segments_out) == (
        3200,
        1200,
        2000,
        2,
        1,
    )
    assert (end.silence, end.ping_acknowledged) == (1.0, True)
    watch.came(1000, has_data=True)
    end = watch.end()
    assert (end.bytes_received, end.silence, end.ping_acknowledged) == (4230, 0.0, None)

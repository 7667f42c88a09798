"""Test what is recorded of a connection that falls silent in the middle of an answer, and how its path is tested."""

import asyncio
from typing import Any

import pytest

from probe.dialogue import came_too_slowly, fell_silent
from probe.formats import failures as f
from probe.formats.transactions import StreamEnd
from probe.platforms.sockets import tcp_state
from probe.signatures import silent_streams
from probe.signatures.silent_streams import LEAST_PACKETS
from probe.steps import tcp
from probe.steps.http.http import HTTPResult, http_request
from probe.steps.tcp import tcp_connect
from probe.steps.tls.tls import tls_handshake
from tests.steps.http.test_http import URL, sending, stay
from tests.steps.tls.test_tls import GOOD, MIDDLE, NAME
from tests.steps.tls.test_tls import roots as roots  # the fixture
from tests.support.servers.loopback import Bench, Handler, Peer, TLSPeer, a_transaction, serving, tls_with

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"
PART = b"x" * 3000


@pytest.fixture(autouse=True)
def _short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silent_streams, "LEAST_SILENCE", 0.2)


async def ended(handler: Handler, *, seconds: float = 0.5) -> tuple[StreamEnd, Bench]:
    """Ask for a page of 9000 bytes. Return how far the connection got."""
    async with serving(handler) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        await http_request(bench.tx, conn, "GET", URL, pace=bench.pace, timeout=seconds)
    assert bench.tx.record.stream is not None
    return bench.tx.record.stream, bench


async def test_answer_that_stops_is_recorded_with_its_bytes_and_segments() -> None:
    end, bench = await ended(sending(HEAD + PART, then=stay))
    assert end.bytes_received == end.bytes_after_sent == len(HEAD + PART)
    assert end.reads >= 1 and 0 < end.last_byte < 0.3 and end.silence > 0.4
    assert end.segments_in and end.segments_out and end.segment_size and end.retransmissions == 0
    assert fell_silent(bench.tx.record, bench.trace.entries)


async def test_answer_whose_bytes_still_arrive_came_too_slowly() -> None:
    async def send(peer: Peer) -> None:
        await peer.receive()
        await peer.send(HEAD)
        for _ in range(20):
            await peer.send(PART[:300])
            await asyncio.sleep(0.05)

    end, bench = await ended(send)
    assert end.bytes_after_sent >= silent_streams.LEAST_ANSWER and end.silence < 0.2
    assert came_too_slowly(bench.tx.record, bench.trace.entries)
    assert not fell_silent(bench.tx.record, bench.trace.entries)


async def test_answer_that_stops_or_is_whole_did_not_come_too_slowly() -> None:
    for answer in (HEAD + PART, HEAD + PART * 3, HEAD):
        _, bench = await ended(sending(answer, then=stay))
        assert not came_too_slowly(bench.tx.record, bench.trace.entries)


async def test_peer_that_is_alive_acknowledges_the_empty_line() -> None:
    """Show that a stopped server acknowledges all bytes, the SYN counted as one."""
    heard = bytearray()

    async def listen(peer: Peer) -> None:
        heard.extend(await peer.receive())

    end, _ = await ended(sending(HEAD + PART, then=listen))
    assert end.bytes_acked == end.bytes_sent + 1
    assert bytes(heard) == b"\r\n"


async def test_complete_answer_gets_no_empty_line() -> None:
    end, bench = await ended(sending(HEAD + PART * 3, then=stay))
    assert (end.bytes_received, end.bytes_sent + 1) == (len(HEAD) + 9000, end.bytes_acked)
    assert not fell_silent(bench.tx.record, bench.trace.entries)


@pytest.mark.parametrize("piece", [b"H", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 400])
async def test_silence_without_an_answer_is_no_stop(piece: bytes) -> None:
    """Leave out a request without an answer, and one after which only session tickets came."""
    end, bench = await ended(sending(piece, then=stay))
    assert bench.tx.record.failure == f.TIMEOUT
    assert end.bytes_received < silent_streams.LEAST_ANSWER
    assert not fell_silent(bench.tx.record, bench.trace.entries)


async def test_slow_answer_is_no_stop() -> None:
    slowly = sending(HEAD + PART, *[b"."] * 100, pause=0.05)
    end, bench = await ended(slowly)
    assert end.silence < 0.2
    assert not fell_silent(bench.tx.record, bench.trace.entries)


async def test_stop_inside_tls_is_recorded_and_tested(roots: Any) -> None:
    heard = bytearray()

    async def serve(tls: TLSPeer) -> None:
        await tls.read()
        await tls.send(HEAD + PART)
        heard.extend(await tls.read())

    async with serving(tls_with(GOOD.server_context(MIDDLE), serve)) as server, a_transaction() as bench:
        below = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        conn = await tls_handshake(bench.tx, below, NAME, pace=bench.pace, roots=roots)
        await http_request(bench.tx, conn, "GET", f"https://{NAME}/", pace=bench.pace, timeout=0.5)
    end = bench.tx.record.stream
    assert end is not None and end.bytes_received > end.bytes_after_sent > len(HEAD + PART)
    assert (bytes(heard), end.bytes_acked) == (b"\r\n", end.bytes_sent + 1)
    assert fell_silent(bench.tx.record, bench.trace.entries)


async def test_step_does_not_wait_for_a_dead_path_beyond_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no acknowledgement count. The step then ends less than a second after its deadline."""
    monkeypatch.setattr(tcp.TCPConnection, "_acknowledges_since", lambda self, before: False)
    _, bench = await ended(sending(HEAD + PART, then=stay))
    (entry,) = [entry for entry in bench.trace.entries if entry.OPERATION == "http_round_trip"]
    assert entry.failure is None and 0.5 + tcp.PATH_TEST <= entry.t - entry.t0 < 1.5


async def test_system_without_counts_records_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_state, "tells_tcp_state", lambda: False)
    end, bench = await ended(sending(HEAD + PART, then=stay))
    assert (end.bytes_acked, end.segments_in, end.segments_out, end.retransmissions) == (None, None, None, None)
    assert end.bytes_received == len(HEAD + PART)
    assert fell_silent(bench.tx.record, bench.trace.entries)


LONG_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n"


async def long_page(*pieces: bytes, packets: int | None, past: int = 0, limit: int = 2000) -> tuple[HTTPResult, Bench]:
    """Ask for a page of which the server sends these pieces alone. `packets` is what the system counts, or None."""
    async with serving(sending(LONG_HEAD, *pieces, then=stay, pause=0.05)) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        conn.packets_received = lambda: packets  # type: ignore[method-assign]
        result = await http_request(bench.tx, conn, "GET", URL, pace=bench.pace, timeout=1.0, limit=limit, past=past)
    return result, bench


async def test_silence_behind_the_limit_shows_while_few_packets_have_come() -> None:
    result, bench = await long_page(PART, packets=LEAST_PACKETS - 1)
    assert result.entry.failure is None and result.entry.response.x_body_failure == f.TIMEOUT
    assert len(result.body) == 2000 and result.entry.response.body_is_truncated
    assert fell_silent(bench.tx.record, bench.trace.entries)


async def test_connection_ends_at_the_limit_once_enough_packets_have_come() -> None:
    result, bench = await long_page(PART, packets=LEAST_PACKETS)
    assert result.entry.response.x_body_failure is None
    assert not fell_silent(bench.tx.record, bench.trace.entries)
    assert bench.tx.record.stream is not None and bench.tx.record.stream.bytes_received < 2 * len(PART)


async def test_packets_are_estimated_where_the_system_counts_none() -> None:
    result, _ = await long_page(*[PART] * 9, packets=None)
    assert result.entry.response.x_body_failure is None
    result, _ = await long_page(*[PART] * 7, packets=None)
    assert result.entry.response.x_body_failure == f.TIMEOUT


async def test_answer_that_others_are_compared_with_goes_far() -> None:
    result, bench = await long_page(*[2 * PART] * 15, packets=LEAST_PACKETS, past=silent_streams.COMPARED_BYTES)
    assert result.entry.response.x_body_failure is None and len(result.body) == 2000
    assert bench.tx.record.stream is not None
    assert bench.tx.record.stream.bytes_received >= silent_streams.COMPARED_BYTES


async def test_end_of_the_connection_behind_the_limit_is_no_failure() -> None:
    async def break_off(peer: Peer) -> None:
        await peer.receive()
        await peer.send(LONG_HEAD + PART)

    async with serving(break_off) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        result = await http_request(bench.tx, conn, "GET", URL, pace=bench.pace, timeout=1.0, limit=2000)
    assert result.entry.response.x_body_failure is None

"""Test that the step `connect` names each result of a TCP connect and leaves no socket behind."""

import asyncio
import errno
import os
import resource
import socket
import struct
import time
from pathlib import Path

import pytest

from probe.formats import failures as f
from probe.formats.entries import TCPConnect
from probe.formats.transactions import StreamEnd
from probe.platforms.sockets import tcp_state
from probe.session.pacing import Pace
from probe.steps import tcp
from probe.steps.connection import address_of
from probe.steps.tcp import TCPConnection, tcp_connect
from tests.support.servers.loopback import Bench, Peer, a_transaction, serving, silence


async def echo(peer: Peer) -> None:
    while data := await peer.receive():
        await peer.send(data)


def entry_of(bench: Bench) -> TCPConnect:
    (entry,) = bench.trace.entries
    assert isinstance(entry, TCPConnect)
    return entry


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
async def test_connection_carries_and_counts_bytes(ip: str) -> None:
    async with serving(echo, ip) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, ip, server.port, pace=bench.pace)
        await conn.write(b"hello")
        assert await conn.read_exactly(5) == b"hello"
        assert conn.address == address_of(ip, server.port)
        assert (bench.pace.bytes_sent, bench.pace.bytes_received) == (5, 5)
        assert bench.pace.round_trip > 0
        assert entry_of(bench).model_dump()["status"] == {"success": True, "failure": None}
        assert bench.tx.record.steps == ["connect"]
    with pytest.raises(OSError):
        await conn.write(b"closed with its transaction")


async def test_closed_port_is_connection_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening, so that no other process takes it
        async with a_transaction() as bench:
            await tcp_connect(bench.tx, "127.0.0.1", taken.getsockname()[1], pace=bench.pace)
    assert bench.tx.record.failure == entry_of(bench).failure == f.REFUSED


def full_backlog() -> tuple[socket.socket, list[socket.socket]]:
    """Return a listener that drops every further SYN, as a silent address does."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = []
    for _ in range(3):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    return listener, fillers


async def test_silence_is_timeout_at_deadline() -> None:
    listener, fillers = full_backlog()
    async with a_transaction() as bench:
        await tcp_connect(bench.tx, "127.0.0.1", listener.getsockname()[1], pace=bench.pace, timeout=0.2)
    for sock in (listener, *fillers):
        sock.close()
    assert entry_of(bench).failure == f.TIMEOUT
    assert 0.15 < entry_of(bench).t - entry_of(bench).t0 < 1.0


async def test_repeated_syn_is_counted_and_a_late_process_is_not() -> None:
    """Drop the first SYN, and block this process for longer than a SYN is waited for."""
    listener, fillers = full_backlog()
    asyncio.get_running_loop().call_later(0.3, lambda: [listener.accept()[0].close() for _ in range(2)])
    async with a_transaction() as bench:
        await tcp_connect(bench.tx, "127.0.0.1", listener.getsockname()[1], pace=bench.pace)
    for sock in (listener, *fillers):
        sock.close()
    assert entry_of(bench).failure is None and entry_of(bench).x_syn_repeats == 1
    assert entry_of(bench).model_dump()["x_syn_repeats"] == 1
    async with serving(echo) as server, a_transaction() as bench:
        asyncio.get_running_loop().call_soon(time.sleep, 1.2)
        await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
    assert entry_of(bench).t - entry_of(bench).t0 > 0.9 and entry_of(bench).x_syn_repeats == 0


async def test_cancelled_connect_is_interrupted_and_closes_socket() -> None:
    listener, fillers = full_backlog()
    before = len(os.listdir("/proc/self/fd"))
    bench_of: list[Bench] = []

    async def connect() -> None:
        async with a_transaction() as bench:
            bench_of.append(bench)
            await tcp_connect(bench.tx, "127.0.0.1", listener.getsockname()[1], pace=bench.pace)

    task = asyncio.create_task(connect())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(os.listdir("/proc/self/fd")) == before
    for sock in (listener, *fillers):
        sock.close()
    assert entry_of(bench_of[0]).failure == f.INTERRUPTED


async def test_missing_descriptors_are_local_failure() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # only new descriptors are refused
    try:
        async with a_transaction() as bench:
            await tcp_connect(bench.tx, "127.0.0.1", 9, pace=bench.pace)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert entry_of(bench).failure == f.FILES_EXHAUSTED
    assert f.is_local(entry_of(bench).failure)


@pytest.mark.parametrize(
    ("code", "failure"), [(errno.ENETUNREACH, f.NETWORK_UNREACHABLE), (errno.EHOSTUNREACH, f.HOST_UNREACHABLE)]
)
async def test_icmp_errors_have_their_failures(code: int, failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", unreachable)
    async with a_transaction() as bench:
        await tcp_connect(bench.tx, "192.0.2.1", 443, pace=bench.pace)
    assert entry_of(bench).failure == failure


async def test_name_as_address_is_bug_with_entry() -> None:
    with pytest.raises(AssertionError):
        async with a_transaction() as bench:
            await tcp_connect(bench.tx, "a.example", 443, pace=bench.pace)
    assert (entry_of(bench).failure or "").startswith(f.BUG)


async def test_confirmation_has_longer_timeout() -> None:
    pace = Pace()
    assert pace.tcp_timeout(confirm=True) > pace.tcp_timeout()


async def test_delay_of_first_answer_is_reported_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    smoothed = iter([0.05, 0.075])  # as the kernel weighs it in: an eighth of 0.25 s and seven of 0.05
    monkeypatch.setattr(tcp_state, "round_trip", lambda sock: next(smoothed))
    delays: list[tuple[float, str]] = []
    async with serving(send_two_bytes) as server, a_transaction() as bench:
        monkeypatch.setattr(bench.pace, "saw_wait", lambda *wait: delays.append(wait))
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        assert [await conn.read(1), await conn.read(1)] == [b"h", b"i"]
    assert delays == [(pytest.approx(0.2), "127.0.0.0")]


async def test_missing_kernel_time_gives_no_delay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tcp_state, "round_trip", lambda sock: None)
    async with serving(send_two_bytes) as server, a_transaction() as bench:
        monkeypatch.setattr(bench.pace, "saw_wait", pytest.fail)
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        assert await conn.read(1) == b"h"


async def send_two_bytes(peer: Peer) -> None:
    await peer.send(b"hi")


async def test_reset_and_end_while_reading_are_distinguished() -> None:
    async def reset(peer: Peer) -> None:
        await peer.receive()
        peer.reset()

    async def end(peer: Peer) -> None:
        await peer.receive()
        await peer.send(b"ab")

    async with serving(reset) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        await conn.write(b"x")
        with pytest.raises(ConnectionResetError):
            await conn.read()
        assert await conn.read() == b"" and conn.was_reset()  # the kernel reports the reset once
    async with serving(end) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        await conn.write(b"x")
        with pytest.raises(EOFError):
            await conn.read_exactly(3)
        assert await conn.read() == b"" and not conn.was_reset()


async def test_read_exactly_leaves_further_bytes() -> None:
    async with serving(echo) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        await conn.write(b"abcdef")
        assert await conn.read_exactly(2) == b"ab"
        assert await conn.read_exactly(4) == b"cdef"


async def test_repeated_close_removes_reader() -> None:
    """Check that a socket closed under a reader leaves the selector, else the number's next owner receives nothing."""
    async with serving(silence) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        reading = asyncio.create_task(conn.read())
        await asyncio.sleep(0.01)
        conn.close()
        conn.close()
        async with serving(echo) as other:
            again = await tcp_connect(bench.tx, "127.0.0.1", other.port, pace=bench.pace)
            await again.write(b"x")
            assert await asyncio.wait_for(again.read(), 1) == b"x"
        reading.cancel()


async def test_close_with_reset_sends_reset() -> None:
    seen: list[str] = []

    async def watch(peer: Peer) -> None:
        try:
            await peer.receive()
        except ConnectionResetError:
            seen.append("reset")

    async with serving(watch) as server, a_transaction() as bench:
        conn: TCPConnection = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        conn.close_with_reset()
        await asyncio.sleep(0.05)
    assert seen == ["reset"]


async def test_round_trip_is_measured_by_kernel() -> None:
    """Check the round trip's source. A slow computer must not look like a slow access line (P8)."""
    async with serving(silence) as server, a_transaction() as bench:
        asyncio.get_running_loop().call_soon(time.sleep, 0.3)
        await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
    assert 0 < bench.pace.round_trip < 0.1


@pytest.mark.parametrize(("says", "sends"), [("1\n", True), ("2\n", True), ("0\n", False), (None, None)])
def test_timestamps_are_read_from_kernel_setting(
    says: str | None, sends: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if says is not None:
        (tmp_path / "tcp_timestamps").write_text(says)
    monkeypatch.setattr(tcp_state, "TIMESTAMPS", tmp_path / "tcp_timestamps")
    assert tcp_state.sends_timestamps() == sends


# -- segment size ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ip", "family"), [("127.0.0.1", 4), ("::1", 6)])
async def test_segment_size_holds_in_both_directions_of_its_family(ip: str, family: int) -> None:
    other = 10 - family
    for sizes, own, lowered in (({}, None, False), ({family: 1200}, None, True), ({other: 1200}, None, False)):
        assert await segments_of(ip, sizes, own) == ([True, True] if lowered else [False, False])
    assert await segments_of(ip, {}, 1200) == [True, True]
    assert await segments_of(ip, {family: 1200}, 0) == [False, False], "0 is the system's own size"


async def segments_of(ip: str, sizes: dict[int, int], own: int | None) -> list[bool]:
    """Return for client and server whether their segments fit into packets of 1280 bytes."""
    async with serving(silence, ip) as server, a_transaction() as bench:
        bench.pace.segment_sizes = sizes
        conn = await tcp_connect(bench.tx, ip, server.port, pace=bench.pace, segment_size=own)
        await asyncio.sleep(0.02)
        there = server.peers[0].writer.get_extra_info("socket")
        longest = conn.segment_size(), there.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
    return [size <= 1200 for size in longest]


async def test_refused_segment_size_is_a_local_failure_and_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "limit_segments", lambda sock, size: False)
    async with serving(silence) as server:
        async with a_transaction() as bench:
            await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace, segment_size=1200)
        await asyncio.sleep(0.02)
        assert server.peers == []
    assert bench.tx.record.failure == f.SEGMENT_SIZE and f.is_local(f.SEGMENT_SIZE)


async def test_silence_counts_from_the_last_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(echo) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
        later = asyncio.get_running_loop().time() + 60.0
        with monkeypatch.context() as patched:
            patched.setattr(asyncio.get_running_loop(), "time", lambda: later)
            assert 60.0 <= conn.silent_for() < 90.0
            await conn.write(b"x")
            assert await conn.read() == b"x" and conn.silent_for() == 0.0


def bytes_sent_by(sock: socket.socket) -> int:
    """Return the bytes that the kernel has sent, with dropped and repeated ones (tcpi_bytes_sent of <linux/tcp.h>)."""
    return int(struct.unpack_from("=Q", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 208), 200)[0])


async def unread(limit: int | None) -> tuple[int, int, StreamEnd]:
    """Leave an endless answer unread. Return the bytes that the peer sent, those that were counted, and the end."""
    sent = asyncio.get_running_loop().create_future()

    async def flood(peer: Peer) -> None:
        await peer.receive()
        peer.writer.write(bytes(2_000_000))
        await asyncio.sleep(0.3)
        sent.set_result(bytes_sent_by(peer.writer.get_extra_info("socket")))
        await peer.receive()

    async with serving(flood) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace, segment_size=1448)
        if limit is not None:
            conn.limit_unread(limit)
        await conn.write(b"hello")
        came = await sent
    assert bench.tx.record.stream is not None
    return came, bench.pace.bytes_received, bench.tx.record.stream


async def test_peer_sends_little_more_than_the_limit_of_unread_bytes() -> None:
    """Show that it is at most the window of the SYN, and what was repeated. Without a limit it is twice as much."""
    limited, _, _ = await unread(16384)
    usual, _, _ = await unread(None)
    assert limited < 90_000 < usual


async def test_bytes_that_a_full_buffer_dropped_are_counted() -> None:
    """Show that a metered line is told of all that came, although the kernel kept a part."""
    came, counted, _ = await unread(16384)
    assert came == pytest.approx(counted, rel=0.1)


async def test_end_of_a_connection_is_known_after_its_close() -> None:
    async with serving(echo) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        await conn.write(b"hello")
        await conn.read_exactly(5)
        conn.close()
        end = conn.end()
    assert (end.bytes_received, end.bytes_acked) == (5, 6)
    assert bench.tx.record.stream == end
    assert bench.pace.bytes_received == 5  # counted once

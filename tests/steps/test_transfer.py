"""Test the step `transfer` against the helper's port, through a proxy that limits some names to known rates."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from probe.formats import failures as f
from probe.formats.exchanges.transfer import Transfer
from probe.helper.transfer import sender
from probe.helper.transfer.port import TransferPort
from probe.http_server.client_shares import ClientShares, PortKind
from probe.platforms.sockets.tcp_state import Traffic
from probe.signatures import silent_streams
from probe.signatures.silent_streams import SMALL_SEGMENT
from probe.steps import transfer as step
from probe.steps.transfer import has_stopped, transfer
from probe.wire.transfer import PACE
from tests.steps.slow_proxy import slow_proxy
from tests.support.servers.loopback import Peer, a_transaction, serving, silence

NAMED, OTHER = "www.blocked.example", "www.innocuous.example"


@asynccontextmanager
async def helper() -> AsyncIterator[TransferPort]:
    port = TransferPort(0)
    await port.open("127.0.0.1")
    try:
        yield port
    finally:
        port.close()


async def measured(
    rates: dict[str, int] | None = None, *, name: str = NAMED, cut_after: int | None = None, **changed: Any
) -> Transfer:
    limits = rates or {}, cut_after, changed.pop("stall_after", None)
    async with helper() as port, slow_proxy(port.port, *limits) as proxy, a_transaction() as bench:
        offer = port.offer()
        about: dict[str, Any] = {"sha256": offer["sha256"], "pace": bench.pace} | changed
        await transfer(bench.tx, "127.0.0.1", proxy, bytes.fromhex(offer["token"]), name, **about)
    (entry,) = bench.tx.entries
    assert isinstance(entry, Transfer) and "127.0.0.1" not in entry.model_dump_json()
    assert sum(entry.received) == entry.total and len(entry.received) <= entry.lasted / entry.interval + 1
    return entry


async def test_transfer_has_the_helpers_pace_and_ends_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "SECONDS", 1.5)
    monkeypatch.setattr(sender, "TOTAL", PACE)
    entry = await measured(pair=1, rank=1)
    assert (entry.failure, entry.complete, entry.server_name, entry.pair, entry.rank) == (None, True, NAMED, 1, 1)
    assert PACE <= entry.total < PACE + 100 and 0.9 < entry.lasted < 1.5
    assert entry.asked is not None and entry.secured is not None and entry.first_byte is not None
    assert entry.t0 <= entry.asked <= entry.t and entry.segments and entry.round_trip
    half = sum(entry.received[: len(entry.received) // 2])
    assert half == pytest.approx(PACE / 2, rel=0.3)


@pytest.mark.parametrize("rate", [8_000, 16_000])
async def test_limited_name_gets_the_rate_of_the_limit(rate: int) -> None:
    entry = await measured({NAMED: rate}, seconds=3.0)
    assert (entry.failure, entry.complete) == (None, False)
    assert entry.lasted == pytest.approx(3.0, abs=0.2)
    assert sum(entry.received[20:60]) == pytest.approx(2 * rate, rel=0.25)


async def test_other_name_is_not_limited() -> None:
    entry = await measured({NAMED: 8_000}, name=OTHER, seconds=1.5)
    assert entry.total == pytest.approx(1.5 * PACE, rel=0.2)


# -- transfers that stop -----------------------------------------------------------------------------------------------


@pytest.fixture
def short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silent_streams, "LEAST_SILENCE", 0.3)


async def stopped() -> Transfer:
    return await measured({NAMED: 10**6}, stall_after=20_000, seconds=1.2)


@pytest.mark.usefixtures("short_silence")
async def test_system_of_a_stopped_helper_acknowledges_further_bytes() -> None:
    entry = await stopped()
    assert has_stopped(entry) and entry.acknowledged is True
    assert 15_000 < entry.total < 25_000 and entry.lasted < 1.5  # the test of the path is not counted


@pytest.mark.usefixtures("short_silence")
@pytest.mark.parametrize(("told", "acknowledged"), [(Traffic(100, 100, 1, 1), False), (None, None)])
async def test_path_that_carries_nothing_more_acknowledges_nothing(
    monkeypatch: pytest.MonkeyPatch, told: Traffic | None, acknowledged: bool | None
) -> None:
    monkeypatch.setattr("probe.platforms.sockets.tcp_state.traffic", lambda sock: told)
    assert (await stopped()).acknowledged is acknowledged


@pytest.mark.usefixtures("short_silence")
async def test_transfer_that_goes_on_is_not_tested() -> None:
    entry = await measured({NAMED: 16_000}, seconds=1.2)
    assert not has_stopped(entry) and entry.acknowledged is None


async def test_small_segments_are_small_in_both_directions() -> None:
    small, usual = await measured(small=True, seconds=0.5), await measured(seconds=0.5)
    assert small.segment_size and usual.segment_size and small.segment_size <= SMALL_SEGMENT < usual.segment_size


# -- in the clear ------------------------------------------------------------------------------------------------------


async def measured_in_clear(rates: dict[str, int], **changed: Any) -> Transfer:
    port = TransferPort(0, 0)
    await port.open("127.0.0.1")
    assert port.http_port is not None
    try:
        async with slow_proxy(port.http_port, rates) as proxy, a_transaction() as bench:
            token, about = bytes.fromhex(port.offer()["token"]), {"sha256": "", "pace": bench.pace} | changed
            await transfer(bench.tx, "127.0.0.1", proxy, token, NAMED, in_clear=True, **about)
    finally:
        port.close()
    (entry,) = bench.tx.entries
    assert isinstance(entry, Transfer)
    return entry


async def test_transfer_in_the_clear_has_the_name_in_its_host_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "SECONDS", 1.5)
    monkeypatch.setattr(sender, "TOTAL", PACE)
    entry = await measured_in_clear({})
    assert (entry.failure, entry.complete, entry.server_name, entry.http_host) == (None, True, "", NAMED)
    assert PACE <= entry.total < PACE + 300 and 0.9 < entry.lasted < 1.5 and entry.round_trip


async def test_limited_host_gets_the_rate_of_the_limit() -> None:
    entry = await measured_in_clear({f"Host: {NAMED}\r\n": 8_000}, seconds=3.0)
    assert (entry.failure, entry.complete) == (None, False)
    assert sum(entry.received[20:60]) == pytest.approx(2 * 8_000, rel=0.25)


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n<html>", b"\x16\x03" * 20]
)
async def test_other_answers_in_the_clear_are_no_transfers(answer: bytes) -> None:
    async def forged(peer: Peer) -> None:
        await peer.receive()
        await peer.send(answer + bytes(40))

    async with a_transaction() as bench, serving(forged) as server:
        about: dict[str, Any] = {"sha256": "", "pace": bench.pace, "in_clear": True}
        await transfer(bench.tx, "127.0.0.1", server.port, bytes(12), NAMED, **about)
    assert bench.tx.record.failure == f"{f.UNKNOWN}: malformed transfer"


# -- uploads ----------------------------------------------------------------------------------------------------------


async def uploaded(seconds: float = 3.0, token: bytes | None = None) -> Transfer:
    async with helper() as port, a_transaction() as bench:
        offer = port.offer()
        about: dict[str, Any] = {"sha256": offer["sha256"], "pace": bench.pace, "upload": True, "seconds": seconds}
        await transfer(bench.tx, "127.0.0.1", port.port, token or bytes.fromhex(offer["upload"]), NAMED, **about)
    (entry,) = bench.tx.entries
    assert isinstance(entry, Transfer) and sum(entry.received) == entry.total
    return entry


async def test_upload_has_what_the_helper_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "TOTAL", PACE)
    monkeypatch.setattr(step, "TOTAL", PACE)
    entry = await uploaded()
    assert (entry.failure, entry.complete, entry.upload, entry.total) == (None, True, True, PACE)
    assert entry.acked is not None and PACE < entry.acked < 1.1 * PACE and entry.acknowledged is None
    assert 0.8 < entry.lasted < 1.6 and entry.segments and entry.segments > 10 and entry.round_trip
    half = sum(entry.received[: len(entry.received) // 2])
    assert half == pytest.approx(PACE / 2, rel=0.35)


async def test_upload_needs_a_token_of_uploads() -> None:
    entry = await uploaded(token=bytes(12))
    assert entry.failure in {f.EOF, f.RESET} and entry.total == 0  # a reset, if bytes were under way


# -- failures ----------------------------------------------------------------------------------------------------------


async def test_trigger_is_counted_before_the_hello() -> None:
    counted = []
    async with a_transaction() as bench, serving(silence) as server:
        about: dict[str, Any] = {"sha256": "00", "pace": bench.pace, "before_name": lambda: counted.append(1)}
        task = asyncio.create_task(transfer(bench.tx, "127.0.0.1", server.port, bytes(12), NAMED, **about))
        await asyncio.sleep(0.2)
        assert counted == [1]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_spent_budget_sends_no_hello() -> None:
    def refuse() -> None:
        raise step.LocalFailure(f.BUDGET)

    async with a_transaction() as bench, serving(silence) as server:
        await transfer(
            bench.tx, "127.0.0.1", server.port, bytes(12), NAMED, sha256="", pace=bench.pace, before_name=refuse
        )
    assert bench.tx.record.failure == f.BUDGET and bench.pace.bytes_sent == 0


async def test_other_certificate_is_refused_and_the_token_kept_back() -> None:
    entry = await measured(sha256="00" * 32)
    assert (entry.failure, entry.asked, entry.total) == (f.SSL_UNKNOWN_AUTHORITY, None, 0)


async def test_silence_after_the_handshake_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "FIRST_BYTE", 0.5)
    entry = await measured({NAMED: 0})
    assert (entry.failure, entry.total, entry.received) == (f.TIMEOUT, 0, [])
    assert entry.asked is not None and entry.first_byte is None


async def test_silence_in_the_handshake_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "HANDSHAKE", 0.3)
    async with a_transaction() as bench, serving(silence) as server:
        await transfer(bench.tx, "127.0.0.1", server.port, bytes(12), NAMED, sha256="", pace=bench.pace)
    assert (bench.tx.record.failure, bench.tx.record.failed_operation) == (f.TIMEOUT, "transfer")


async def test_cut_connection_is_a_failure_that_keeps_what_came() -> None:
    entry = await measured({NAMED: 50_000}, cut_after=30_000)
    assert entry.failure == f.EOF and 20_000 < entry.total < 40_000 and not entry.complete


async def test_closed_port_is_connection_refused() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    async with a_transaction() as bench:
        await transfer(bench.tx, "127.0.0.1", port, bytes(12), NAMED, sha256="", pace=bench.pace)
    assert bench.tx.record.failure == f.REFUSED


async def test_busy_helper_is_a_local_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async with helper() as port, a_transaction() as bench:
        port.transfers = ClientShares(PortKind(0, 0), port.clock)
        offer = port.offer()
        token, about = bytes.fromhex(offer["token"]), {"sha256": offer["sha256"], "pace": bench.pace}
        await transfer(bench.tx, "127.0.0.1", port.port, token, NAMED, **about)
    assert bench.tx.record.failure == f.HELPER_BUSY


async def test_bytes_that_are_no_frames_are_named() -> None:
    async def junk(writer: Any) -> None:
        await writer.write(b"\xff" * 100)

    async with helper() as port, a_transaction() as bench:
        offer = port.offer()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("probe.helper.transfer.port.send_frames", lambda tls, sock: junk(tls))
            token, about = bytes.fromhex(offer["token"]), {"sha256": offer["sha256"], "pace": bench.pace}
            await transfer(bench.tx, "127.0.0.1", port.port, token, NAMED, **about)
    assert bench.tx.record.failure == f"{f.UNKNOWN}: malformed transfer"

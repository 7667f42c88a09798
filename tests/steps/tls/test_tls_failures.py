"""Test failing handshakes of the step `tls_handshake`: each has its name, and what was received before is kept."""

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from probe.formats import failures as f
from probe.formats.exchanges.tls import TLSHandshake
from probe.session.classify import RemoteError
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificate_checks import Roots
from probe.steps.tls.tls import tls_handshake
from tests.steps.tls.test_tls import GOOD, MIDDLE, NAME, ders, handshake
from tests.steps.tls.test_tls import roots as roots  # the fixture
from tests.support.servers.authority import issue
from tests.support.servers.loopback import Handler, Peer, TLSPeer, a_transaction, serving, silence, tls_with

PAGE = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n<title>Blocked</title>" + b"." * 200


def after_hello(then: Callable[[Peer], Awaitable[None]]) -> Handler:
    async def handler(peer: Peer) -> None:
        await peer.receive()
        await then(peer)

    return handler


def sending(data: bytes, *, stay: bool = False) -> Handler:
    async def say(peer: Peer) -> None:
        await peer.send(data)
        if stay:
            await peer.reader.read()

    return after_hello(say)


async def reset(peer: Peer) -> None:
    peer.reset()


async def end(peer: Peer) -> None:
    peer.writer.write_eof()
    await peer.reader.read()


def alert(description: int, level: int = 2) -> bytes:
    return bytes([21, 3, 3, 0, 2, level, description])


async def test_reset_end_and_silence_after_hello_have_their_failures(roots: Roots) -> None:
    assert (await handshake(after_hello(reset), roots)).failure == f.RESET
    assert (await handshake(after_hello(end), roots)).failure == f.EOF
    quiet = await handshake(silence, roots, timeout=0.2)
    assert quiet.failure == f.TIMEOUT
    assert 0.15 < quiet.t - quiet.t0 < 0.6
    assert (quiet.x_answered, quiet.x_first_bytes, quiet.peer_certificates) == (False, None, [])
    assert quiet.x_client_hello_length > 200
    assert (quiet.tls_version, quiet.cipher_suite) == ("", "")


@pytest.mark.parametrize("description", [*f.ALERT_TEXTS, 255])
async def test_alert_has_its_failure(description: int, roots: Roots) -> None:
    entry = await handshake(sending(alert(description)), roots)
    assert entry.failure == f.ALERT_TEXTS.get(description, f"unknown_failure: remote error: tls: alert({description})")
    assert (entry.x_alert, entry.x_answered, entry.x_completed) == (description, True, False)


async def test_alert_before_reset_is_kept(roots: Roots) -> None:
    async def say_and_reset(peer: Peer) -> None:
        await peer.send(alert(40))
        await asyncio.sleep(0.02)
        peer.reset()

    assert (await handshake(after_hello(say_and_reset), roots)).failure == f.ALERT_TEXTS[40]


async def test_alert_in_single_bytes_is_read(roots: Roots) -> None:
    async def drip(peer: Peer) -> None:
        for byte in alert(40):
            await peer.send(bytes([byte]))
            await asyncio.sleep(0.005)

    assert (await handshake(after_hello(drip), roots)).failure == f.ALERT_TEXTS[40]


async def test_warning_does_not_end_handshake(roots: Roots) -> None:
    async def warn_then_serve(peer: Peer) -> None:
        tls = TLSPeer(peer, GOOD.server_context(MIDDLE, tls12=True))
        flight = await tls.first_flight()
        await peer.send(alert(112, level=1) + flight)
        tls.incoming.write(await tls.receive_or_end())
        tls.engine.do_handshake()
        await peer.send(tls.outgoing.read())
        await peer.reader.read()

    entry = await handshake(warn_then_serve, roots)
    assert (entry.failure, entry.x_alert, entry.x_completed) == (None, 112, True)


async def test_close_notify_without_hello_is_end_of_stream(roots: Roots) -> None:
    entry = await handshake(sending(alert(0, level=1)), roots)
    assert (entry.failure, entry.x_answered) == (f.EOF, True)


async def test_clear_text_block_page_is_not_tls(roots: Roots) -> None:
    entry = await handshake(sending(PAGE), roots)
    assert entry.failure == f.NOT_TLS
    assert entry.x_first_bytes is not None
    assert base64.b64decode(entry.x_first_bytes.data) == PAGE[:64]
    assert (entry.x_answered, entry.x_completed) == (False, False)


async def test_first_bytes_have_no_address(roots: Roots) -> None:
    page = b"HTTP/1.1 302 Found\r\nLocation: http://wall.example/?you=203.0.113.57&x=1\r\n\r\n"
    entry = await handshake(sending(page), roots)
    assert entry.x_first_bytes is not None
    kept = base64.b64decode(entry.x_first_bytes.data)
    assert b"203.0.113" not in kept
    assert kept.startswith(b"HTTP/1.1 302 Found")
    assert len(kept) <= 64


@pytest.mark.parametrize("start", [b"H", b"\x00\x01\x02"])
async def test_few_bytes_of_other_protocol_are_not_tls(start: bytes, roots: Roots) -> None:
    assert (await handshake(sending(start), roots)).failure == f.NOT_TLS
    late = await handshake(sending(start, stay=True), roots, timeout=0.2)
    assert late.failure == f.NOT_TLS
    assert late.x_first_bytes is not None


async def test_incomplete_record_is_end_or_timeout(roots: Roots) -> None:
    half = b"\x16\x03\x03\x00\x64\x02\x00\x00"
    entry = await handshake(sending(half), roots)
    assert (entry.failure, entry.x_answered, entry.x_first_bytes) == (f.EOF, True, None)
    assert (await handshake(sending(half, stay=True), roots, timeout=0.2)).failure == f.TIMEOUT
    less = await handshake(sending(half[:4]), roots)
    assert (less.failure, less.x_answered) == (f.EOF, False)


async def test_flight_in_single_bytes_ends_at_deadline(roots: Roots) -> None:
    async def drip(peer: Peer) -> None:
        tls = TLSPeer(peer, GOOD.server_context(MIDDLE))
        for byte in await tls.first_flight():
            await peer.send(bytes([byte]))
            await asyncio.sleep(0.02)

    entry = await handshake(drip, roots, timeout=0.3)
    assert (entry.failure, entry.x_answered) == (f.TIMEOUT, True)
    assert entry.t - entry.t0 < 0.8


async def flight_then(
    then: Callable[[Peer], Awaitable[None]], roots: Roots, *, tls12: bool = True, **options: Any
) -> TLSHandshake:
    async def handler(peer: Peer) -> None:
        tls = TLSPeer(peer, GOOD.server_context(MIDDLE, tls12=tls12))
        await peer.send(await tls.first_flight())
        if tls12:
            await peer.receive()  # the client's answer shows that it has read the flight
        await then(peer)

    return await handshake(handler, roots, **options)


async def stay_silent(peer: Peer) -> None:
    await asyncio.Event().wait()


FAILURES = {"reset": (reset, f.RESET), "end": (end, f.EOF), "silence": (stay_silent, f.TIMEOUT)}


@pytest.mark.parametrize("case", FAILURES)
async def test_failure_after_chain_keeps_chain(case: str, roots: Roots) -> None:
    then, failure = FAILURES[case]
    entry = await flight_then(then, roots, timeout=0.4)
    assert entry.failure == failure
    assert ders(entry) == [GOOD.der, MIDDLE.der]
    assert (entry.x_answered, entry.x_completed, entry.tls_version) == (True, False, "")


async def test_interruption_after_chain_keeps_chain(roots: Roots) -> None:
    flown = asyncio.Event()

    async def fly(peer: Peer) -> None:
        tls = TLSPeer(peer, GOOD.server_context(MIDDLE, tls12=True))
        await peer.send(await tls.first_flight())
        await peer.receive()
        flown.set()
        await peer.reader.read()

    async with serving(fly) as server:
        with pytest.raises(asyncio.CancelledError):
            async with a_transaction() as bench:
                conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
                task = asyncio.create_task(tls_handshake(bench.tx, conn, NAME, pace=bench.pace, roots=roots))
                await flown.wait()
                task.cancel()
                await task
    entry = bench.trace.entries[-1]
    assert isinstance(entry, TLSHandshake)
    assert entry.failure == f.INTERRUPTED
    assert ders(entry) == [GOOD.der, MIDDLE.der]


async def test_tls_1_3_is_complete_before_server_can_refuse(roots: Roots) -> None:
    """Check that the server's view of our last flight shows only at the next read, which belongs to the next step."""
    entry = await flight_then(stay_silent, roots, tls12=False, timeout=0.4)
    assert (entry.failure, entry.x_completed, ders(entry)) == (None, True, [GOOD.der, MIDDLE.der])


@pytest.mark.parametrize("case", FAILURES)
async def test_innocuous_hello_with_any_record_is_success(case: str, roots: Roots) -> None:
    then, _ = FAILURES[case]
    entry = await flight_then(then, roots, check=False, timeout=0.4)
    assert (entry.failure, entry.x_answered, entry.x_completed) == (None, True, False)


async def test_innocuous_hello_without_record_is_failure(roots: Roots) -> None:
    refused = await handshake(sending(alert(112)), roots, check=False)
    assert (refused.failure, refused.x_alert, refused.x_answered) == (None, 112, True)
    assert (await handshake(after_hello(reset), roots, check=False)).failure == f.RESET
    assert (await handshake(after_hello(end), roots, check=False)).failure == f.EOF
    assert (await handshake(silence, roots, check=False, timeout=0.2)).failure == f.TIMEOUT
    assert (await handshake(sending(PAGE), roots, check=False)).failure == f.NOT_TLS


async def test_unreadable_certificate_is_failure(roots: Roots) -> None:
    """Overwrite the leaf on the wire. The flight is TLS 1.2, where certificates are not encrypted."""

    async def garble(peer: Peer) -> None:
        tls = TLSPeer(peer, GOOD.server_context(MIDDLE, tls12=True))
        flight = await tls.first_flight()
        assert GOOD.der in flight
        await peer.send(flight.replace(GOOD.der, b"\xff" * len(GOOD.der)))
        await peer.reader.read()

    entry = await handshake(garble, roots)
    assert entry.failure == f.SSL_INVALID_CERTIFICATE
    assert entry.peer_certificates == []


async def test_certificate_that_only_openssl_reads_keeps_length(roots: Roots) -> None:
    """Check that only the length of the certificate is kept. OONI's reader fails on bytes that it cannot parse."""
    good = issue(NAME, MIDDLE)
    odd = good.der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020109"), 1)  # "version 10"
    assert odd != good.der

    async def garble(peer: Peer) -> None:
        tls = TLSPeer(peer, good.server_context(MIDDLE, tls12=True))
        await peer.send((await tls.first_flight()).replace(good.der, odd))
        await peer.reader.read()

    entry = await handshake(garble, roots, timeout=0.4)
    assert ders(entry) == [MIDDLE.der]
    assert f"unparsable_certificate:{len(odd)}" in entry.tags
    assert entry.failure is not None


async def test_garbage_after_records_is_not_clear_text(roots: Roots) -> None:
    async def spoil(peer: Peer) -> None:
        tls = TLSPeer(peer, GOOD.server_context(MIDDLE, tls12=True))
        flight = await tls.first_flight()
        await peer.send(flight[: 5 + int.from_bytes(flight[3:5])] + PAGE)
        await peer.reader.read()

    entry = await handshake(spoil, roots)
    assert entry.x_answered
    assert entry.failure != f.NOT_TLS
    assert (entry.failure or "").startswith("unknown_failure: tls: ")


async def test_encrypted_alert_is_named_at_next_read(roots: Roots) -> None:
    context = GOOD.server_context(MIDDLE)
    context.verify_mode = ssl.CERT_REQUIRED  # the server wants a certificate that we do not have

    async def serve(peer: Peer) -> None:
        tls = TLSPeer(peer, context)
        with pytest.raises(ssl.SSLError):
            await tls.handshake()
        await peer.send(tls.outgoing.read())
        await peer.reader.read()

    async with serving(serve) as server, a_transaction() as bench:
        tcp = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        conn = await tls_handshake(bench.tx, tcp, NAME, pace=bench.pace, roots=roots)
        with pytest.raises(RemoteError, match="remote error: tls: certificate required"):
            await conn.read()


async def test_deadline_of_zero_writes_entry(roots: Roots) -> None:
    entry = await handshake(tls_with(GOOD.server_context(MIDDLE)), roots, timeout=0.0)
    assert entry.failure == f.TIMEOUT

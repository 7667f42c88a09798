"""Test the step `quic_handshake`: certificates, names, refusals, silence during the handshake, and ICMP errors."""

import asyncio
import base64
import builtins
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aioquic.quic.packet import encode_quic_version_negotiation

from probe.formats import failures as f
from probe.formats.exchanges.tls import QUICHandshake
from probe.session.classify import LocalFailure
from probe.session.pacing import Pace
from probe.session.trace import Trace, TransactionFacts
from probe.steps.quic.quic import quic_handshake
from probe.steps.quic.quic_socket import broken_failure, close_failure
from probe.steps.tls.certificate_checks import Roots, load_roots
from tests.support.servers.authority import DAY, issue
from tests.support.servers.loopback import a_transaction
from tests.support.servers.quic import DatagramAnswers, listening, quic_server

NAME = "chat.example"
ROOT = issue("A root", authority=True, begins=-90 * DAY)
MIDDLE = issue("An intermediate", ROOT, authority=True)
OTHER_ROOT = issue("Another root", authority=True, begins=-90 * DAY)
GOOD = issue(NAME, MIDDLE)


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    (tmp_path / "public.pem").write_bytes(ROOT.pem)
    return load_roots(str(tmp_path / "public.pem"))


async def handshake(
    server: Callable[[], Any], roots: Roots, server_name: str | None = NAME, **options: Any
) -> QUICHandshake:
    """Perform one handshake and return the written entry. No socket is left."""
    async with listening(server) as (port, _):
        return await handshake_at(port, roots, server_name, **options)


async def handshake_at(port: int, roots: Roots, server_name: str | None = NAME, **options: Any) -> QUICHandshake:
    conn = None
    async with a_transaction() as bench:
        conn = await quic_handshake(bench.tx, "127.0.0.1", port, server_name, pace=bench.pace, roots=roots, **options)
    assert conn is None or not conn.is_open
    entry = bench.trace.entries[-1]
    assert isinstance(entry, QUICHandshake)
    assert entry.failure == bench.tx.record.failure
    assert entry.address == f"127.0.0.1:{port}"
    assert bench.pace.bytes_sent >= 1200
    return entry


def ders(entry: QUICHandshake) -> list[bytes]:
    return [base64.b64decode(certificate.data) for certificate in entry.peer_certificates]


async def test_handshake_with_valid_server_succeeds(roots: Roots) -> None:
    entry = await handshake(quic_server(GOOD, MIDDLE), roots)
    assert entry.failure is None
    assert (entry.x_completed, entry.x_answered, entry.x_close_code, entry.x_retry) == (True, True, None, False)
    assert (entry.network, entry.tls_version, entry.negotiated_protocol) == ("udp", "TLSv1.3", "h3")
    assert entry.cipher_suite.startswith("TLS_AES_")
    assert (entry.x_quic_version, entry.x_version_negotiation) == ("1", False)
    assert ders(entry) == [GOOD.der, MIDDLE.der]
    assert (entry.server_name, entry.x_verified_name) == (NAME, NAME)
    assert 200 < entry.x_client_hello_length < 1200


@pytest.mark.parametrize(
    ("issued", "above", "failure"),
    [
        (issue(NAME, MIDDLE, begins=-60 * DAY, ends=-30 * DAY), (MIDDLE,), f.SSL_INVALID_CERTIFICATE),
        (issue("other.example", MIDDLE), (MIDDLE,), f.SSL_INVALID_HOSTNAME),
        (issue(NAME, OTHER_ROOT), (), f.SSL_UNKNOWN_AUTHORITY),
        (issue(NAME), (), f.SSL_UNKNOWN_AUTHORITY),
        (issue("other.example", begins=-60 * DAY, ends=-30 * DAY), (), f.SSL_INVALID_CERTIFICATE),
        (issue("other.example"), (), f.SSL_INVALID_HOSTNAME),
    ],
    ids=["expired", "wrong-host", "unknown-root", "self-signed", "dates-before-name", "name-before-chain"],
)
async def test_chain_is_kept_and_checked(issued: Any, above: Any, failure: str, roots: Roots) -> None:
    entry = await handshake(quic_server(issued, *above), roots)
    assert (entry.failure, entry.x_completed) == (failure, True)
    assert ders(entry) == [issued.der, *(one.der for one in above)]
    lenient = await handshake(quic_server(issued, *above), roots, check=False)
    assert (lenient.failure, lenient.x_verified_name, len(lenient.peer_certificates)) == (None, "", 1 + len(above))


@pytest.mark.parametrize("server_name", [None, "127.0.0.1"])
async def test_missing_name_and_address_send_no_name(server_name: str | None, roots: Roots) -> None:
    entry = await handshake(quic_server(GOOD, MIDDLE), roots, server_name, verify_name=NAME)
    assert (entry.failure, entry.server_name, entry.x_verified_name) == (None, "", NAME)


async def test_retry_is_followed(roots: Roots) -> None:
    entry = await handshake(quic_server(GOOD, MIDDLE, retry=True), roots)
    assert (entry.failure, entry.x_retry) == (None, True)


async def test_other_version_only_is_failure(roots: Roots) -> None:
    server = quic_server(GOOD, MIDDLE, versions=[0x6B3343CF])
    entry = await handshake(server, roots)
    assert (entry.failure, entry.x_version_negotiation, entry.x_answered) == (f.QUIC_VERSION, True, True)
    assert entry.x_quic_version == ""
    assert (await handshake(server, roots, check=False)).failure is None  # it answers, so the address is no black hole


async def test_negotiation_with_own_version_is_ignored(roots: Roots) -> None:
    def datagrams(data: bytes) -> list[bytes]:
        to, own = data[6:14], data[15:23]  # both connection ids have 8 bytes
        return [encode_quic_version_negotiation(source_cid=to, destination_cid=own, supported_versions=[1])]

    entry = await handshake(lambda: DatagramAnswers(datagrams), roots, timeout=0.5)
    assert (entry.failure, entry.x_quic_version) == (f.TIMEOUT, "")


async def test_missing_common_protocol_is_alert_120(roots: Roots) -> None:
    entry = await handshake(quic_server(GOOD, MIDDLE, alpn="hq-interop"), roots)
    assert entry.failure == f"{f.UNKNOWN}: quic: remote error: alert 120"
    assert (entry.x_close_code, entry.x_alert, entry.x_answered, entry.x_completed) == (0x178, 120, True, False)
    assert (await handshake(quic_server(GOOD, MIDDLE, alpn="hq-interop"), roots, check=False)).failure is None


async def test_silence_is_timeout_after_repetitions(roots: Roots) -> None:
    async with listening(DatagramAnswers) as (port, server):
        entry = await handshake_at(port, roots, timeout=1.0)
    assert (entry.failure, entry.x_answered, entry.peer_certificates) == (f.TIMEOUT, False, [])
    assert len(server.received) >= 2  # repeated, as RFC 9002 6.2 wants it
    assert 0.9 < entry.t - entry.t0 < 1.5


@pytest.mark.parametrize("check", [True, False])
async def test_silence_after_first_answer_is_timeout(check: bool, roots: Roots) -> None:
    """Check a path that passes only the first packet. The client has all it needs, the server has not."""
    entry = await handshake(quic_server(GOOD, MIDDLE, received=1), roots, check=check, timeout=1.0)
    assert (entry.failure, entry.x_answered, entry.x_completed) == (f.TIMEOUT, True, False)
    assert ders(entry) == [GOOD.der, MIDDLE.der]


@pytest.mark.parametrize("check", [True, False])
async def test_silence_with_short_idle_timeout_is_timeout(check: bool, roots: Roots) -> None:
    """Check that the engine's own early timeout is no refusal."""
    entry = await handshake(quic_server(GOOD, MIDDLE, received=1, idle=0.1), roots, check=check, timeout=5.0)
    assert (entry.failure, entry.x_answered, entry.x_completed) == (f.TIMEOUT, True, False)
    assert entry.t - entry.t0 < 4.0


async def test_closed_port_is_connection_refused(roots: Roots) -> None:
    async with listening(DatagramAnswers) as (port, _):
        pass
    entry = await handshake_at(port, roots)
    assert entry.failure == f.REFUSED
    assert entry.t - entry.t0 < 1.0


async def test_invalid_datagrams_are_no_answer(roots: Roots) -> None:
    def datagrams(data: bytes) -> list[bytes]:
        return [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\xc0\x00\x00\x00\x01", data, bytes(1200)]

    entry = await handshake(lambda: DatagramAnswers(datagrams), roots, timeout=0.5, check=False)
    assert (entry.failure, entry.x_answered) == (f.TIMEOUT, False)


async def test_cancelled_handshake_closes_socket(roots: Roots) -> None:
    trace, seen = Trace(), list[Any]()

    async def try_it(port: int) -> None:
        async with trace.transaction(TransactionFacts("first")) as tx:
            await quic_handshake(tx, "127.0.0.1", port, NAME, pace=Pace(), roots=roots)

    async with listening(DatagramAnswers) as (port, server):
        task = asyncio.create_task(try_it(port))
        while not server.received:
            await asyncio.sleep(0.01)
        task.cancel()
        seen += await asyncio.gather(task, return_exceptions=True)
        received = len(server.received)
        await asyncio.sleep(0.5)
        assert len(server.received) <= received + 1  # the close, and no retransmission
    assert isinstance(seen[0], asyncio.CancelledError)
    assert trace.entries[-1].failure == f.INTERRUPTED


async def test_bug_in_library_is_local_failure(roots: Roots, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that it is not a network failure and is not lost in a callback."""
    from aioquic.quic.connection import QuicConnection

    def fails(*args: Any) -> None:
        raise AssertionError("something unforeseen")

    trace = Trace()
    async with listening(quic_server(GOOD, MIDDLE)) as (port, _):
        server = QuicConnection.receive_datagram

        def only_clients(self: QuicConnection, *args: Any, **more: Any) -> None:
            fails() if self.configuration.is_client else server(self, *args, **more)

        monkeypatch.setattr(QuicConnection, "receive_datagram", only_clients)
        async with trace.transaction(TransactionFacts("first")) as tx:
            await quic_handshake(tx, "127.0.0.1", port, NAME, pace=Pace(), roots=roots)
    assert trace.entries[-1].failure == f"{f.BUG}: AssertionError"
    assert len(trace.bugs) == 1


async def test_missing_aioquic_is_local_failure(roots: Roots, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args: Any) -> Any:
        if name.startswith("aioquic"):
            raise ModuleNotFoundError(name)
        return real(name, *args)

    monkeypatch.delitem(sys.modules, "probe.steps.quic.quic_engine", raising=False)
    monkeypatch.setattr(builtins, "__import__", missing)
    trace = Trace()
    async with trace.transaction(TransactionFacts("first")) as tx:
        with pytest.raises(LocalFailure):
            await quic_handshake(tx, "127.0.0.1", 9, NAME, pace=Pace(), roots=roots)
        raise LocalFailure(f.NO_QUIC)
    assert (trace.entries, trace.bugs) == ([], [])
    assert f.is_local(tx.record.failure)


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (0x2, f.REFUSED),
        (0x128, f.SSL_FAILED_HANDSHAKE),
        (0x133, f.SSL_FAILED_HANDSHAKE),
        (0x12A, f.SSL_INVALID_CERTIFICATE),
        (0x12E, f.SSL_INVALID_CERTIFICATE),
        (0x130, f.SSL_UNKNOWN_AUTHORITY),
        (0x170, f.SSL_INVALID_HOSTNAME),
        (0x150, f"{f.UNKNOWN}: quic: remote error: alert 80"),
        (0x1, f"{f.UNKNOWN}: quic: closed with 0x1"),
    ],
)
def test_close_codes_have_ooni_failures(code: int, failure: str) -> None:
    assert close_failure(code) == failure


def test_http3_codes_are_no_alerts() -> None:
    assert close_failure(0x128, of_application=True) == f"{f.UNKNOWN}: quic: closed by the application with 0x128"
    assert broken_failure(0x10E, of_application=True) == f"{f.UNKNOWN}: malformed HTTP response"
    assert broken_failure(0x133) == f.SSL_FAILED_HANDSHAKE
    assert broken_failure(0xA) == f"{f.UNKNOWN}: quic: protocol error 0xa"

"""Test the step `tls_handshake`: certificates, names and protocols of servers that complete the handshake."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from probe.formats import failures as f
from probe.formats.exchanges.tls import TLSHandshake
from probe.session.pacing import TLS_SIDE_BY_SIDE, Pace
from probe.session.trace import Trace, TransactionFacts
from probe.steps import tcp
from probe.steps.connection import Connection
from probe.steps.tcp import TCPConnection, tcp_connect
from probe.steps.tls.certificate_checks import Roots, load_roots
from probe.steps.tls.tls import tls_handshake
from probe.steps.tls.tls_stream import TLSConnection
from tests.support.servers.authority import DAY, issue
from tests.support.servers.loopback import Handler, Peer, TLSPeer, a_transaction, serving, tls_with

NAME = "chat.example"
ROOT = issue("A root", authority=True, begins=-90 * DAY)
MIDDLE = issue("An intermediate", ROOT, authority=True)
OTHER_ROOT = issue("Another root", authority=True, begins=-90 * DAY)
GOOD = issue(NAME, MIDDLE)


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Roots:
    """Return roots: public is ROOT, the machine's is OTHER_ROOT."""
    (tmp_path / "public.pem").write_bytes(ROOT.pem)
    (tmp_path / "machine.pem").write_bytes(OTHER_ROOT.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "machine.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nothing"))
    return load_roots(str(tmp_path / "public.pem"))


async def handshake(handler: Handler, roots: Roots, server_name: str | None = NAME, **options: Any) -> TLSHandshake:
    """Perform one handshake with a server that acts as `handler` and return the written entry."""
    async with serving(handler) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        await tls_handshake(bench.tx, conn, server_name, pace=bench.pace, roots=roots, **options)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, TLSHandshake)
    assert entry.failure == bench.tx.record.failure
    assert entry.address == f"127.0.0.1:{server.port}"
    assert entry.t > entry.t0
    return entry


def ders(entry: TLSHandshake) -> list[bytes]:
    return [base64.b64decode(certificate.data) for certificate in entry.peer_certificates]


async def test_handshake_with_valid_server_succeeds(roots: Roots) -> None:
    entry = await handshake(tls_with(GOOD.server_context(MIDDLE, alpn=("http/1.1",))), roots, alpn=("http/1.1",))
    assert entry.failure is None
    assert (entry.x_completed, entry.x_answered, entry.x_alert, entry.x_first_bytes) == (True, True, None, None)
    assert (entry.tls_version, entry.negotiated_protocol) == ("TLSv1.3", "http/1.1")
    assert entry.cipher_suite.startswith("TLS_AES_")
    assert ders(entry) == [GOOD.der, MIDDLE.der]
    assert (entry.server_name, entry.x_verified_name) == (NAME, NAME)
    assert entry.x_trusted_by_machine is None
    assert entry.x_client_hello_length > 200
    assert not entry.no_tls_verify


async def test_tls_1_2_has_its_cipher_suite(roots: Roots) -> None:
    entry = await handshake(tls_with(GOOD.server_context(MIDDLE, tls12=True)), roots)
    assert entry.failure is None
    assert entry.tls_version == "TLSv1.2"
    assert entry.cipher_suite.startswith("TLS_ECDHE_ECDSA_WITH_")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_tls_1_0_server_succeeds(roots: Roots) -> None:
    context = GOOD.server_context(MIDDLE)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    entry = await handshake(tls_with(context), roots)
    assert (entry.failure, entry.tls_version) == (None, "TLSv1")


CHAINS = {
    "expired": (issue(NAME, ROOT, begins=-9 * DAY, ends=-DAY), f.SSL_INVALID_CERTIFICATE, None),
    "not yet valid": (issue(NAME, ROOT, begins=DAY), f.SSL_INVALID_CERTIFICATE, None),
    "wrong name": (issue("other.example", ROOT), f.SSL_INVALID_HOSTNAME, None),
    "self-signed": (issue(NAME), f.SSL_UNKNOWN_AUTHORITY, False),
    "self-signed for another name": (issue("other.example"), f.SSL_INVALID_HOSTNAME, False),
    "unknown authority": (issue(NAME, issue("Somebody", authority=True)), f.SSL_UNKNOWN_AUTHORITY, False),
    "the machine's authority": (issue(NAME, OTHER_ROOT), f.SSL_UNKNOWN_AUTHORITY, True),
}


@pytest.mark.parametrize("fault", CHAINS)
async def test_invalid_certificate_is_kept_and_has_its_failure(fault: str, roots: Roots) -> None:
    issued, failure, by_machine = CHAINS[fault]
    entry = await handshake(tls_with(issued.server_context()), roots)
    assert (entry.failure, entry.x_trusted_by_machine) == (failure, by_machine)
    assert ders(entry) == [issued.der]
    assert entry.x_completed
    assert entry.tls_version == "TLSv1.3"


@pytest.mark.parametrize("fault", CHAINS)
async def test_innocuous_hello_accepts_any_certificate(fault: str, roots: Roots) -> None:
    issued, _, _ = CHAINS[fault]
    entry = await handshake(tls_with(issued.server_context()), roots, check=False)
    assert (entry.failure, entry.x_completed) == (None, True)
    assert ders(entry) == [issued.der]


@pytest.mark.parametrize("off", [365, -365])
async def test_wrong_clock_makes_certificate_invalid(off: int, roots: Roots) -> None:
    wrong = Roots(roots.public, clock=lambda: datetime.now(UTC) + timedelta(days=off))
    assert (await handshake(tls_with(GOOD.server_context(MIDDLE)), wrong)).failure == f.SSL_INVALID_CERTIFICATE


async def sni_of(roots: Roots, server_name: str | None, **options: Any) -> tuple[str | None, TLSHandshake]:
    seen: list[str | None] = []
    context = GOOD.server_context(MIDDLE)
    context.sni_callback = lambda _engine, name, _context: seen.append(name)  # type: ignore[func-returns-value]
    entry = await handshake(tls_with(context), roots, server_name, **options)
    return seen[0], entry


async def test_missing_name_sends_no_sni(roots: Roots) -> None:
    sent, entry = await sni_of(roots, None, verify_name=NAME)
    assert (sent, entry.server_name, entry.x_verified_name, entry.failure) == (None, "", NAME, None)


async def test_address_sends_no_sni_and_is_verified(roots: Roots) -> None:
    sent, entry = await sni_of(roots, "127.0.0.1")
    assert (sent, entry.server_name, entry.failure) == (None, "", f.SSL_INVALID_HOSTNAME)


async def test_sent_name_differs_from_verified_name(roots: Roots) -> None:
    sent, entry = await sni_of(roots, "blocked.example", verify_name=NAME)
    assert (sent, entry.server_name, entry.x_verified_name, entry.failure) == (
        "blocked.example",
        "blocked.example",
        NAME,
        None,
    )


async def test_bytes_are_carried_after_handshake(roots: Roots) -> None:
    async def send_long_answer(tls: TLSPeer) -> None:
        assert await tls.read() == b"abc"
        await tls.send(b"x" * 100_000)
        tls.peer.writer.write_eof()

    async with serving(tls_with(GOOD.server_context(MIDDLE), send_long_answer)) as server, a_transaction() as bench:
        tcp = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        conn = await tls_handshake(bench.tx, tcp, NAME, pace=bench.pace, roots=roots)
        await conn.write(b"abc")
        assert await conn.read_exactly(100_000) == b"x" * 100_000
        assert await conn.read() == b""
        assert conn.address == tcp.address
        assert conn.entry.x_completed
        assert bench.tx.record.steps == ["connect", "tls_handshake"]


@asynccontextmanager
async def connected(roots: Roots, handler: Handler) -> AsyncIterator[TLSConnection]:
    async with serving(handler) as server, a_transaction() as bench:
        tcp = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        yield await tls_handshake(bench.tx, tcp, NAME, pace=bench.pace, roots=roots)


async def test_simultaneous_reading_and_writing_works(roots: Roots) -> None:
    async def echo(tls: TLSPeer) -> None:
        while True:
            await tls.send(await tls.read())

    async with connected(roots, tls_with(GOOD.server_context(MIDDLE), echo)) as conn:
        sent = bytes(range(256)) * 800
        got, _ = await asyncio.gather(conn.read_exactly(len(sent)), conn.write(sent))
        assert got == sent


class Slow(Connection):
    """Split the writes of a connection, so that two concurrent ones would mix."""

    def __init__(self, inner: Connection) -> None:
        self.inner, self.ip, self.port, self.address = inner, inner.ip, inner.port, inner.address

    async def read(self, limit: int = 65536) -> bytes:
        return await self.inner.read(limit)

    async def write(self, data: bytes) -> None:
        for at in range(0, len(data), 1000):
            await self.inner.write(data[at : at + 1000])
            await asyncio.sleep(0)

    def close(self) -> None:
        self.inner.close()

    def close_with_reset(self) -> None:
        self.inner.close_with_reset()


async def test_simultaneous_writes_do_not_mix_records(roots: Roots) -> None:
    got = bytearray()
    whole = asyncio.Event()

    async def receive_all(tls: TLSPeer) -> None:
        while len(got) < 100_000:
            got.extend(await tls.read())
        whole.set()

    async with serving(tls_with(GOOD.server_context(MIDDLE), receive_all)) as server, a_transaction() as bench:
        tcp = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        conn = await tls_handshake(bench.tx, Slow(tcp), NAME, pace=bench.pace, roots=roots)
        async with asyncio.timeout(5):
            await asyncio.gather(conn.write(b"a" * 50_000), conn.write(b"b" * 50_000))
            await whole.wait()
    assert (got.count(b"a"), got.count(b"b")) == (50_000, 50_000)


async def test_close_notify_is_end_of_stream(roots: Roots) -> None:
    async def close(tls: TLSPeer) -> None:
        try:
            tls.engine.unwrap()
        except ssl.SSLWantReadError:
            await tls.peer.send(tls.outgoing.read())
        await tls.peer.reader.read()

    async with connected(roots, tls_with(GOOD.server_context(MIDDLE), close)) as conn:
        assert await conn.read() == b""


async def test_at_most_two_connections_per_name_are_open(roots: Roots) -> None:
    open_now, most = 0, 0

    async def count(peer: Peer) -> None:
        nonlocal open_now, most
        await peer.reader.readexactly(1)
        open_now, most = open_now + 1, max(most, open_now + 1)
        try:
            await peer.reader.read()
        finally:
            open_now -= 1

    async def one(port: int, trace: Trace, pace: Pace) -> None:
        async with trace.transaction(TransactionFacts("first")) as tx:
            conn = await tcp_connect(tx, "127.0.0.1", port, pace=pace)
            await tls_handshake(tx, conn, NAME, pace=pace, roots=roots, timeout=0.1)

    trace, pace = Trace(), Pace()
    async with serving(count) as server:
        await asyncio.gather(*(one(server.port, trace, pace) for _ in range(5)))
    assert most == TLS_SIDE_BY_SIDE
    assert len([entry for entry in trace.entries if isinstance(entry, TLSHandshake)]) == 5
    assert trace.bugs == []


async def test_slot_is_held_until_connection_is_closed(roots: Roots) -> None:
    pace, trace = Pace(), Trace()
    handler = tls_with(GOOD.server_context(MIDDLE))
    async with serving(handler) as server:
        async with (
            trace.transaction(TransactionFacts("first")) as one,
            trace.transaction(TransactionFacts("first")) as two,
        ):
            for tx in (one, two):
                conn = await tcp_connect(tx, "127.0.0.1", server.port, pace=pace)
                await tls_handshake(tx, conn, NAME, pace=pace, roots=roots)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1), pace.tls_slot("127.0.0.1", NAME):
                    pass
        async with asyncio.timeout(0.1), pace.tls_slot("127.0.0.1", NAME):
            pass


async def test_entry_is_restored_from_json(roots: Roots) -> None:
    entry = await handshake(tls_with(GOOD.server_context(MIDDLE)), roots)
    assert TLSHandshake.model_validate_json(entry.model_dump_json()) == entry


async def test_short_reads_wake_up_for_few_packets(roots: Roots, monkeypatch: pytest.MonkeyPatch) -> None:
    """Test it as DNS over TLS reads: two bytes of length first. Each wake-up costs a small computer time."""
    reads = list[int]()

    class Counted(TCPConnection):
        async def read(self, limit: int = 65536) -> bytes:
            reads.append(limit)
            return await super().read(limit)

    async def flood(tls: TLSPeer) -> None:
        for _ in range(50):
            await tls.send(bytes(100))

    monkeypatch.setattr(tcp, "TCPConnection", Counted)
    async with connected(roots, tls_with(GOOD.server_context(MIDDLE), flood)) as conn:
        before = len(reads)
        for _ in range(50):
            assert await conn.read_exactly(2) + await conn.read_exactly(98) == bytes(100)
        assert len(reads) - before <= 60

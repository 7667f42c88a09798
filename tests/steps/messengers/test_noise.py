"""Test the step `noise_handshake`: a server hello must decrypt, and its chain must end at the known root."""

import asyncio
import base64
import time

import pytest

from probe.formats.entries import NoiseHandshake
from probe.steps.messengers.noise import noise_handshake
from probe.steps.tcp import tcp_connect
from probe.wire.whatsapp import noise
from probe.wire.whatsapp.certificate_chain import make_chain
from tests.support.servers.loopback import Bench, Handler, Peer, a_transaction, serving, silence

ROOT, SERVER = noise.new_key(), noise.new_key()


def chain(root: bytes = ROOT, static: bytes = SERVER, begins: int = -60, ends: int = 3600) -> bytes:
    """Return a chain that is valid between two times, in seconds from now on."""
    now = int(time.time())
    return make_chain(root, noise.public_of(static), not_before=now + begins, not_after=now + ends)


def chat_server(payload: bytes, pause: float | None = None, ephemeral: bytes | None = None) -> Handler:
    """Return WhatsApp's side. `ephemeral` answers as if another client had asked."""

    async def handler(peer: Peer) -> None:
        assert await peer.reader.readexactly(4) == b"WA\x05\x03"
        length = int.from_bytes(await peer.reader.readexactly(3), "big")
        asked = noise.read_client_hello(await peer.reader.readexactly(length))
        data = noise.frame(noise.server_hello(ephemeral or asked, SERVER, payload))
        for at in range(0, len(data), 1 if pause is not None else len(data)):
            await peer.send(data[at : at + 1] if pause is not None else data)
            await asyncio.sleep(pause or 0)
        peer.received.append(await peer.reader.read())

    return handler


async def handshake(handler: Handler, timeout: float = 2.0, **how: bytes) -> tuple[NoiseHandshake, Bench]:
    async with serving(handler) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
        await noise_handshake(bench.tx, conn, pace=bench.pace, timeout=timeout, **how)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, NoiseHandshake)
    return entry, bench


def first_bytes(entry: NoiseHandshake) -> bytes:
    return base64.b64decode(entry.x_first_bytes.data) if entry.x_first_bytes else b""


@pytest.mark.parametrize("pause", [None, 0.0])
async def test_chain_to_known_root_is_valid(pause: float | None) -> None:
    entry, bench = await handshake(chat_server(chain(), pause), root_key=noise.public_of(ROOT))
    assert (entry.failure, entry.server_hello, entry.chain_valid) == (None, True, True)
    assert bench.tx.record.steps == ["connect", "noise_handshake"]
    assert "x_first_bytes" not in entry.model_dump()


async def test_nothing_is_sent_after_hello() -> None:
    async with serving(chat_server(chain())) as server:
        async with a_transaction() as bench:
            conn = await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
            await noise_handshake(bench.tx, conn, pace=bench.pace, root_key=noise.public_of(ROOT))
            assert bench.pace.bytes_sent == 4 + 3 + 36
        await asyncio.sleep(0.05)
        assert server.peers[0].received == [b""]


@pytest.mark.parametrize(
    ("payload", "failure"),
    [
        (chain(root=noise.new_key()), "ssl_unknown_authority"),
        (chain(static=noise.new_key()), "ssl_unknown_authority"),
        (b"no chain at all", "ssl_unknown_authority"),
        (chain(ends=-1), "ssl_invalid_certificate"),
        (chain(begins=100_000), "ssl_invalid_certificate"),
        (chain(root=noise.new_key(), ends=-1), "ssl_unknown_authority"),
    ],
    ids=["other root", "other server", "nonsense", "expired", "not yet", "other root and expired"],
)
async def test_unverifiable_chain_has_its_failure(payload: bytes, failure: str) -> None:
    entry, _ = await handshake(chat_server(payload), root_key=noise.public_of(ROOT))
    assert (entry.failure, entry.server_hello, entry.chain_valid) == (failure, True, False)


async def test_default_root_is_that_of_whatsapp() -> None:
    entry, _ = await handshake(chat_server(chain()))
    assert entry.failure == "ssl_unknown_authority"


async def test_server_hello_for_other_client_does_not_decrypt() -> None:
    replayed = chat_server(chain(), ephemeral=noise.public_of(noise.new_key()))
    entry, _ = await handshake(replayed, root_key=noise.public_of(ROOT))
    assert entry.failure == "unknown_failure: noise: server hello does not open"
    assert (entry.server_hello, entry.chain_valid) == (False, False)
    assert first_bytes(entry)[:4] == b"\0\1" + first_bytes(entry)[2:4]


@pytest.mark.parametrize(
    ("raw", "failure", "kept"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n" + b"x" * 100, "unknown_failure: noise: no server hello", 64),
        (b"\x16\x03\x01", "unknown_failure: noise: no server hello", 3),
        (b"\0\0\4abcd", "unknown_failure: noise: server hello does not open", 7),
        (b"\0\0\0", "unknown_failure: noise: server hello does not open", 3),
        (b"\0\0\x20short", "eof_error", 8),
        (b"", "eof_error", 0),
    ],
    ids=["page", "tls", "nonsense", "empty", "cut short", "nothing"],
)
async def test_first_bytes_of_other_protocol_are_kept(raw: bytes, failure: str, kept: int) -> None:
    async def handler(peer: Peer) -> None:
        await peer.receive()
        if raw:
            await peer.send(raw)

    entry, _ = await handshake(handler)
    assert (entry.failure, first_bytes(entry)) == (failure, raw[:kept])


async def test_first_bytes_before_silence_are_kept() -> None:
    async def half(peer: Peer) -> None:
        await peer.receive()
        await peer.send(b"\0\1\0half")
        await silence(peer)

    entry, _ = await handshake(half, timeout=0.2)
    assert (entry.failure, first_bytes(entry)) == ("generic_timeout_error", b"\0\1\0half")

"""Test the step `mtproto_exchange`: only a server that saw our nonce can pass it."""

import asyncio
import os
import time

import pytest

from probe.formats.entries import MTProtoExchange
from probe.formats.failures import MTPROTO_WEB_SERVER
from probe.steps.messengers.mtproto import mtproto_exchange
from probe.steps.tcp import tcp_connect
from probe.wire.telegram import mtproto
from probe.wire.telegram.obfuscation import server_obfuscation
from tests.support.servers.loopback import Bench, Handler, Peer, a_transaction, serving, silence

PQ = (1514134277173997537).to_bytes(8, "big")
TRANSPORTS = ["abridged", "obfuscated2"]


def data_centre(answer=lambda nonce: mtproto.res_pq(nonce, bytes(16), PQ, [1, 2, 3], 1), pause: float | None = None):
    """Return a server with both transports. `answer` builds the payload, `pause` sends it byte by byte."""

    async def handler(peer: Peer) -> None:
        first = await peer.reader.readexactly(1)
        seal = open_ = lambda data: data
        if first != mtproto.ABRIDGED:
            side = server_obfuscation(first + await peer.reader.readexactly(63))
            seal, open_ = side.encrypt, side.decrypt
        length = 4 * open_(await peer.reader.readexactly(1))[0]
        request = open_(await peer.reader.readexactly(length))
        sent = int.from_bytes(request[8:16], "little")
        assert sent % 4 == 0 and abs((sent >> 32) - time.time()) < 5
        data = seal(mtproto.abridged(answer(mtproto.read_request(request))))
        for at in range(0, len(data), 1 if pause is not None else len(data)):
            await peer.send(data[at : at + 1] if pause is not None else data)
            await asyncio.sleep(pause or 0)
        await peer.reader.read()

    return handler


async def exchange(handler: Handler, transport: str, timeout: float = 2.0) -> tuple[MTProtoExchange, Bench]:
    async with serving(handler) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
        await mtproto_exchange(bench.tx, conn, pace=bench.pace, transport=transport, timeout=timeout)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, MTProtoExchange)
    assert entry.transport == transport and entry.address == f"127.0.0.1:{server.port}"
    return entry, bench


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("pause", [None, 0.0])
async def test_echoed_nonce_is_success(transport: str, pause: float | None) -> None:
    entry, bench = await exchange(data_centre(pause=pause), transport)
    assert (entry.failure, entry.nonce_echoed, entry.key_fingerprints) == (None, True, 3)
    assert bench.tx.record.steps == ["connect", "mtproto_exchange"]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_other_nonce_is_failure(transport: str) -> None:
    replay = data_centre(lambda nonce: mtproto.res_pq(os.urandom(16), bytes(16), PQ, [1], 1))
    entry, bench = await exchange(replay, transport)
    assert (entry.failure, entry.nonce_echoed) == ("unknown_failure: mtproto: nonce not echoed", False)
    assert bench.tx.record.failed_operation == "mtproto_exchange"


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("code", [404, 429, 444])
async def test_transport_error_has_its_code(transport: str, code: int) -> None:
    entry, _ = await exchange(data_centre(lambda nonce: mtproto.transport_error(code)), transport)
    assert entry.failure == f"unknown_failure: mtproto transport error {code}"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_frame_with_other_content_is_failure(transport: str) -> None:
    entry, _ = await exchange(data_centre(lambda nonce: bytes(40)), transport)
    assert entry.failure == "unknown_failure: mtproto: no resPQ"


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".ljust(400), MTPROTO_WEB_SERVER),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", MTPROTO_WEB_SERVER),
        (b"HTTPS".ljust(400), "unknown_failure: mtproto: no resPQ"),
        (b"HTTP", "eof_error"),
        (b"\xef", "unknown_failure: mtproto: no resPQ"),
        (b"\x7f\xff\xff\xff", "unknown_failure: mtproto: no resPQ"),
        (b"\x00", "unknown_failure: mtproto: no resPQ"),
        (b"", "eof_error"),
    ],
    ids=["page", "short page", "no page", "cut page", "echo", "huge", "nothing inside", "nothing"],
)
async def test_other_protocol_has_its_failure(raw: bytes, failure: str) -> None:
    async def handler(peer: Peer) -> None:
        await peer.receive()
        if raw:
            await peer.send(raw)

    assert (await exchange(handler, "abridged"))[0].failure == failure


async def test_silence_and_reset_have_their_failures() -> None:
    assert (await exchange(silence, "abridged", timeout=0.2))[0].failure == "generic_timeout_error"

    async def reset(peer: Peer) -> None:
        await peer.receive()
        peer.reset()

    assert (await exchange(reset, "obfuscated2"))[0].failure == "connection_reset"


async def test_obfuscated_connections_have_different_bytes() -> None:
    received = []

    async def listen(peer: Peer) -> None:
        received.append(await peer.receive())

    for _ in range(2):
        await exchange(listen, "obfuscated2")
    one, other = received
    assert len(one) == len(other) == 64 + 41
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 20

"""Test deadlines and limits of connections, with real sockets on loopback."""

import asyncio
import resource
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from probe.helper import helper_server, listening
from probe.helper.helper_limits import DESCRIPTORS_KEPT, capacity, raise_descriptors
from probe.http_server import connections
from tests.attack.helper_process import question
from tests.helper.test_helper_server import measured, new_state

__all__ = ["measured"]  # a fixture

HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


Connect = Callable[..., Awaitable[Streams]]


@asynccontextmanager
async def helper(*, most: int = 100, **more: Any) -> AsyncIterator[Connect]:
    """Run a helper and yield a function that connects to it from a source address."""
    writers: list[asyncio.StreamWriter] = []
    async with listening(new_state(**more), "127.0.0.1", 0, most=most) as port:

        async def connect(source: str = "127.0.0.2") -> Streams:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
            writers.append(writer)
            return reader, writer

        try:
            yield connect
        finally:
            for writer in writers:
                writer.transport.abort()
            await asyncio.sleep(0.05)


async def answered(streams: Streams, raw: bytes = HEALTH) -> bytes:
    """Send a request and return the first line of the answer, or b"" if the connection was closed."""
    with suppress(OSError):
        streams[1].write(raw)
        await streams[1].drain()
    async with asyncio.timeout(10):
        with suppress(OSError, asyncio.IncompleteReadError):
            return (await streams[0].readuntil(b"\r\n\r\n")).split(b"\r\n")[0]
        return b""


async def seconds_until_closed(streams: Streams, raw: bytes, pause: float) -> float:
    """Send `raw` byte by byte, then nothing, and return the seconds until the helper closes the connection."""
    began = time.monotonic()

    async def send() -> None:
        with suppress(OSError):
            for at in range(len(raw)):
                streams[1].write(raw[at : at + 1])
                await streams[1].drain()
                await asyncio.sleep(pause)

    sending = asyncio.create_task(send())
    async with asyncio.timeout(20):
        with suppress(OSError):
            while await streams[0].read(65536):
                pass
    sending.cancel()
    streams[1].transport.abort()
    return time.monotonic() - began


async def test_client_that_sends_a_byte_at_a_time_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.5)
    async with helper() as connect:
        taken = await seconds_until_closed(await connect(), HEALTH[:-2] + b"X: " + b"x" * 1000, 0.05)
    assert 0.4 < taken < 5


async def test_client_that_is_gone_before_an_error_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    for bug in (ConnectionResetError("secret"), ValueError("secret")):
        connection = object.__new__(connections.ServedConnection)
        connection._refusal = lambda status: web.json_response({}, status=status)
        request = SimpleNamespace(writer=SimpleNamespace(output_size=0))
        assert connection.handle_error(request, 500, bug).status == 500  # type: ignore[arg-type]
    assert capsys.readouterr().err == "probe: a bug in probe: ValueError\n"


async def test_client_that_sends_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.5)
    async with helper() as connect:
        assert 0.4 < await seconds_until_closed(await connect(), b"", 0) < 5


async def test_request_that_waits_for_a_busy_helper_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.3)
    async with helper() as connect:
        streams = await connect()
        await asyncio.sleep(0.1)  # the helper has accepted the connection
        streams[1].write(HEALTH)
        time.sleep(0.6)  # nothing in this process runs, as on a busy computer
        assert b" 200 " in await answered(streams, b"")


async def test_body_that_is_late_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper_server, "BODY_SECONDS", 0.3)
    raw = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
    async with helper() as connect:
        streams = await connect()
        assert await answered(streams, raw) == b"HTTP/1.1 400 Bad Request"
        assert b"did not arrive" in await streams[0].readuntil(b"}")


async def test_client_that_does_not_take_its_answer_is_cut_off(
    measured: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ask for more answers than the buffers of both sides hold."""
    monkeypatch.setattr(connections, "TAKE_SECONDS", 0.5)
    tables: list[connections.ServedConnections] = []
    monkeypatch.setattr(connections.ServedConnections, "__init__", _noted(tables))
    async with helper() as connect:
        reader, writer = await connect()
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write((b"GET /" + b"x" * 8000 + b" HTTP/1.1\r\nHost: x\r\n\r\n") * 3000)  # each answer repeats the path
        async with asyncio.timeout(10):
            while not len(tables[0]):
                await asyncio.sleep(0.05)
            while len(tables[0]):
                await asyncio.sleep(0.05)
        writer.transport.abort()


def _noted(tables: list[connections.ServedConnections]) -> Any:
    original = connections.ServedConnections.__init__

    def init(self: connections.ServedConnections, *args: Any, **more: Any) -> None:
        original(self, *args, **more)
        tables.append(self)

    return init


async def test_connection_stays_open_while_its_answer_is_found(
    measured: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let the measurement take longer than the deadlines of a request, while others want the connection's place."""
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.3)
    monkeypatch.setattr(helper_server, "BODY_SECONDS", 0.1)
    monkeypatch.setattr(helper_server, "SENTENCE_SECONDS", 0.1)
    release = asyncio.Event()

    async def measure(*_: Any) -> dict[str, Any]:
        await release.wait()
        return {"test_keys": {"x_transactions": []}, "began": 0.0}

    monkeypatch.setattr(helper_server, "measure_target", measure)
    async with helper(most=2) as connect:
        honest = await connect()
        asking = asyncio.create_task(answered(honest, question({"target": "chat"})))
        others = []
        for number in range(5):
            await asyncio.sleep(0.2)
            others.append(await connect(f"127.0.1.{number + 1}"))
        release.set()
        assert await asking == b"HTTP/1.1 200 OK"


async def test_full_table_closes_the_longest_incomplete_request() -> None:
    async with helper(most=3) as connect:
        slow = [await connect(f"127.0.1.{number}") for number in (1, 2, 3)]
        await asyncio.sleep(0.1)
        assert await answered(slow[0]) == b"HTTP/1.1 200 OK"  # used now, so the second is the oldest
        honest = await connect()
        assert await answered(honest) == b"HTTP/1.1 200 OK"
        assert await slow[1][0].read() == b""
        assert await answered(slow[2]) == b"HTTP/1.1 200 OK"


async def test_peer_with_too_many_connections_loses_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PER_PEER", 3)
    async with helper() as connect:
        other = await connect("127.0.0.3")
        mine = [await connect() for _ in range(4)]
        assert await answered(mine[3]) == b"HTTP/1.1 200 OK"
        assert await mine[0][0].read() == b""
        assert await answered(other) == b"HTTP/1.1 200 OK"


async def test_trusted_proxy_may_have_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PER_PEER", 3)
    async with helper(trusted=[ip_network("127.0.0.2")]) as connect:
        mine = [await connect() for _ in range(10)]
        assert [await answered(streams) for streams in mine] == [b"HTTP/1.1 200 OK"] * 10


async def test_connection_without_room_gets_503(monkeypatch: pytest.MonkeyPatch) -> None:
    release = asyncio.Event()

    async def measure(*_: Any) -> dict[str, Any]:
        await release.wait()
        return {"test_keys": {"x_transactions": []}, "began": 0.0}

    monkeypatch.setattr(helper_server, "measure_target", measure)
    async with helper(most=2) as connect:
        asking = [
            asyncio.create_task(answered(await connect(f"127.0.1.{n}"), question({"target": "chat"}))) for n in (1, 2)
        ]
        await asyncio.sleep(0.3)
        reader, _ = await connect()
        refusal = await reader.read()
        assert refusal.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 5\r\n" in refusal
        head, _, body = refusal.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        release.set()
        assert await asyncio.gather(*asking) == [b"HTTP/1.1 200 OK"] * 2
        assert await answered(await connect()) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("descriptors", [64, 256, 1024, 4096, 8192])
def test_descriptors_suffice_for_clients_and_measurements(descriptors: int) -> None:
    got = capacity(descriptors)
    assert got.connections >= 8 and got.measurements >= 1 and got.flows >= 1
    if descriptors >= 1024:
        used = got.connections + connections.ACCEPTED_AT_ONCE + got.measurements * got.flows
        assert used + DESCRIPTORS_KEPT <= descriptors and got.flows >= 32
    assert capacity(8192).measurements == 32


def test_soft_limit_of_descriptors_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: given.append(limits))
    for soft, hard, expected in ((1024, 4096, 4096), (1024, 1 << 20, 8192), (20000, 20000, 20000), (1024, 1024, 1024)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limits=(soft, hard): limits)
        assert raise_descriptors() == expected
    assert given == [(4096, 4096), (8192, 1 << 20)]


async def test_connections_of_a_crowd_wait_while_the_helper_is_busy() -> None:
    async with listening(new_state(), "127.0.0.1", 0) as port:
        crowd = [socket.create_connection(("127.0.0.1", port), timeout=0.5) for _ in range(600)]  # the loop is blocked
        for client in crowd:
            client.close()

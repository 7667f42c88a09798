"""Test the contract with aiohttp: its connector asks one semi-private hook for a connection."""

import inspect

import aiohttp
import pytest

from probe.steps.http.aiohttp_transport import Bridge, HandOver, session_over
from probe.steps.tcp import tcp_connect
from tests.support.servers.loopback import Peer, a_transaction, serving


def test_hook_has_expected_signature() -> None:
    signature = inspect.signature(aiohttp.BaseConnector._create_connection)
    assert list(signature.parameters) == ["self", "req", "traces", "timeout"]
    assert inspect.iscoroutinefunction(aiohttp.BaseConnector._create_connection)
    assert HandOver._create_connection is not aiohttp.BaseConnector._create_connection


async def test_connection_carries_request_and_stays_open() -> None:
    async def answer(peer: Peer) -> None:
        await peer.receive()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await peer.receive()
        await peer.send(b"still here")

    async with serving(answer) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        async with session_over(conn) as session:
            response = await session.send("GET", "http://a.example/", {"Host": "a.example"}, b"")
            assert await response.read() == b"ok"
        await conn.write(b"again")
        assert await conn.read_exactly(10) == b"still here"
    assert server.peers[0].received[0] == b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"


async def test_connection_is_handed_over_once() -> None:
    """Check that aiohttp gets the reason instead of a second connection. It would repeat a GET on a new one."""

    async def end(peer: Peer) -> None:
        await peer.receive()

    async with serving(end) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        async with session_over(conn) as session:
            with pytest.raises(EOFError):
                await session.send("GET", "http://a.example/", {"Host": "a.example"}, b"")
    assert len(server.peers) == 1
    assert len(server.peers[0].received) == 1


def test_bridge_defines_every_used_method() -> None:
    used = ("write", "close", "abort", "is_closing", "pause_reading", "resume_reading", "is_reading")
    assert all(name in vars(Bridge) for name in used)

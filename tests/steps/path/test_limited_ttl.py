"""Test that a reaction to a packet with limited TTL is not lost, on a pair of local sockets."""

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from probe.formats.exchanges.hops import Distance
from probe.session.pacing import Pace
from probe.steps.path import limited_ttl
from probe.steps.path.limited_ttl import LimitedStream
from probe.steps.path.senders import SenderReply, SynSender, patience


class Pair:
    """Represent a connection whose other end sends bytes while this process is busy."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)

    async def read(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self.ours, 100)

    def keep_errors(self) -> None:
        pass

    def retransmissions(self) -> int:
        return 0

    def send_while_busy(self) -> None:
        """Send, and return after the end of the current wait. The loop then sees bytes and timer at the same time."""
        self.theirs.send(b"250 ok")
        time.sleep(10 * limited_ttl._POLL)

    def unlimited(self) -> None:
        pass

    def close_with_reset(self) -> None:
        pass


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.ours.close()
    made.theirs.close()


async def test_answer_at_the_end_of_a_wait_is_not_lost(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_ttl, "_RETRANSMISSION_SECONDS", 1.0)
    connection: Any = pair
    flow, distance = LimitedStream(connection, 0.1), Distance(ttl=3)
    asyncio.get_running_loop().call_later(limited_ttl._POLL / 2, pair.send_while_busy)
    assert await flow._answered_late(distance)
    assert distance.outcome == "answered"
    await flow.end()


async def test_reading_ends_with_the_flow(pair: Pair) -> None:
    connection: Any = pair
    flow = LimitedStream(connection, 0.01)
    await flow.expect_silence()
    await flow.end()
    pair.theirs.send(b"late")
    assert await asyncio.get_running_loop().sock_recv(pair.ours, 100) == b"late"


async def test_reply_to_a_syn_at_the_end_of_the_wait_is_not_lost(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, pace = asyncio.get_running_loop(), Pace()
    sender = SynSender("127.0.0.1", 9, pace)

    async def slow_connect(loop: asyncio.AbstractEventLoop, sock: socket.socket, address: object) -> None:
        await loop.sock_recv(pair.ours, 100)

    def reply_while_busy() -> None:
        pair.theirs.send(b"connected")
        time.sleep(patience(pace))

    monkeypatch.setattr(type(loop), "sock_connect", slow_connect)
    loop.call_later(patience(pace) / 2, reply_while_busy)
    assert (await sender.send(5)).end == "connected"
    assert await sender.send(6) == SenderReply()

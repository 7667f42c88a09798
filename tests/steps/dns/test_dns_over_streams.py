"""Test DNS on an open stream: questions share a connection, and a cancelled one does not disturb the others."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from probe.formats.entries import DNSQuery
from probe.session.pacing import Pace
from probe.session.trace import Trace, Transaction, TransactionFacts
from probe.steps.dns.dns import StreamResolver, query_stream
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificate_checks import load_roots
from probe.steps.tls.tls import tls_handshake
from tests.support.servers.authority import issue
from tests.support.servers.dns import NAME, a_good_transaction, addresses_of, answer_to
from tests.support.servers.loopback import Handler, Peer, TLSPeer, serving, tls_with

Answering = Callable[[list[bytes], Callable[[bytes], Awaitable[None]]], Awaitable[None]]


def framed(raw: bytes) -> bytes:
    return len(raw).to_bytes(2, "big") + raw


async def questions(peer: Peer):
    buffer = b""
    while True:
        while len(buffer) >= 2 and len(buffer) >= 2 + (length := int.from_bytes(buffer[:2], "big")):
            yield buffer[2 : 2 + length]
            buffer = buffer[2 + length :]
        if not (data := await peer.receive()):
            return
        buffer += data


async def answer_correctly(peer: Peer) -> None:
    number = 0
    async for query in questions(peer):
        number += 1
        await peer.send(framed(answer_to(query, f"192.0.2.{number}")))


@asynccontextmanager
async def a_resolver(handler: Handler, engine: str = "dot"):
    """Open a StreamResolver on a plain TCP connection, with its transaction."""
    async with serving(handler) as server, a_good_transaction() as bench:
        conn = await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
        yield StreamResolver(conn, "192.0.2.53:853", pace=bench.pace, engine=engine), bench, server


async def in_own_transaction(resolver: StreamResolver, trace: Trace, name: str, **how: float) -> DNSQuery:
    """Ask as a measurement does: each question in its own transaction on the shared connection."""
    async with trace.transaction(TransactionFacts("lookup", hostname=name)) as tx:
        return await resolver.query(tx, name, "A", **how)
    entry = next(e for e in reversed(trace.entries) if e.transaction_id == tx.record.transaction_id)
    assert isinstance(entry, DNSQuery)
    return entry


async def test_queries_in_sequence_are_answered() -> None:
    async with a_resolver(answer_correctly) as (resolver, bench, server):
        for number in (1, 2, 3):
            entry = await query_stream(
                bench.tx, resolver.conn, NAME, "A", pace=bench.pace, resolver_address="192.0.2.53:853"
            )
            assert addresses_of(entry) == [f"192.0.2.{number}"]
            assert (entry.engine, entry.resolver_address, entry.failure) == ("dot", "192.0.2.53:853", None)
            assert entry.x_responses is None and entry.raw_response
        assert [len(received) for received in server.peers[0].received] == [2 + 128] * 3


async def test_overlapping_queries_get_their_own_answers() -> None:
    async def answer_in_reverse(peer: Peer) -> None:
        asked = []
        async for query in questions(peer):
            asked.append(query)
            if len(asked) == 5:
                break
        for number, query in reversed(list(enumerate(asked))):
            foreign = bytes([query[0] ^ 0x80, query[1] ^ 0x55])
            await peer.send(framed(b"") + framed(b"?") + framed(foreign + answer_to(query, "203.0.113.9")[2:]))
            await peer.send(framed(answer_to(query, f"192.0.2.{number}")))
        await peer.receive()

    async with a_resolver(answer_in_reverse) as (resolver, bench, _):
        asking = []
        for number in range(5):
            asking.append(asyncio.create_task(in_own_transaction(resolver, bench.trace, f"n{number}.example")))
            await asyncio.sleep(0.01)
        entries = await asyncio.gather(*asking)
        assert [addresses_of(entry) for entry in entries] == [[f"192.0.2.{number}"] for number in range(5)]
        assert [entry.hostname for entry in entries] == [f"n{number}.example" for number in range(5)]
        assert len({entry.transaction_id for entry in entries}) == 5


async def test_timeout_of_one_query_does_not_affect_others() -> None:
    async def skip_first_query(peer: Peer) -> None:
        number = 0
        async for query in questions(peer):
            number += 1
            if number > 1:
                asyncio.get_running_loop().call_later(
                    0.4, peer.writer.write, framed(answer_to(query, f"192.0.2.{number}"))
                )

    async with a_resolver(skip_first_query) as (resolver, bench, _):
        lost = asyncio.create_task(in_own_transaction(resolver, bench.trace, "lost.example", timeout=0.2))
        await asyncio.sleep(0.05)
        kept = asyncio.create_task(in_own_transaction(resolver, bench.trace, "kept.example"))
        assert (await lost).failure == "generic_timeout_error"
        assert addresses_of(await kept) == ["192.0.2.2"]
        assert addresses_of(await in_own_transaction(resolver, bench.trace, "next.example")) == ["192.0.2.3"]


@pytest.mark.parametrize(
    ("half", "failure"),
    [(b"\x00\x40only a part", "generic_timeout_error"), (b"", "generic_timeout_error")],
)
async def test_timeout_within_message_breaks_connection(half: bytes, failure: str) -> None:
    async def slow(peer: Peer) -> None:
        async for _ in questions(peer):
            await peer.send(half)

    async with a_resolver(slow) as (resolver, bench, _):
        for timeout in (0.2, 5.0):
            entry = await in_own_transaction(resolver, bench.trace, NAME, timeout=timeout)
            assert entry.failure == failure
            assert entry.t - entry.t0 < 1
        await asyncio.sleep(0.01)
        assert not [task for task in asyncio.all_tasks() if "Multiplexer" in repr(task)]


async def test_end_of_connection_fails_waiting_and_later_queries() -> None:
    async def close_after_delay(peer: Peer) -> None:
        await peer.receive()
        await asyncio.sleep(0.1)

    async with a_resolver(close_after_delay) as (resolver, bench, _):
        first, second = await asyncio.gather(
            *(in_own_transaction(resolver, bench.trace, f"{name}.example") for name in "ab")
        )
        assert {first.failure, second.failure} == {"eof_error"}
        assert (await in_own_transaction(resolver, bench.trace, "c.example")).failure == "eof_error"


async def test_reset_is_connection_reset() -> None:
    async def reset(peer: Peer) -> None:
        await peer.receive()
        peer.reset()

    async with a_resolver(reset) as (resolver, bench, _):
        assert (await in_own_transaction(resolver, bench.trace, NAME)).failure == "connection_reset"


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (lambda q: answer_to(q, rcode=3), "dns_nxdomain_error"),
        (lambda q: q[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + b"\xc0\x0c" * 9, "dns_server_misbehaving"),
        (lambda q: q, "dns_server_misbehaving"),
        (lambda q: q[:2], "dns_server_misbehaving"),
    ],
)
async def test_error_answers_have_their_failures(raw, failure: str) -> None:
    async def behave(peer: Peer) -> None:
        async for query in questions(peer):
            await peer.send(framed(raw(query)))

    async with a_resolver(behave, engine="tcp") as (resolver, bench, server):
        entry = await in_own_transaction(resolver, bench.trace, NAME)
        assert (entry.failure, entry.engine) == (failure, "tcp")
        assert len(server.peers[0].received[0]) < 128


async def test_answer_in_single_bytes_is_read() -> None:
    async def send_single_bytes(peer: Peer) -> None:
        async for query in questions(peer):
            for byte in framed(answer_to(query, "192.0.2.7")):
                await peer.send(bytes([byte]))
                await asyncio.sleep(0.001)

    async with a_resolver(send_single_bytes) as (resolver, bench, _):
        assert addresses_of(await in_own_transaction(resolver, bench.trace, NAME)) == ["192.0.2.7"]


async def test_queries_over_tls_are_answered(tmp_path) -> None:
    root = issue("Test root", authority=True)
    leaf = issue("dot.example", root)
    (tmp_path / "roots.pem").write_bytes(root.pem)

    async def then(tls: TLSPeer) -> None:
        while True:
            query = (await tls.read())[2:]
            await tls.send(framed(answer_to(query, "192.0.2.7")))

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(tls_with(leaf.server_context(), then)))
        bench = await stack.enter_async_context(a_good_transaction())
        conn = await tls_connection(bench.tx, server.ip, server.port, bench.pace, str(tmp_path / "roots.pem"))
        for _ in range(2):
            entry = await query_stream(bench.tx, conn, NAME, "A", pace=bench.pace, resolver_address=conn.address)
            assert addresses_of(entry) == ["192.0.2.7"]
        assert bench.tx.record.steps == ["connect", "tls_handshake", "resolve", "resolve"]


async def tls_connection(tx: Transaction, ip: str, port: int, pace: Pace, roots: str):
    conn = await tcp_connect(tx, ip, port, pace=pace)
    return await tls_handshake(tx, conn, "dot.example", pace=pace, roots=load_roots(roots))

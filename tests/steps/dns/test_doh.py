"""Test DNS over HTTPS: HTTP/2 on an open connection, and every answer that is no DNS message."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

import h2.config
import h2.connection
import h2.events
import pytest

from probe.formats.entries import DNSQuery
from probe.session.trace import Trace, TransactionFacts
from probe.steps.dns.doh import DoHResolver
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificate_checks import load_roots
from probe.steps.tls.tls import tls_handshake
from tests.support.servers.authority import issue
from tests.support.servers.dns import NAME, a_good_transaction, addresses_of, answer_to
from tests.support.servers.loopback import Handler, Peer, TLSPeer, serving, tls_with

URL = "https://doh.example/dns-query"
TYPE = "application/dns-message"


class H2Server:
    """Collect requests on the server's side of HTTP/2 and answer on demand."""

    def __init__(self, receive: Callable[[], Awaitable[bytes]], send: Callable[[bytes], Awaitable[None]]) -> None:
        self.receive, self.send = receive, send
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.headers: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytes] = {}

    async def requests(self):
        """Yield (stream, query) of each request as it becomes complete."""
        await self.flush()
        while data := await self.receive():
            for event in self.h2.receive_data(data):
                stream = getattr(event, "stream_id", 0)
                if isinstance(event, h2.events.RequestReceived):
                    self.headers[stream] = dict(event.headers)  # type: ignore[arg-type]
                elif isinstance(event, h2.events.DataReceived):
                    self.bodies[stream] = self.bodies.get(stream, b"") + event.data
                elif isinstance(event, h2.events.StreamEnded):
                    yield stream, self.bodies[stream]
            await self.flush()

    async def reply(self, stream: int, body: bytes, status: str = "200", kind: str = TYPE) -> None:
        self.h2.send_headers(stream, [(":status", status), ("content-type", kind)])
        self.h2.send_data(stream, body, end_stream=True)
        await self.flush()

    async def flush(self) -> None:
        if pending := self.h2.data_to_send():
            await self.send(pending)


Behaviour = Callable[[H2Server, int, bytes], Awaitable[None]]


def h2_server(behave: Behaviour) -> Handler:
    async def handler(peer: Peer) -> None:
        server = H2Server(peer.receive, peer.send)
        async for stream, query in server.requests():
            await behave(server, stream, query)

    return handler


@asynccontextmanager
async def a_resolver(handler: Handler):
    async with serving(handler) as server, a_good_transaction() as bench:
        conn = await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
        yield DoHResolver(conn, URL, pace=bench.pace), bench


async def ask(resolver: DoHResolver, trace: Trace, name: str = NAME, **how: float) -> DNSQuery:
    async with trace.transaction(TransactionFacts("lookup", hostname=name)) as tx:
        return await resolver.query(tx, name, "A", **how)
    entry = next(e for e in reversed(trace.entries) if e.transaction_id == tx.record.transaction_id)
    assert isinstance(entry, DNSQuery)
    return entry


async def test_several_queries_over_tls_are_answered(tmp_path) -> None:
    root = issue("Test root", authority=True)
    leaf = issue("doh.example", root)
    (tmp_path / "roots.pem").write_bytes(root.pem)
    seen: list[dict[str, str]] = []

    async def then(tls: TLSPeer) -> None:
        server = H2Server(tls.read, tls.send)
        async for stream, query in server.requests():
            seen.append(server.headers[stream])
            assert query[:2] == b"\0\0" and len(query) == 128
            await server.reply(stream, answer_to(query, f"192.0.2.{stream}"))

    context = leaf.server_context(alpn=("h2",))
    async with serving(tls_with(context, then)) as server, a_good_transaction() as bench:
        tcp = await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
        roots = load_roots(str(tmp_path / "roots.pem"))
        conn = await tls_handshake(bench.tx, tcp, "doh.example", pace=bench.pace, roots=roots, alpn=("h2",))
        resolver = DoHResolver(conn, URL, pace=bench.pace)
        for stream in (1, 3, 5):
            entry = await resolver.query(bench.tx, NAME, "A")
            assert addresses_of(entry) == [f"192.0.2.{stream}"]
            assert (entry.engine, entry.resolver_address, entry.failure) == ("doh", URL, None)
    assert seen[0] == {
        ":method": "POST",
        ":scheme": "https",
        ":authority": "doh.example",
        ":path": "/dns-query",
        "accept": TYPE,
        "content-type": TYPE,
        "content-length": "128",
    }


async def test_overlapping_queries_get_their_own_answers() -> None:
    asked: list[tuple[int, bytes]] = []

    async def answer_in_reverse(server: H2Server, stream: int, query: bytes) -> None:
        asked.append((stream, query))
        if len(asked) == 6:
            for one, what in reversed(asked):
                await server.reply(one, answer_to(what, f"192.0.2.{one}"))

    async with a_resolver(h2_server(answer_in_reverse)) as (resolver, bench):
        entries = await asyncio.gather(*(ask(resolver, bench.trace, f"n{n}.example") for n in range(6)))
    assert [entry.hostname for entry in entries] == [f"n{n}.example" for n in range(6)]
    assert [addresses_of(entry) for entry in entries] == [[f"192.0.2.{2 * n + 1}"] for n in range(6)]


async def test_single_query_is_answered() -> None:
    async def answer_correctly(server: H2Server, stream: int, query: bytes) -> None:
        await server.reply(stream, answer_to(query, "192.0.2.1"), kind=TYPE + "; charset=x")

    async with serving(h2_server(answer_correctly)) as server, a_good_transaction() as bench:
        conn = await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
        entry = await DoHResolver(conn, URL, pace=bench.pace).query(bench.tx, NAME, "A")
        assert addresses_of(entry) == ["192.0.2.1"]


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (lambda q: {"body": b"", "status": "503"}, "unknown_failure: doh: status 503"),
        (lambda q: {"body": b"<html>", "kind": "text/html"}, "unknown_failure: doh: no DNS message"),
        (lambda q: {"body": b"<html>"}, "dns_server_misbehaving"),
        (lambda q: {"body": b""}, "dns_server_misbehaving"),
        (lambda q: {"body": answer_to(q, rcode=3)}, "dns_nxdomain_error"),
        (lambda q: {"body": answer_to(q)}, "dns_no_answer"),
    ],
)
async def test_failed_reply_does_not_affect_next_query(reply, failure: str) -> None:
    async def behave(server: H2Server, stream: int, query: bytes) -> None:
        good = {"body": answer_to(query, "192.0.2.1")}
        await server.reply(stream, **(reply(query) if stream == 1 else good))

    async with a_resolver(h2_server(behave)) as (resolver, bench):
        assert (await ask(resolver, bench.trace)).failure == failure
        assert addresses_of(await ask(resolver, bench.trace)) == ["192.0.2.1"]


async def test_reset_or_endless_stream_fails_only_its_query() -> None:
    async def behave(server: H2Server, stream: int, query: bytes) -> None:
        if stream == 1:
            server.h2.reset_stream(stream, 7)
            await server.flush()
        elif stream == 5:
            asyncio.get_running_loop().create_task(endless(server, stream))
        else:
            await asyncio.sleep(0.3)
            await server.reply(stream, answer_to(query, "192.0.2.1"))

    async def endless(server: H2Server, stream: int) -> None:
        server.h2.send_headers(stream, [(":status", "200"), ("content-type", TYPE)])
        server.h2.send_data(stream, b"x" * 60000)
        await server.flush()

    async with a_resolver(h2_server(behave)) as (resolver, bench):
        assert (await ask(resolver, bench.trace)).failure == "unknown_failure: http2: stream reset 7"
        good = await asyncio.gather(ask(resolver, bench.trace), ask(resolver, bench.trace, timeout=0.2))
        assert [addresses_of(entry) for entry in good] == [["192.0.2.1"], []]
        assert good[1].failure == "generic_timeout_error"


async def test_goaway_fails_waiting_and_later_queries() -> None:
    async def behave(server: H2Server, stream: int, query: bytes) -> None:
        if stream == 1:
            await server.reply(stream, answer_to(query, "192.0.2.1"))
        else:
            server.h2.close_connection(11)
            await server.flush()

    async with a_resolver(h2_server(behave)) as (resolver, bench):
        assert addresses_of(await ask(resolver, bench.trace)) == ["192.0.2.1"]
        assert (await ask(resolver, bench.trace)).failure == "unknown_failure: http2: goaway 11"
        later = await ask(resolver, bench.trace)
        assert (later.failure or "").startswith("unknown_failure: http2: ")


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "unknown_failure: http2: protocol error"),
        (b"\0" * 100, "unknown_failure: http2: protocol error"),
        (b"", "eof_error"),
    ],
    ids=["http/1.1", "zeros", "nothing"],
)
async def test_other_protocol_has_its_failure(raw: bytes, failure: str) -> None:
    async def handler(peer: Peer) -> None:
        await peer.receive()
        if raw:
            await peer.send(raw)

    async with a_resolver(handler) as (resolver, bench):
        for _ in range(2):
            assert (await ask(resolver, bench.trace)).failure == failure


async def test_very_long_body_is_failure() -> None:
    async def behave(server: H2Server, stream: int, query: bytes) -> None:
        server.h2.send_headers(stream, [(":status", "200"), ("content-type", TYPE)])
        asyncio.get_running_loop().create_task(send_long_body(server, stream))

    async def send_long_body(server: H2Server, stream: int) -> None:
        left = 2_000_000
        while left:
            window = min(server.h2.local_flow_control_window(stream), server.h2.max_outbound_frame_size, left)
            if window:
                server.h2.send_data(stream, b"x" * window)
                left -= window
                await server.flush()
            else:
                await asyncio.sleep(0.001)
        server.h2.end_stream(stream)
        await server.flush()

    async with a_resolver(h2_server(behave)) as (resolver, bench):
        entry = await ask(resolver, bench.trace)
    assert entry.failure == "unknown_failure: doh: no DNS message"
    assert bench.pace.bytes_received > 2_000_000


async def test_silence_is_timeout() -> None:
    async def stay_silent(server: H2Server, stream: int, query: bytes) -> None:
        return

    async with a_resolver(h2_server(stay_silent)) as (resolver, bench):
        assert (await ask(resolver, bench.trace, timeout=0.2)).failure == "generic_timeout_error"

"""Test encrypted resolvers: their addresses, which one is used, and a connection that is replaced after a reset."""

import asyncio
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path

import dns.message
import dns.rrset
import pytest

from probe.formats import failures as f
from probe.formats.entries import DNSQuery
from probe.resolution.encrypted_dns import (
    OPENS_FOR_FOLLOWUPS,
    Resolver,
    WarmResolver,
    addresses_in,
    ask_types,
    first_warm_resolver,
    public_resolvers,
    shared_resolver,
)
from probe.session.session import EncryptedResolver
from probe.session.trace import StepFailed, Trace, TransactionFacts
from probe.targets.target import Service, Target, parse_endpoint
from tests.support.servers.authority import issue
from tests.support.servers.loopback import Handler, Peer, TLSPeer, serving
from tests.support.world import World

HERE, THERE = "127.0.6.1", "127.0.6.2"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def resolvers(world: World, *urls: str) -> None:
    endpoints = tuple(map(parse_endpoint, urls))
    services = {"one": Service("one", "all", endpoints)}
    world.session.resolvers = Target("resolvers", "dnscheck", "", "", date(2026, 1, 1), services, "")


def answer(query: bytes) -> bytes:
    asked = dns.message.from_wire(query)
    response = dns.message.make_response(asked)
    if asked.question[0].name.to_text() == "known.example." and asked.question[0].rdtype == 1:
        response.answer.append(dns.rrset.from_text("known.example.", 60, "IN", "A", "192.0.2.7"))
    return response.to_wire()


def dot_server(world: World, name: str, questions: int = 100) -> Handler:
    """Serve DoT and close each connection after so many queries."""
    context = issue(name, world.ca).server_context()

    async def handler(peer: Peer) -> None:
        tls = TLSPeer(peer, context)
        await tls.handshake()
        buffer = b""
        for _ in range(questions):
            while len(buffer) < 2 or len(buffer) < 2 + int.from_bytes(buffer[:2], "big"):
                buffer += await tls.read()
            length = int.from_bytes(buffer[:2], "big")
            response, buffer = answer(buffer[2 : 2 + length]), buffer[2 + length :]
            await tls.send(len(response).to_bytes(2, "big") + response)

    return handler


async def ask(warm: EncryptedResolver, hostname: str) -> tuple[Trace, list[str]]:
    trace, found = Trace(), list[str]()
    async with trace.transaction(TransactionFacts("lookup")) as tx:
        found = addresses_in([await warm.ask(tx, hostname, "A")])
    return trace, found


def test_resolvers_name_has_the_addresses_of_its_provider(world: World) -> None:
    urls = ("dns+udp://192.0.2.1:53", "dns+udp://[2001:db8::1]:53", "dot://dns.example:853", "doh://192.0.2.9:443/q")
    resolvers(world, *urls)
    assert [r.ip for r in public_resolvers(world.session, "dot", {4, 6})] == ["192.0.2.1", "2001:db8::1"]
    assert [r.ip for r in public_resolvers(world.session, "dot", {6})] == ["2001:db8::1"]
    assert [(r.ip, r.engine) for r in public_resolvers(world.session, "doh", {4})] == [("192.0.2.9", "doh")]


async def test_shared_connection_is_opened_once_and_again_after_it_was_cut(world: World) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(dot_server(world, "dns.example", questions=2), HERE))
        endpoint = parse_endpoint(f"dot://dns.example:{server.port}")
        warm = WarmResolver(Resolver("one", endpoint, HERE), world.session, world.roots)
        stack.push_async_callback(warm.close)
        for _ in range(4):
            trace, found = await ask(warm, "known.example")
            assert found == ["192.0.2.7"] and trace.transactions[0].failure is None
        assert len(server.peers) == 2


async def test_follow_ups_share_one_connection_and_each_hello_is_counted(world: World) -> None:
    async with serving(dot_server(world, "dns.example", questions=2), HERE) as server:
        resolver = Resolver("one", parse_endpoint(f"dot://dns.example:{server.port}"), HERE)
        for hellos in (1, 1, 2, 2):
            _, found = await ask(shared_resolver(resolver, world.session, world.roots), "known.example")
            assert found == ["192.0.2.7"]
            assert len(server.peers) == hellos == world.session.pace.triggers
        trace, _ = await ask(shared_resolver(resolver, world.session, world.roots), "known.example")
        assert trace.transactions[0].failure == f.EOF and len(server.peers) == OPENS_FOR_FOLLOWUPS
        await world.session.next_round()
        _, found = await ask(shared_resolver(resolver, world.session, world.roots), "known.example")
        assert found == ["192.0.2.7"]
        await world.session.close()


async def test_failed_connection_frees_its_tls_slot(world: World) -> None:
    async with serving(dot_server(world, "impostor.example"), HERE) as server:
        resolver = Resolver("one", parse_endpoint(f"dot://dns.example:{server.port}"), HERE)
        for _ in range(2):
            trace, _ = await ask(shared_resolver(resolver, world.session, world.roots), "known.example")
            assert trace.transactions[0].failure == f.SSL_INVALID_HOSTNAME
        place = world.session.pace.tls_slot
        async with asyncio.timeout(2), place(HERE, "dns.example"), place(HERE, "dns.example"):
            assert len(server.peers) == 2


async def test_follow_ups_use_the_runs_connection_to_the_same_host(world: World) -> None:
    async with serving(dot_server(world, "dns.example"), HERE) as server:
        resolver = Resolver("one", parse_endpoint(f"dot://dns.example:{server.port}"), HERE)
        warm = world.session.encrypted = WarmResolver(resolver, world.session, world.roots)
        other = Resolver("one", parse_endpoint("doh://dns.example:443/dns-query"), HERE)
        elsewhere = Resolver("one", parse_endpoint("doh://dns.example:443/dns-query"), THERE)
        assert shared_resolver(other, world.session, world.roots) is warm
        assert shared_resolver(elsewhere, world.session, world.roots) is not warm
        await world.session.close()


async def test_resolver_whose_budget_is_spent_gets_no_hello(world: World) -> None:
    async with serving(dot_server(world, "dns.example"), HERE) as server:
        for _ in range(6):
            world.session.pace.spend_trigger("dns.example", HERE, "tcp")
        resolver = Resolver("one", parse_endpoint(f"dot://dns.example:{server.port}"), HERE)
        trace, _ = await ask(shared_resolver(resolver, world.session, world.roots), "known.example")
        assert trace.transactions[0].failure == f.BUDGET and trace.bugs == []
        await world.session.close()


async def test_no_such_record_is_an_answer_and_leaves_the_connection_open(world: World) -> None:
    async with serving(dot_server(world, "dns.example"), HERE) as server:
        endpoint = parse_endpoint(f"dot://dns.example:{server.port}")
        warm = WarmResolver(Resolver("one", endpoint, HERE), world.session, world.roots)
        trace, _ = await ask(warm, "other.example")
        assert trace.transactions[0].failure == f.DNS_NO_ANSWER
        await ask(warm, "known.example")
        assert len(server.peers) == 1
        await warm.close()


async def test_first_verified_resolver_is_used_and_an_impostor_never(world: World) -> None:
    world.session.neutral = type(world.session.neutral)(
        (), "", (parse_endpoint("https://known.example:443/"),), (), None, ""
    )
    async with serving(dot_server(world, "impostor.example"), HERE) as false, AsyncExitStack() as stack:
        true = await stack.enter_async_context(serving(dot_server(world, "dns.example"), THERE, false.port))
        urls = (f"dns+udp://{HERE}:53", f"dns+udp://{THERE}:53", f"dot://dns.example:{true.port}")
        resolvers(world, *urls)
        warm = await asyncio.wait_for(first_warm_resolver(world.session, world.roots, {4}), 10)
        assert warm is not None and (warm.ip, warm.engine) == (THERE, "dot")
        await warm.close()
        assert len(false.peers) == 1


async def test_without_an_answer_there_is_no_encrypted_resolver(world: World) -> None:
    world.session.neutral = type(world.session.neutral)(
        (), "", (parse_endpoint("https://known.example:443/"),), (), None, ""
    )
    async with serving(dot_server(world, "dns.example"), HERE) as server:
        port = server.port
    resolvers(world, f"dns+udp://{HERE}:53", f"dot://dns.example:{port}")
    assert await asyncio.wait_for(first_warm_resolver(world.session, world.roots, {4}), 10) is None


async def test_one_answered_type_is_enough_and_of_two_failures_a_s_counts() -> None:
    async def question(query_type: str) -> DNSQuery:
        if query_type in failing:
            raise StepFailed("resolve", f"dns_{query_type}")
        return DNSQuery(engine="udp", hostname="x", query_type=query_type)

    failing = {"AAAA"}
    assert [query.query_type for query in await ask_types(question, ["A", "AAAA"])] == ["A"]
    failing = {"A", "AAAA"}
    with pytest.raises(StepFailed) as stopped:
        await ask_types(question, ["A", "AAAA"])
    assert stopped.value.failure == "dns_A"

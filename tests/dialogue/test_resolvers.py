"""Test the query for a neutral name over UDP, TCP, TLS and HTTPS, and its triggers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import dns.message
import pytest

from probe.dialogue import DIALOGUE_BY_DIALECT, always_get, can_prove, proves, run_dialogue
from probe.formats import failures as f
from probe.formats.entries import DNSQuery
from probe.formats.transactions import TransactionRecord
from probe.session.trace import Trace, TransactionFacts
from probe.targets.target import parse_endpoint
from tests.steps.dns.test_doh import H2Server
from tests.support.servers.authority import issue
from tests.support.servers.dns import Asked, addresses_of, answer_to, udp_server
from tests.support.servers.loopback import Peer, TLSPeer, serving, tls_with
from tests.support.world import World

HOST, NEUTRAL, HERE = "dns.example", "neutral.example", "127.0.0.1"
DIALECTS = ("dns+udp", "dns+tcp", "dot", "doh")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    neutral = parse_endpoint(f"https://{NEUTRAL}:443/")
    made.session.neutral = replace(made.session.neutral, endpoints=(neutral,))
    monkeypatch.setattr("probe.steps.dns.dns._RETRANSMIT_AFTER", 0.1)
    return made


class Resolver:
    """Answer with `address`, or with no record, over every transport. `names` has the queried names."""

    def __init__(self, address: str | None) -> None:
        self.address, self.names = address, list[str]()

    def answer(self, query: bytes) -> bytes:
        self.names.append(str(dns.message.from_wire(query).question[0].name))
        return answer_to(query, *([self.address] if self.address else []))

    def datagram(self, asked: Asked) -> None:
        if asked.number > 1:
            asked.send(self.answer(asked.query))

    async def stream(self, peer: Any) -> None:
        query = (await (peer.read() if isinstance(peer, TLSPeer) else peer.receive()))[2:]
        said = self.answer(query)
        await peer.send(len(said).to_bytes(2, "big") + said)

    async def http(self, tls: TLSPeer) -> None:
        server = H2Server(tls.read, tls.send)
        async for stream, query in server.requests():
            await server.reply(stream, self.answer(query))

    @asynccontextmanager
    async def at_work(self, dialect: str, world: World, names: tuple[str, ...]) -> AsyncIterator[int]:
        if dialect == "dns+udp":
            async with udp_server(self.datagram) as datagrams:
                yield datagrams.port
            return
        certificate = issue(names[0], world.ca, names=names)
        handlers: dict[str, Any] = {
            "dns+tcp": self._plain,
            "dot": tls_with(certificate.server_context(), self.stream),
            "doh": tls_with(certificate.server_context(alpn=("h2",)), self.http),
        }
        async with serving(handlers[dialect]) as server:
            yield server.port

    async def _plain(self, peer: Peer) -> None:
        await self.stream(peer)


async def ask(
    world: World, resolver: Resolver, dialect: str, host: str = HOST, names: tuple[str, ...] = (HOST,)
) -> tuple[TransactionRecord, Trace]:
    trace = Trace()
    async with resolver.at_work(dialect, world, names) as port:
        endpoint = parse_endpoint(f"{dialect}://{host}:{port}{'/dns-query' if dialect == 'doh' else ''}")
        async with trace.transaction(TransactionFacts("first", endpoint=endpoint.url, address=HERE, port=port)) as tx:
            await run_dialogue(tx, world.session, world.roots, endpoint, HERE, always_get, confirm=False)
        await trace.finish()
    assert trace.bugs == []
    return trace.transactions[0], trace


@pytest.mark.parametrize(
    ("dialect", "engine", "steps"),
    [
        ("dns+udp", "udp", ["resolve"]),
        ("dns+tcp", "tcp", ["connect", "resolve"]),
        ("dot", "dot", ["connect", "tls_handshake", "resolve"]),
        ("doh", "doh", ["connect", "tls_handshake", "resolve"]),
    ],
)
async def test_query_for_a_neutral_name_gets_an_address(
    world: World, dialect: str, engine: str, steps: list[str]
) -> None:
    resolver = Resolver("192.0.2.7")
    record, trace = await ask(world, resolver, dialect)
    assert (record.failure, record.steps, record.trigger) == (None, steps, True)
    assert set(resolver.names) == {f"{NEUTRAL}."}
    (entry,) = (entry for entry in trace.entries if isinstance(entry, DNSQuery))
    assert (entry.engine, entry.hostname, entry.query_type) == (engine, NEUTRAL, "A")
    assert addresses_of(entry) == ["192.0.2.7"]
    assert proves(record) == can_prove(parse_endpoint(f"{dialect}://{HOST}:1")) == (dialect in {"dot", "doh"})


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_answer_without_an_address_is_a_failure(world: World, dialect: str) -> None:
    record, _ = await ask(world, Resolver(None), dialect)
    assert (record.failed_operation, record.failure) == ("resolve", f.DNS_NO_ANSWER)


@pytest.mark.parametrize("dialect", ["dot", "doh"])
async def test_foreign_certificate_ends_the_transaction_before_the_query(world: World, dialect: str) -> None:
    resolver = Resolver("192.0.2.7")
    record, _ = await ask(world, resolver, dialect, names=("other.example",))
    assert (record.failed_operation, record.failure) == ("tls_handshake", f.SSL_INVALID_HOSTNAME)
    assert resolver.names == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_triggers_are_counted_for_the_resolvers_name(world: World, dialect: str) -> None:
    """Count a repeated datagram as a second trigger. A query on a connection is never repeated."""
    await ask(world, Resolver("192.0.2.7"), dialect, host=HERE if dialect == "dns+udp" else HOST)
    host, carrier = (HERE, "udp") if dialect == "dns+udp" else (HOST, "tcp")
    spent = 2 if dialect == "dns+udp" else 1
    assert world.session.pace.triggers == spent
    assert world.session.pace.triggers_left(host, HERE, carrier) == 6 - spent


def test_every_resolver_scheme_has_a_dialogue() -> None:
    assert set(DIALECTS) <= set(DIALOGUE_BY_DIALECT)

"""Test the dialogues with STUN and TURN servers over UDP, TCP and TLS."""

import asyncio
from pathlib import Path

import pytest

from probe.dialogue import DIALOGUE_BY_DIALECT, always_get, run_dialogue
from probe.formats.exchanges.calls import STUNExchange
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.transactions import TransactionRecord
from probe.lab.services.server_streams import Ended, Plain
from probe.lab.services.stun import answer, serve_stun
from probe.session.trace import Trace, TransactionFacts
from probe.targets.target import parse_endpoint
from tests.support.servers.authority import issue
from tests.support.servers.dns import Asked, udp_server
from tests.support.servers.loopback import Peer, TLSPeer, serving, tls_with
from tests.support.world import World

HOST = "stun.example"
CLIENT = ("198.51.100.23", 40123)
METHODS = {"stun": "binding", "turn": "allocate"}


async def in_the_clear(peer: Peer) -> None:
    try:
        await serve_stun(Plain(peer.reader, peer.writer), CLIENT)
    except Ended:
        return


async def under_tls(tls: TLSPeer) -> None:
    said = answer(await tls.read(), CLIENT)
    assert said is not None
    await tls.send(said)
    await tls.peer.reader.read()


async def say(url: str, port: int, world: World, *, confirm: bool = False) -> tuple[TransactionRecord, STUNExchange]:
    trace = Trace()
    endpoint = parse_endpoint(url.replace("PORT", str(port)))
    async with trace.transaction(TransactionFacts("first", endpoint=endpoint.url, address="127.0.0.1")) as tx:
        await run_dialogue(tx, world.session, world.roots, endpoint, "127.0.0.1", always_get, confirm=confirm)
    assert trace.bugs == []
    assert world.session.pace.triggers == 1 and trace.transactions[0].trigger
    entry = trace.entries[-1]
    assert isinstance(entry, STUNExchange)
    return trace.transactions[0], entry


@pytest.mark.parametrize("scheme", METHODS)
async def test_stun_and_turn_over_udp_are_one_flow_and_one_trigger(scheme: str, tmp_path: Path) -> None:
    def behave(asked: Asked) -> None:
        if asked.number == 2:  # retransmissions belong to one flow and one trigger
            said = answer(asked.query, CLIENT)
            assert said is not None
            asked.send(said)

    world = World(tmp_path)
    async with udp_server(behave) as server:
        record, entry = await say(f"{scheme}://{HOST}:PORT", server.port, world)
    assert (record.failure, record.steps) == (None, ["stun_exchange"])
    assert (entry.transport, entry.method, entry.x_sent) == ("udp", METHODS[scheme], 2)
    assert world.session.pace.triggers_left(HOST, "127.0.0.1", "udp") == 5


@pytest.mark.parametrize("scheme", METHODS)
async def test_stun_and_turn_over_tcp_succeed(scheme: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    async with serving(in_the_clear) as server:
        record, entry = await say(f"{scheme}://{HOST}:PORT;transport=tcp", server.port, world)
    assert (record.failure, record.steps) == (None, ["connect", "stun_exchange"])
    assert (entry.transport, entry.method, entry.software) == ("tcp", METHODS[scheme], "lab")
    assert world.session.pace.triggers_left(HOST, "127.0.0.1", "tcp") == 5


@pytest.mark.parametrize("scheme", METHODS)
async def test_stun_and_turn_over_tls_send_the_endpoints_name(scheme: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    context = issue(HOST, world.ca).server_context()
    async with serving(tls_with(context, under_tls)) as server:
        record, entry = await say(f"{scheme}://{HOST}:PORT;transport=tls", server.port, world)
    assert (record.failure, record.steps) == (None, ["connect", "tls_handshake", "stun_exchange"])
    assert (entry.transport, entry.method) == ("tls", METHODS[scheme])


async def test_forged_certificate_ends_the_transaction_before_the_request(tmp_path: Path) -> None:
    world, trace = World(tmp_path), Trace()
    async with serving(tls_with(issue("forged.example").server_context())) as server:
        endpoint = parse_endpoint(f"stun://{HOST}:{server.port};transport=tls")
        async with trace.transaction(TransactionFacts("first")) as tx:
            await run_dialogue(tx, world.session, world.roots, endpoint, "127.0.0.1", always_get, confirm=False)
    assert trace.transactions[0].failed_operation == "tls_handshake"
    assert isinstance(trace.entries[-1], TLSHandshake) and trace.entries[-1].server_name == HOST


async def test_confirmation_has_a_longer_time_limit(tmp_path: Path) -> None:
    world, trace = World(tmp_path), Trace()

    async def confirm(port: int) -> None:
        endpoint = parse_endpoint(f"stun://{HOST}:{port}")
        async with trace.transaction(TransactionFacts("confirm")) as tx:
            await run_dialogue(tx, world.session, world.roots, endpoint, "127.0.0.1", always_get, confirm=True)

    async with udp_server(lambda asked: None) as server:
        asking = asyncio.create_task(confirm(server.port))
        await asyncio.sleep(4.2)
        assert not asking.done() and len(server.asked) == 4
        asking.cancel()
        await asyncio.wait([asking])


async def test_spent_trigger_budget_sends_nothing(tmp_path: Path) -> None:
    world, trace = World(tmp_path), Trace()
    for _ in range(6):
        world.session.pace.spend_trigger(HOST, "127.0.0.1", "udp")
    async with udp_server(lambda asked: None) as server:
        endpoint = parse_endpoint(f"stun://{HOST}:{server.port}")
        async with trace.transaction(TransactionFacts("first")) as tx:
            await run_dialogue(tx, world.session, world.roots, endpoint, "127.0.0.1", always_get, confirm=False)
        assert server.asked == []
    assert trace.transactions[0].failure == "unknown_failure: trigger budget spent" and trace.entries == []


def test_every_stun_and_turn_dialect_has_a_dialogue() -> None:
    assert {f"{scheme}/{way}" for scheme in METHODS for way in ("udp", "tcp", "tls")} <= DIALOGUE_BY_DIALECT.keys()

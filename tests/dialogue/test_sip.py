"""Test the dialogues with SIP servers over UDP, TCP and TLS: one OPTIONS and one trigger each."""

from pathlib import Path

import pytest

from probe.dialogue import DIALOGUE_BY_DIALECT, always_get, has_exchangeable_name, proves, run_dialogue
from probe.formats.exchanges.calls import SIPExchange
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.transactions import TransactionRecord
from probe.lab.services.server_streams import Ended, Plain
from probe.lab.services.sip import answer, serve_sip
from probe.session.trace import Trace, TransactionFacts
from probe.targets.target import parse_endpoint
from probe.wire.sip.sip_message import read_message
from tests.support.servers.authority import issue
from tests.support.servers.dns import Asked, udp_server
from tests.support.servers.loopback import Peer, TLSPeer, serving, tls_with
from tests.support.world import World

HOST = "sip.example"
CLIENT = ("198.51.100.23", 40123)


async def in_the_clear(peer: Peer) -> None:
    try:
        await serve_sip(Plain(peer.reader, peer.writer), CLIENT)
    except Ended:
        return


async def under_tls(tls: TLSPeer) -> None:
    said = answer(read_message(await tls.read()), CLIENT)
    assert said is not None
    await tls.send(said)
    await tls.peer.reader.read()


async def say(way: str, port: int, world: World, *, confirm: bool = False) -> tuple[TransactionRecord, Trace]:
    trace = Trace()
    endpoint = parse_endpoint(f"sip://{HOST}:{port};transport={way}")
    async with trace.transaction(TransactionFacts("first", endpoint=endpoint.url, address="127.0.0.1")) as tx:
        await run_dialogue(tx, world.session, world.roots, endpoint, "127.0.0.1", always_get, confirm=confirm)
    assert trace.bugs == []
    return trace.transactions[0], trace


def answered(trace: Trace, way: str) -> None:
    entry = trace.entries[-1]
    assert isinstance(entry, SIPExchange)
    assert (entry.failure, entry.transport, entry.code, entry.server) == (None, way, 200, "lab")
    assert entry.rewritten == []


async def test_retransmission_over_udp_is_no_second_trigger(tmp_path: Path) -> None:
    def behave(asked: Asked) -> None:
        if asked.number == 2:
            asked.send(answer(read_message(asked.query), CLIENT) or b"")

    world = World(tmp_path)
    async with udp_server(behave) as server:
        record, trace = await say("udp", server.port, world)
    assert (record.steps, record.trigger, world.session.pace.triggers) == (["sip_options"], True, 1)
    assert world.session.pace.triggers_left(HOST, "127.0.0.1", "udp") == 5
    assert not proves(record), "an injector on the path can forge the answer"
    answered(trace, "udp")


async def test_options_over_tcp_succeeds(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with serving(in_the_clear) as server:
        record, trace = await say("tcp", server.port, world)
    assert (record.steps, record.trigger) == (["connect", "sip_options"], True)
    assert world.session.pace.triggers_left(HOST, "127.0.0.1", "tcp") == 5
    answered(trace, "tcp")


async def test_options_over_tls_sends_the_endpoints_name(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with serving(tls_with(issue(HOST, world.ca).server_context(), under_tls)) as server:
        record, trace = await say("tls", server.port, world)
    assert record.steps == ["connect", "tls_handshake", "sip_options"] and proves(record)
    answered(trace, "tls")


async def test_forged_certificate_ends_the_transaction_before_the_request(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with serving(tls_with(issue("forged.example").server_context())) as server:
        record, trace = await say("tls", server.port, world)
    assert record.failed_operation == "tls_handshake"
    assert isinstance(trace.entries[-1], TLSHandshake) and trace.entries[-1].server_name == HOST


@pytest.mark.parametrize("way", ["udp", "tcp", "tls"])
async def test_spent_trigger_budget_sends_nothing(way: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    for _ in range(6):
        world.session.pace.spend_trigger(HOST, "127.0.0.1", "udp" if way == "udp" else "tcp")
    received: list[bytes] = []

    async def listen(peer: Peer) -> None:
        received.append(await peer.receive())

    async with serving(listen) as stream, udp_server(lambda asked: None) as datagrams:
        record, trace = await say(way, datagrams.port if way == "udp" else stream.port, world)
        assert datagrams.asked == []
    assert record.failure == "unknown_failure: trigger budget spent" and not any(received)
    assert not any(isinstance(entry, SIPExchange) for entry in trace.entries)


@pytest.mark.parametrize(("confirm", "limit"), [(False, 0.2), (True, 0.4)])
async def test_confirmation_has_a_longer_time_limit(
    confirm: bool, limit: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.session.pacing.TLS_FIRST", 0.2)
    monkeypatch.setattr("probe.session.pacing.CONFIRM", 0.4)
    async with udp_server(lambda asked: None) as server:
        record, _ = await say("udp", server.port, World(tmp_path), confirm=confirm)
    assert record.failure == "generic_timeout_error" and limit <= record.t - record.t0 < limit + 0.15


def test_every_sip_dialect_has_a_dialogue_and_only_tls_an_exchangeable_name() -> None:
    assert {"sip/udp", "sip/tcp", "sip/tls"} <= DIALOGUE_BY_DIALECT.keys()
    named = [
        way for way in ("udp", "tcp", "tls") if has_exchangeable_name(parse_endpoint(f"sip://x:1;transport={way}"))
    ]
    assert named == ["tls"]

"""Test sip_reachability: one OPTIONS per provider and transport, one confirmation, at one address."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from probe.connectivity.endpoint import Reach
from probe.formats.exchanges.calls import SIPExchange
from probe.lab.services.server_streams import Ended, Plain
from probe.lab.services.sip import answer, serve_sip
from probe.nettests import sip_reachability
from probe.resolution.lookup import Names
from probe.session.trace import Trace
from probe.targets.target import Target
from probe.targets.target_files import load_target
from probe.wire.sip.sip_message import read_message
from tests.support.servers.dns import Asked, UDPServer
from tests.support.servers.loopback import Peer, serving
from tests.support.world import World

TARGETS = Path(__file__).parent.parent.parent / "targets"
NAME = "sip.example"
CLIENT = ("198.51.100.23", 40123)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    made.install(monkeypatch)
    monkeypatch.setattr("probe.session.pacing.TLS_FIRST", 0.3)
    monkeypatch.setattr("probe.session.pacing.CONFIRM", 0.6)
    return made


def resolves(world: World, *ips: str, trusted: tuple[str, ...] | None = None) -> None:
    world.system[NAME] = list(ips)
    assert world.encrypted is not None
    world.encrypted[NAME] = list(ips if trusted is None else trusted)


def branches(server: UDPServer) -> list[str]:
    """Return one branch per flow, in order. Retransmissions share it."""
    return list(dict.fromkeys(read_message(asked.query).vias[0].branch for asked in server.asked))


@asynccontextmanager
async def sip(ip: str, port: int = 0, silent: int = 0) -> AsyncIterator[UDPServer]:
    """Serve SIP over UDP at `ip`, silent to the first `silent` flows."""

    def behave(asked: Asked) -> None:
        if len(branches(server)) > silent:
            asked.send(answer(read_message(asked.query), CLIENT) or b"")

    server = UDPServer(behave)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: server, local_addr=(ip, port))
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()


async def run(world: World, target: Target, given: dict[str, list[str]] | None = None) -> Trace:
    trace = Trace()
    names = Names(trace, world.session, given)
    names.control_answered.set()
    reach = Reach(trace, world.session, names, world.roots)
    await asyncio.wait_for(sip_reachability.NETTEST.measure(reach, target, ["web"]), 20)
    await trace.finish()
    await names.finish()
    assert trace.bugs == []
    return trace


def tried(trace: Trace) -> list[tuple[str, str]]:
    return [(record.kind, record.address) for record in trace.transactions if record.endpoint]


async def test_lowest_address_gets_one_flow_and_one_trigger(world: World) -> None:
    async with sip("127.0.1.1") as low, sip("127.0.1.2", low.port) as high:
        resolves(world, "127.0.1.2", "127.0.1.1")
        trace = await run(world, world.target(f"sip://{NAME}:{low.port};transport=udp"))
    assert tried(trace) == [("first", "127.0.1.1")]
    assert (len(branches(low)), len(high.asked)) == (1, 0)
    assert world.session.pace.triggers_left(NAME, "127.0.1.1", "udp") == 5
    (entry,) = (entry for entry in trace.entries if isinstance(entry, SIPExchange))
    assert (entry.failure, entry.code, entry.server, entry.rewritten) == (None, 200, "lab", [])


async def test_ipv4_comes_first_and_addresses_are_sorted_numerically(world: World) -> None:
    world.session.ipv6 = True
    async with sip("127.0.1.9") as nine, sip("127.0.1.10", nine.port) as ten:
        resolves(world, "::1", "127.0.1.10", "127.0.1.9")
        trace = await run(world, world.target(f"sip://{NAME}:{nine.port};transport=udp"))
    assert tried(trace) == [("first", "127.0.1.9")] and not ten.asked


async def test_silence_is_confirmed_with_one_new_request(world: World) -> None:
    async with sip("127.0.1.1", silent=9) as server:
        resolves(world, "127.0.1.1")
        trace = await run(world, world.target(f"sip://{NAME}:{server.port};transport=udp"))
    assert tried(trace) == [("first", "127.0.1.1"), ("confirm", "127.0.1.1")]
    assert (len(branches(server)), len(server.asked)) == (2, 3), "the longer wait repeats the datagram, not the trigger"
    assert world.session.pace.triggers_left(NAME, "127.0.1.1", "udp") == 4


async def test_confirmation_may_succeed(world: World) -> None:
    async with sip("127.0.1.1", silent=1) as server:
        resolves(world, "127.0.1.1")
        trace = await run(world, world.target(f"sip://{NAME}:{server.port};transport=udp"))
    assert [record.failure for record in trace.transactions if record.endpoint] == ["generic_timeout_error", None]


async def test_each_transport_gets_one_request(world: World) -> None:
    async def serve(peer: Peer) -> None:
        try:
            await serve_sip(Plain(peer.reader, peer.writer), CLIENT)
        except Ended:
            return

    async with serving(serve, "127.0.1.1") as stream, sip("127.0.1.1", stream.port) as datagrams:
        resolves(world, "127.0.1.1")
        here = f"sip://{NAME}:{stream.port};transport="
        trace = await run(world, world.target(here + "udp", here + "tcp"))
    assert len(stream.peers) == 1 and len(branches(datagrams)) == 1
    entries = [entry for entry in trace.entries if isinstance(entry, SIPExchange)]
    assert sorted((entry.transport, entry.code) for entry in entries) == [("tcp", 200), ("udp", 200)]


async def test_helper_tries_its_own_address_and_that_of_probe(world: World) -> None:
    """Check both addresses. The probe's may be forged, and asking only that would make the provider look down."""
    world.session = replace(world.session, as_control=True)
    async with (
        sip("127.0.1.1", silent=9) as forged,
        sip("127.0.1.5", forged.port) as verified,
        sip("127.0.1.6", forged.port) as more,
    ):
        resolves(world, "127.0.1.6", "127.0.1.5")
        target = world.target(f"sip://{NAME}:{forged.port};transport=udp")
        trace = await run(world, target, {NAME: ["127.0.1.1", "127.0.1.5"]})
    assert sorted(tried(trace)) == [("first", "127.0.1.1"), ("first", "127.0.1.5")]
    assert len(branches(forged)) == len(branches(verified)) == 1 and not more.asked


async def test_one_verified_address_is_tried_after_forged_one(world: World) -> None:
    """Check that one of the verified addresses is asked if the system's answer is forged."""
    async with (
        sip("127.0.1.5") as verified,
        sip("127.0.1.6", verified.port) as more,
        sip("127.0.1.1", verified.port, 9),
    ):
        resolves(world, "127.0.1.1", trusted=("127.0.1.5", "127.0.1.6"))
        trace = await run(world, world.target(f"sip://{NAME}:{verified.port};transport=udp"))
    assert tried(trace)[-1] == ("followup", "127.0.1.5")
    assert len(branches(verified)) == 1 and not more.asked


def test_bundled_providers_use_this_nettest() -> None:
    target = load_target(TARGETS / "sip.toml")
    assert target.nettest == sip_reachability.NETTEST.name
    assert {endpoint.scheme for _, endpoint in target.endpoints()} == {"sip"}

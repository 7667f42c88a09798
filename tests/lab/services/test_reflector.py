"""Test the lab's call relay: answers to hellos, data between the two sides of a call, silence toward strangers."""

import asyncio
from contextlib import nullcontext
from pathlib import Path

import pytest

from probe.lab.scenario.scenario import Scenario
from probe.lab.services.reflector import Datagrams, answer
from probe.lab.world.emulated_world import World, build_world
from probe.wire.telegram import reflector
from tests.lab.services.test_services import connected, host

CLIENT, OTHER = ("192.88.99.77", 40000), ("192.88.99.78", 40001)
CALLER = reflector.peer_tag(reflector.CALLER, bytes(range(11)), b"same")
CALLEE = reflector.peer_tag(reflector.CALLEE, bytes(range(11)), b"same")
FILE = """
nettest = "endpoint_reachability"
title = "Relays"
source = "https://source.example/relays"
reviewed = 2026-11-24
[services.one]
endpoints = ["reflector://192.88.97.9:597", "reflector+tcp://192.88.97.9:597"]
"""


class Sent(asyncio.DatagramTransport):
    """Keep the datagrams that a server sends."""

    def __init__(self) -> None:
        super().__init__()
        self.out: list[tuple[bytes, object]] = []

    def sendto(self, data: object, addr: object = None) -> None:
        assert isinstance(data, bytes)
        self.out.append((data, addr))


@pytest.fixture
def relays(folder: Path) -> World:
    (folder / "relays.toml").write_text(FILE)
    return build_world(folder, Scenario("test", "A test"), 1)


def test_hello_is_answered_with_the_clients_address() -> None:
    raw = answer(reflector.hello(CALLER), CLIENT)
    assert raw is not None
    assert reflector.parse(raw).mapped == CLIENT and reflector.parse(raw).is_for(CALLER)


@pytest.mark.parametrize("raw", [b"", bytes(15), CALLER, reflector.data_packet(CALLER, b"same", b"data")])
def test_other_packets_are_not_answered(raw: bytes) -> None:
    assert answer(raw, CLIENT) is None


def test_data_goes_to_the_other_side_of_the_call_alone(relays: World) -> None:
    server, sent = Datagrams(relays, host(relays, "192.88.97.9")), Sent()
    server.connection_made(sent)
    data = reflector.data_packet(CALLER, b"same", b"data")
    server.datagram_received(data, CLIENT)
    assert sent.out == []
    server.datagram_received(reflector.hello(CALLEE), OTHER)
    server.datagram_received(data, CLIENT)
    passed, receiver = sent.out[-1]
    assert receiver == OTHER and reflector.parse(passed).is_for(CALLEE) and reflector.parse(passed).data == b"data"


def answers_over_udp(relays: World) -> list[reflector.ReflectorPacket]:
    """Return the packets that a hello over UDP gets."""
    server, sent = Datagrams(relays, host(relays, "192.88.97.9")), Sent()
    server.connection_made(sent)
    server.datagram_received(reflector.hello(CALLER), CLIENT)
    return [reflector.parse(raw) for raw, _ in sent.out]


async def answer_over_tcp(relays: World) -> reflector.ReflectorPacket:
    """Return the packet that a hello over TCP gets. Raise TimeoutError for none."""
    async with connected(relays, "192.88.97.9", 597) as (reader, writer):
        writer.write(reflector.hello_tcp(CALLER))
        raw, rest = reflector.read_frame(await asyncio.wait_for(reader.readexactly(4 + 20), 0.5))
        assert raw is not None and rest == b""
        return reflector.parse(raw)


async def test_hello_over_tcp_is_answered(relays: World) -> None:
    assert (await answer_over_tcp(relays)).tag == CALLER


@pytest.mark.parametrize("over", [("udp",), ("tcp",), ("udp", "tcp")])
async def test_relay_of_registered_tags_is_silent(relays: World, over: tuple[str, ...]) -> None:
    host(relays, "192.88.97.9").registered_only = over
    assert bool(answers_over_udp(relays)) == ("udp" not in over)
    with pytest.raises(TimeoutError) if "tcp" in over else nullcontext():
        await answer_over_tcp(relays)


async def test_unhelpful_relay_answers_with_another_tag(relays: World) -> None:
    host(relays, "192.88.97.9").unhelpful = "to_all"
    (packet,) = answers_over_udp(relays)
    assert packet.tag == (await answer_over_tcp(relays)).tag == CALLEE
    assert not packet.is_for(CALLER)

"""Test the lab's STUN server over UDP, TCP and TLS, with valid and malformed messages."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.lab.scenario.scenario import Scenario
from probe.lab.services.datagrams import DATAGRAMS
from probe.lab.services.listeners import datagram_ports
from probe.lab.services.stun import answer
from probe.lab.world.emulated_world import World, build_world
from probe.wire import stun
from tests.lab.services.test_services import connected, host, trusting
from tests.support.servers.dns import udp_server

CLIENT = ("192.88.99.77", 40000)
TRANSACTION = bytes(range(12))
FILE = """
nettest = "endpoint_reachability"
title = "STUN"
source = "https://source.example/stun"
reviewed = 2026-11-24
[services.one]
endpoints = ["stun://stun.example.net:3478;transport=udp", "stun://stun.example.net:3478;transport=tcp"]
[services.two]
endpoints = [
  "turn://turn.example.net:5349;transport=tls",
  "turn://turn.example.net:3478",
  "turn://turn.example.net:3478;transport=tcp",
]
[services.three]
endpoints = ["stun://safe.example.net:5349;transport=tls"]
"""


@pytest.fixture
def stuns(folder: Path) -> World:
    (folder / "stun.toml").write_text(FILE)
    return build_world(folder, Scenario("test", "A test"), 1)


def read(raw: bytes | None) -> stun.STUNMessage:
    assert raw is not None
    return stun.parse(raw)


async def next_message(reader: asyncio.StreamReader) -> stun.STUNMessage:
    head = await reader.readexactly(stun.HEADER)
    return stun.parse(head + await reader.readexactly(stun.length_of(head) - stun.HEADER))


@pytest.mark.parametrize("client", [CLIENT, ("3c00:88:99:77::1:5", 40000)])
def test_binding_answer_has_the_clients_address(client: tuple[str, int]) -> None:
    reply = read(answer(stun.binding_request(TRANSACTION), client))
    assert (reply.kind, reply.method, reply.transaction_id) == ("success", stun.BINDING, TRANSACTION)
    assert (reply.mapped, reply.software, reply.fingerprint_valid) == (client, "lab", True)


def test_answer_has_a_fingerprint_only_if_the_request_has() -> None:
    reply = read(answer(stun.build("request", stun.BINDING, TRANSACTION, fingerprint=False), CLIENT))
    assert reply.fingerprint_valid is None and reply.mapped == CLIENT


def test_allocate_without_credentials_is_unauthorized() -> None:
    first, second = (read(answer(stun.allocate_request(TRANSACTION), CLIENT)) for _ in range(2))
    assert (first.kind, first.method, first.error_code) == ("error", stun.ALLOCATE, 401)
    assert first.first(stun.REALM) and first.first(stun.NONCE) != second.first(stun.NONCE)
    assert first.mapped is None


@pytest.mark.parametrize("method", [stun.ALLOCATE, 0x004, 0xFFF])
def test_unknown_method_is_a_bad_request(method: int) -> None:
    reply = read(answer(stun.build("request", method, TRANSACTION), CLIENT))
    assert (reply.kind, reply.error_code) == ("error", 400)


def test_answers_and_broken_messages_are_ignored() -> None:
    for kind in ("success", "error", "indication"):
        assert answer(stun.build(kind, stun.BINDING, TRANSACTION), CLIENT) is None
    request = stun.binding_request(TRANSACTION)
    assert answer(request[:-1] + bytes((request[-1] ^ 1,)), CLIENT) is None


@given(st.binary(max_size=100))
def test_random_bytes_do_not_raise(raw: bytes) -> None:
    assert answer(raw, CLIENT) is None or stun.is_stun(raw)


@pytest.mark.parametrize("asked", [stun.binding_request(TRANSACTION), stun.allocate_request(TRANSACTION)])
def test_unhelpful_server_sends_forbidden(asked: bytes) -> None:
    reply = read(answer(asked, CLIENT, serves=False))
    assert (reply.kind, reply.error_code, reply.transaction_id) == ("error", 403, TRANSACTION)
    assert reply.mapped is None and not reply.first(stun.REALM)


@pytest.mark.parametrize("dialect", ["stun/udp", "turn/udp"])
async def test_udp_request_is_answered(stuns: World, dialect: str) -> None:
    loop = asyncio.get_running_loop()
    received: asyncio.Future[bytes] = loop.create_future()
    serving, _ = await loop.create_datagram_endpoint(
        lambda: DATAGRAMS[dialect](stuns, stuns.hosts[0]), ("127.0.0.1", 0)
    )
    async with udp_server(lambda asked: received.set_result(asked.query)) as client:
        client.transport.sendto(b"no STUN", serving.get_extra_info("sockname"))
        client.transport.sendto(stun.binding_request(TRANSACTION), serving.get_extra_info("sockname"))
        assert stun.parse(await asyncio.wait_for(received, 2)).mapped == ("127.0.0.1", client.port)
    serving.close()


def test_every_udp_endpoint_has_a_port(stuns: World) -> None:
    places = {(place.host.names[0], place.port, place.dialect) for place in datagram_ports(stuns)}
    assert places == {("stun.example.net", 3478, "stun/udp"), ("turn.example.net", 3478, "turn/udp")}


@pytest.mark.parametrize(
    ("name", "port", "secure"),
    [("stun.example.net", 3478, False), ("turn.example.net", 3478, False), ("turn.example.net", 5349, True),
     ("safe.example.net", 5349, True)],
)  # fmt: skip
async def test_stream_request_is_answered(stuns: World, name: str, port: int, secure: bool) -> None:
    assert port in host(stuns, name).ports
    how = {"ssl": trusting(stuns), "server_hostname": name} if secure else {}
    async with connected(stuns, name, port, **how) as (reader, writer):
        asked = stun.binding_request(TRANSACTION), stun.allocate_request(TRANSACTION)
        writer.write(asked[0] + asked[1][:5])
        reply = await next_message(reader)
        assert reply.mapped == writer.get_extra_info("sockname")[:2]
        writer.write(asked[1][5:])
        assert (await next_message(reader)).error_code == 401
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), 2) == b""

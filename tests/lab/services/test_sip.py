"""Test the lab's SIP server over UDP, TCP and TLS, with valid, odd and foreign messages."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.lab.scenario.scenario import Scenario
from probe.lab.services.datagrams import DATAGRAMS
from probe.lab.services.listeners import datagram_ports
from probe.lab.services.sip import answer
from probe.lab.world.emulated_world import World, build_world
from probe.lab.world.hosts import HELPER_V4, Host, SIPRefusal
from probe.wire.sip.sip_message import NotSIP, SIPMessage, SIPStream, read_message
from probe.wire.sip.sip_options import Options
from tests.lab.services.test_services import connected, host, trusting
from tests.support.sip_torture import MESSAGES

CLIENT = ("192.88.99.77", 40000)
FILE = """
nettest = "sip_reachability"
title = "SIP"
source = "https://source.example/sip"
reviewed = 2026-11-24
[services.one]
endpoints = [
  "sip://sip.example.net:5060;transport=udp",
  "sip://sip.example.net:5060;transport=tcp",
  "sip://sip.example.net:5061;transport=tls",
]
"""


@pytest.fixture
def sips(folder: Path) -> World:
    (folder / "sip.toml").write_text(FILE)
    return build_world(folder, Scenario("test", "A test"), 1)


def reply_to(raw: bytes, client: tuple[str, int] = CLIENT) -> SIPMessage:
    found = answer(read_message(raw), client)
    assert found is not None
    return read_message(found)


def test_options_answer_has_the_senders_address() -> None:
    sent = Options("sip.example.net", "udp")
    m = reply_to(sent.written())
    assert (m.code, m.reason, m.first("server"), m.content_length) == (200, "OK", "lab", 0)
    assert sent.is_answered_by(m) and sent.rewritten(m) == []
    assert m.vias[0].params == {"branch": sent.branch, "received": CLIENT[0], "rport": str(CLIENT[1])}
    assert m.receiver.tag and not m.lines("contact")


def test_correct_sender_address_is_not_repeated() -> None:
    m = reply_to(b"OPTIONS sip:x SIP/2.0\r\nv: SIP/2.0/UDP 192.88.99.77;branch=z9hG4bK1\r\nt: sip:x;tag=a\r\n\r\n")
    assert m.vias[0].params == {"branch": "z9hG4bK1"} and m.receiver.tag == "a"


def test_other_requests_are_refused_and_responses_ignored() -> None:
    assert reply_to(MESSAGES["wsinv"]).code == 403
    assert [via.branch for via in reply_to(MESSAGES["wsinv"]).vias][1:] == ["z9hG4bK9ikj8", "z9hG4bK30239"]
    assert answer(read_message(MESSAGES["bcast"]), CLIENT) is None
    assert answer(read_message(b"ACK sip:x SIP/2.0\r\n\r\n"), CLIENT) is None


@pytest.mark.parametrize("name", sorted(MESSAGES.keys() - {"bigcode", "bcast", "unreason", "noreason", "scalarlg"}))
def test_torture_messages_are_answered_in_sip(name: str) -> None:
    asked = read_message(MESSAGES[name])
    m = reply_to(MESSAGES[name])
    assert m.code == (200 if asked.method == "OPTIONS" else 403)
    assert len(m.vias) == len(asked.vias) and m.call_id == asked.call_id and m.cseq == asked.cseq


@given(st.binary(max_size=300))
def test_random_bytes_do_not_raise(raw: bytes) -> None:
    try:
        message = read_message(b"OPTIONS sip:x SIP/2.0\r\nVia:" + raw)
    except NotSIP:
        return
    assert read_message(answer(message, CLIENT) or b"").code == 200


@pytest.mark.parametrize(("status", "reason"), [(480, "Temporarily Unavailable"), (500, "Server Internal Error")])
def test_refusal_names_the_server_as_every_answer_does(status: int, reason: str) -> None:
    sent = Options("sip.example.net", "udp")
    m = read_message(answer(read_message(sent.written()), CLIENT, refuses=status) or b"")
    assert (m.code, m.reason, m.first("server"), m.lines("allow")) == (status, reason, "lab", [])
    assert sent.is_answered_by(m) and sent.rewritten(m) == []


def test_host_refuses_the_first_and_each_nth_request_of_a_client() -> None:
    host = Host([], [], sip_refusal=SIPRefusal(500, every=3, spares_helper=True))
    assert [host.refuses_call("192.0.2.1") for _ in range(7)] == [500, 0, 0, 500, 0, 0, 500]
    assert host.refuses_call("192.0.2.2") == 500
    assert [host.refuses_call(HELPER_V4) for _ in range(2)] == [0, 0]
    assert Host([], []).refuses_call("192.0.2.1") == 0


def test_unhelpful_server_sends_only_trying() -> None:
    sent = Options("sip.example.net", "udp")
    response = answer(read_message(sent.written()), CLIENT, serves=False)
    assert response is not None
    m = read_message(response)
    assert (m.code, m.reason) == (100, "Trying") and sent.is_answered_by(m)


async def test_udp_request_among_noise_is_answered(sips: World) -> None:
    place = next(place for place in datagram_ports(sips) if place.dialect == "sip/udp")
    assert place.port == 5060
    loop, received = asyncio.get_running_loop(), asyncio.Queue[bytes]()
    server, _ = await loop.create_datagram_endpoint(
        lambda: DATAGRAMS["sip/udp"](sips, place.host), local_addr=("127.0.0.1", 0)
    )

    class Client(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            received.put_nowait(data)

    client, _ = await loop.create_datagram_endpoint(Client, remote_addr=server.get_extra_info("sockname"))
    sent = Options("sip.example.net", "udp")
    try:
        for datagram in (b"", b"\0\1\2", b"GET / HTTP/1.1\r\n\r\n", sent.written()):
            client.sendto(datagram)
        m = read_message(await asyncio.wait_for(received.get(), 2))
    finally:
        client.close()
        server.close()
    assert sent.is_answered_by(m) and m.code == 200 and received.empty()
    assert m.vias[0].params["received"] == "127.0.0.1"


async def next_message(reader: asyncio.StreamReader, stream: SIPStream) -> SIPMessage:
    while True:
        found = stream.feed(await asyncio.wait_for(reader.read(65536), 2))
        if found:
            return found[0]


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_stream_in_pieces_with_keep_alives_is_answered(sips: World, transport: str) -> None:
    port, how = (
        (5060, {}) if transport == "tcp" else (5061, {"ssl": trusting(sips), "server_hostname": "sip.example.net"})
    )
    async with connected(sips, "sip.example.net", port, **how) as (reader, writer):
        for _ in range(2):  # on one connection
            sent = Options("sip.example.net", transport)  # type: ignore[arg-type]
            for at in range(0, len(sent.written()), 100):
                writer.write(sent.written()[at : at + 100])
                await asyncio.sleep(0)
            m = await next_message(reader, SIPStream())
            assert sent.is_answered_by(m) and sent.rewritten(m) == []
            assert m.vias[0].params["received"] == "127.0.0.1"
        writer.write(b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readexactly(2), 2) == b"\r\n"


async def test_other_protocol_ends_the_connection(sips: World) -> None:
    async with connected(sips, "sip.example.net", 5060) as (reader, writer):
        writer.write(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 99999\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), 2) == b""


def test_host_has_udp_tcp_and_tls(sips: World) -> None:
    assert host(sips, "sip.example.net").ports == {5060: {"sip/udp", "sip/tcp"}, 5061: {"sip/tls"}}

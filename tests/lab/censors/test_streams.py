"""Test StreamCut on flows with and without its protocols."""

import asyncio
import ssl

import pytest
from pydantic import ValidationError

from probe.lab.censors.stream_signatures import StreamCut
from probe.lab.net.packets import ACK, RST, Packet, tcp_packet, udp_packet
from probe.lab.world.emulated_world import World
from probe.wire import stun
from probe.wire.sip.sip_options import Options
from probe.wire.telegram import reflector
from tests.lab.censors.test_censors import IN, OUT, deployed, has_right_checksum, sent
from tests.lab.services.test_services import connected, trusting
from tests.support.lab.hellos import CLIENT, SERVER, data, hello, syn
from tests.support.sip_torture import MESSAGES

REQUEST = Options("sip.example", "udp")
ASKED = stun.allocate_request(bytes(range(12)))
HELLO = reflector.hello_tcp(bytes(range(16)))
OTHERS = (hello("sip.example"), b"GET / HTTP/1.1\r\n\r\n", MESSAGES["bcast"], b"\r\n\r\n")


def answer(sport: int = 5060) -> Packet:
    return Packet(tcp_packet(SERVER, CLIENT, sport, 40000, flags=ACK, seq=5001, ack=1001, payload=b"answer"))


def test_request_in_a_stream_is_reset_at_both_ends() -> None:
    censor = deployed(StreamCut(protocols=["sip"], ttl=61))
    assert censor.see(syn(dport=5060), OUT, 0.0) is None
    actions = censor.see(data(REQUEST.written(), dport=5060), OUT, 0.1)
    assert actions is not None and actions.forward
    client, server = sent(actions.to_client), sent(actions.to_server)
    assert len(client) == len(server) == 3
    assert all(packet.tcp_flags & RST and packet.ttl == 61 for packet in client + server)
    assert client[0].ack == server[0].seq == 1001 + len(REQUEST.written())
    assert all(has_right_checksum(packet) for packet in client + server)


def test_request_is_recognised_at_its_first_complete_line_on_any_port() -> None:
    censor = deployed(StreamCut(protocols=["sip"], on_path=False))
    line = REQUEST.written().index(b"\n") + 1
    censor.see(syn(dport=8080), OUT, 0.0)
    assert censor.see(data(REQUEST.written()[: line - 1], dport=8080), OUT, 0.0) is None
    actions = censor.see(data(REQUEST.written()[line - 1 :], dport=8080, at=line - 1), OUT, 0.0)
    assert actions is not None and not actions.forward


EHLO, CAPABILITY = b"EHLO anonymous.invalid\r\n", b"a1 CAPABILITY\r\n"


@pytest.mark.parametrize(
    ("protocol", "wanted"),
    [("sip", REQUEST.written()), ("stun", ASKED), ("reflector", HELLO), ("mail", EHLO), ("mail", CAPABILITY)],
)
def test_each_protocol_is_cut_and_others_pass(protocol: str, wanted: bytes) -> None:
    censor = deployed(StreamCut.model_validate({"protocols": [protocol]}))
    alike = [payload for payload in (*OTHERS, REQUEST.written(), ASKED, HELLO) if payload != wanted]
    for number, payload in enumerate(alike):
        assert censor.see(data(payload, sport=41000 + number, dport=5060), OUT, 0.0) is None
    assert censor.see(data(wanted, sport=42000), IN, 0.0) is None
    assert censor.see(Packet(udp_packet(CLIENT, SERVER, 40000, 5060, wanted)), OUT, 0.0) is None
    assert censor.see(data(wanted, sport=43000, dport=5060), OUT, 0.0) is not None


def test_only_listed_addresses_and_ports_are_cut() -> None:
    censor = deployed(StreamCut(protocols=["sip"], ports=[5060], services=["telegram/web"]))
    assert censor.see(data(REQUEST.written(), dport=5062), OUT, 0.0) is None
    assert censor.see(data(REQUEST.written(), dport=5060, dst="151.101.1.1"), OUT, 0.0) is None
    assert censor.see(data(REQUEST.written(), dport=5060, sport=40009), OUT, 0.0) is not None


def test_drop_ends_both_directions_until_a_new_flow() -> None:
    censor = deployed(StreamCut(protocols=["stun"], action="drop", on_path=False))
    censor.see(syn(dport=5060), OUT, 0.0)
    assert censor.see(answer(), IN, 0.0) is None
    for packet, direction in ((data(ASKED, dport=5060), OUT), (answer(), IN), (data(b"x", dport=5060, at=28), OUT)):
        dropped = censor.see(packet, direction, 0.1)
        assert dropped is not None and not dropped.forward and not dropped.to_client
    assert censor.see(syn(dport=5060), OUT, 1.0) is None
    assert censor.see(answer(), IN, 1.0) is None


def test_on_path_censor_cannot_drop() -> None:
    with pytest.raises(ValidationError, match="needs on_path = false"):
        StreamCut(protocols=["stun"], action="drop")


def test_residual_block_at_syn_ends_after_its_time() -> None:
    censor = deployed(StreamCut.model_validate({"protocols": ["sip"], "residual": {"seconds": 60.0, "at": "syn"}}))
    assert censor.see(syn(sport=40001, dport=5060), OUT, 0.0) is None
    assert censor.see(data(REQUEST.written(), sport=40001, dport=5060), OUT, 0.0) is not None
    blocked = censor.see(syn(sport=40002, dport=5060), OUT, 59.0)
    assert blocked is not None and sent(blocked.to_client)[0].ack == 1001
    assert censor.see(syn(sport=40003, dport=5061), OUT, 59.0) is None
    assert censor.see(syn(sport=40004, dport=5060), OUT, 61.0) is None


async def test_inside_tls_lets_the_handshake_pass_and_cuts_the_request(world: World) -> None:
    """Test the packets of a client of the standard library."""
    flights = await _flights_of_a_tls_client(world)
    censor, at = deployed(StreamCut(protocols=["inside_tls"])), 0
    censor.see(syn(), OUT, 0.0)
    acted = []
    for flight in flights:
        acted.append(censor.see(data(flight, at=at), OUT, 0.0) is not None)
        at += len(flight)
    assert acted[0] is False and acted[-1] is True
    assert len(flights[0]) > 100 and flights[0][0] == 0x16


async def _flights_of_a_tls_client(world: World) -> list[bytes]:
    """Return the client's flights: its hello, its Finished, and a request."""
    incoming, outgoing, flights = ssl.MemoryBIO(), ssl.MemoryBIO(), list[bytes]()
    tls = trusting(world).wrap_bio(incoming, outgoing, server_hostname="web.telegram.org")
    async with connected(world, "web.telegram.org", 443) as (reader, writer):
        for step in (tls.do_handshake, lambda: tls.write(b"GET / HTTP/1.1\r\n\r\n")):
            done = False
            while not done:
                try:
                    step()
                    done = True
                except ssl.SSLWantReadError:
                    pass
                if flight := outgoing.read():
                    flights.append(flight)
                    writer.write(flight)
                if not done:
                    incoming.write(await asyncio.wait_for(reader.read(65536), 5))
    return flights


def test_hello_in_many_records_is_not_inside_tls() -> None:
    censor = deployed(StreamCut(protocols=["inside_tls"]))
    whole = hello("sip.example")
    pieces = [whole[5:][at : at + 64] for at in range(0, len(whole) - 5, 64)]
    stream = b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)
    assert censor.see(data(stream), OUT, 0.0) is None
    assert censor.see(data(b"\x14\x03\x03\0\1\1", at=len(stream)), OUT, 0.0) is None
    assert censor.see(data(b"\x17\x03\x03\0\x35", at=len(stream) + 6), OUT, 0.0) is not None
    assert (
        censor.see(data(b"\x17\x03\x03\0\x35", sport=40010), OUT, 0.0) is None
    )  # no TLS, since no handshake record comes first

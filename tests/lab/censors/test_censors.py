"""Each censor does to the packets it means what its name says, and nothing to all others."""

from collections.abc import Sequence
from typing import TypeVar

import dns.message
import pytest
from pydantic import ValidationError

from probe.lab.censors import (
    CLASSES,
    DNSInjection,
    DNSLie,
    Ground,
    HTTPBlockpage,
    HTTPReset,
    IPBlackhole,
    IPReset,
    Middlebox,
    SYNProxy,
    TLSDrop,
    TLSIntercept,
    TLSReset,
    UDPBlock,
)
from probe.lab.censors.kit.flows import Residual
from probe.lab.net.checksums import checksum, pseudo_header
from probe.lab.net.dns_packets import AAAA, NXDOMAIN, A, question_of_answer, read_question, reply
from probe.lab.net.layout import Direction
from probe.lab.net.packets import ACK, FIN, RST, SYN, Packet, tcp_packet, udp_packet
from tests.support.lab.hellos import CLIENT, CLIENT_V6, SERVER, SERVER_V6, data, hello, syn

OUT, IN = Direction.OUT, Direction.IN
RESOLVER, PUBLIC = "192.88.99.53", "8.8.8.8"
NAME = "web.telegram.org"
Censor = TypeVar("Censor", bound=Middlebox)
GROUND = Ground(
    hop=4,
    seed=7,
    zone={NAME: [SERVER, SERVER_V6], "www.example.org": ["151.101.1.1"]},
    services={"telegram/web": [SERVER, SERVER_V6]},
    resolvers=[RESOLVER],
    helper=["192.88.99.200"],
    impostors={SERVER: "198.18.0.1", SERVER_V6: "3c00:bad::2"},
)


def armed(censor: Censor) -> Censor:
    censor.arm(GROUND)
    return censor


def query(name: str, kind: int = A, ident: int = 0x1234) -> bytes:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return ident.to_bytes(2, "big") + bytes.fromhex("0100000100000000 0000") + labels + b"\0\0" + bytes((kind, 0, 1))


def asked(name: str, kind: int = A, server: str = RESOLVER) -> Packet:
    return Packet(udp_packet(CLIENT, server, 5353, 53, query(name, kind)))


def answered(name: str, address: str, kind: int = A, server: str = RESOLVER) -> Packet:
    question = read_question(query(name, kind))
    assert question is not None
    return Packet(udp_packet(server, CLIENT, 53, 5353, reply(question, [address]), ttl=58))


def sent(timed: Sequence[tuple[float, bytes]]) -> list[Packet]:
    return [Packet(raw) for _, raw in timed]


def has_right_checksum(packet: Packet) -> bool:
    body = packet.raw[packet.offset :]
    return checksum(pseudo_header(packet.source, packet.destination, packet.protocol, len(body)) + body) == 0


# -- names in TLS ----------------------------------------------------------------------------------------------------


def test_reset_hits_both_ends_with_fitting_numbers() -> None:
    censor = armed(TLSReset(names=[NAME], ttl=61, count=3))
    assert censor.hop == 4
    assert censor.see(syn(), OUT, 0.0) is None
    flight = hello(NAME)
    actions = censor.see(data(flight), OUT, 0.1)
    assert actions is not None
    assert actions.forward
    client, server = sent(actions.to_client), sent(actions.to_server)
    assert [packet.seq for packet in client] == [5001, 6461, 9381]
    assert all(packet.tcp_flags == RST | ACK and packet.ttl == 61 for packet in client + server)
    assert {(packet.src, packet.sport, packet.dst, packet.dport) for packet in client} == {(SERVER, 443, CLIENT, 40000)}
    assert client[0].ack == server[0].seq == 1001 + len(flight)
    assert all(has_right_checksum(packet) for packet in client + server)


def test_reset_ignores_other_names_ports_and_directions() -> None:
    censor = armed(TLSReset(names=[NAME]))
    assert censor.see(data(hello("www.example.org")), OUT, 0.0) is None
    assert censor.see(data(hello(NAME), sport=40001, dport=8443), OUT, 0.0) is None
    assert censor.see(data(hello(NAME), sport=40002), IN, 0.0) is None


def test_reset_sees_a_hello_in_two_segments_once_it_holds_the_name() -> None:
    flight = hello(NAME)
    cut = flight.index(NAME.encode()) + 3
    censor = armed(TLSReset(names=[NAME]))
    censor.see(syn(), OUT, 0.0)
    assert censor.see(data(flight[:cut]), OUT, 0.0) is None
    assert censor.see(data(flight[cut:], at=cut), OUT, 0.0) is not None


def test_reset_to_one_end_only() -> None:
    actions = armed(TLSReset(names=[NAME], to="server", on_path=False)).see(data(hello(NAME)), OUT, 0.0)
    assert actions is not None
    assert actions.forward
    assert not actions.to_client
    assert actions.to_server


def test_reset_may_come_late_and_beside_the_packet_or_in_its_place() -> None:
    late = armed(TLSReset(names=[NAME], delay=0.5)).see(data(hello(NAME)), OUT, 3.0)
    assert late is not None
    assert {delay for delay, _ in [*late.to_client, *late.to_server]} == {0.5}
    beside = armed(IPReset(addresses=[SERVER], on_path=True)).see(syn(), OUT, 0.0)
    assert beside is not None
    assert beside.forward and beside.to_client


def test_residual_punishes_the_tuple_for_its_time() -> None:
    censor = armed(TLSReset(names=[NAME], residual=Residual(seconds=60)))
    harmless = hello("www.example.org")
    assert censor.see(data(harmless, sport=40001), OUT, 0.0) is None
    assert censor.see(data(hello(NAME), sport=40002), OUT, 1.0) is not None
    assert censor.see(syn(sport=40003), OUT, 2.0) is None
    assert censor.see(data(harmless, sport=40003), OUT, 2.1) is not None
    assert censor.see(data(harmless, sport=40004, dst="151.101.1.1"), OUT, 2.0) is None
    assert censor.see(data(harmless, sport=40005), OUT, 62.0) is None


def test_residual_at_the_syn() -> None:
    censor = armed(TLSReset(names=[NAME], residual=Residual(seconds=60, at="syn")))
    censor.see(data(hello(NAME)), OUT, 0.0)
    actions = censor.see(syn(sport=40001), OUT, 1.0)
    assert actions is not None
    assert sent(actions.to_client)[0].ack == 1001


def test_drop_silences_both_ways_after_the_name() -> None:
    censor = armed(TLSDrop(names=[NAME]))
    back = Packet(tcp_packet(SERVER, CLIENT, 443, 40000, flags=ACK, seq=5001))
    assert censor.see(syn(), OUT, 0.0) is None
    assert censor.see(back, IN, 0.0) is None
    for packet, direction in ((data(hello(NAME)), OUT), (back, IN), (data(b"more", at=5000), OUT)):
        actions = censor.see(packet, direction, 0.1)
        assert actions is not None
        assert not actions.forward
    assert censor.see(syn(), OUT, 1.0) is None
    assert censor.see(back, IN, 1.0) is None


@pytest.mark.parametrize(("family", "impostor"), [(4, "198.18.0.1"), (6, "3c00:bad::2")])
def test_intercept_leads_aside_and_back(family: int, impostor: str) -> None:
    client, server = (CLIENT, SERVER) if family == 4 else (CLIENT_V6, SERVER_V6)
    censor = armed(TLSIntercept(names=[NAME]))
    there = censor.see(syn(src=client, dst=server), OUT, 0.0)
    assert there is not None
    assert there.replace is not None
    turned = Packet(there.replace)
    assert (turned.src, turned.dst, turned.dport) == (client, impostor, 443)
    assert has_right_checksum(turned)
    back = censor.see(Packet(tcp_packet(impostor, client, 443, 40000, flags=SYN | ACK)), IN, 0.0)
    assert back is not None
    assert back.replace is not None
    assert (Packet(back.replace).src, Packet(back.replace).dst) == (server, client)
    assert has_right_checksum(Packet(back.replace))
    assert censor.see(syn(dst="151.101.1.1"), OUT, 0.0) is None
    assert censor.see(syn(dport=80), OUT, 0.0) is None


def test_datagrams_are_led_aside_and_back_in_one_family() -> None:
    censor = armed(TLSIntercept(names=[NAME], transport="udp", family=4))
    there = censor.see(Packet(udp_packet(CLIENT, SERVER, 40000, 443, b"hello")), OUT, 0.0)
    assert there is not None and there.replace is not None
    assert (Packet(there.replace).dst, Packet(there.replace).payload) == ("198.18.0.1", b"hello")
    assert has_right_checksum(Packet(there.replace))
    back = censor.see(Packet(udp_packet("198.18.0.1", CLIENT, 443, 40000, b"answer")), IN, 0.0)
    assert back is not None and back.replace is not None
    assert Packet(back.replace).src == SERVER
    assert censor.see(Packet(udp_packet(CLIENT_V6, SERVER_V6, 40000, 443, b"hello")), OUT, 0.0) is None
    assert censor.see(syn(), OUT, 0.0) is None


# -- addresses -------------------------------------------------------------------------------------------------------


def test_blackhole_by_service_both_ways() -> None:
    censor = armed(IPBlackhole(services=["telegram/web"]))
    for packet, direction in (
        (syn(), OUT),
        (syn(src=CLIENT_V6, dst=SERVER_V6), OUT),
        (syn(src=SERVER, dst=CLIENT), IN),
    ):
        actions = censor.see(packet, direction, 0.0)
        assert actions is not None
        assert not actions.forward
    assert censor.see(syn(dst="151.101.1.1"), OUT, 0.0) is None


def test_blackhole_by_prefix_name_and_helper() -> None:
    assert armed(IPBlackhole(addresses=["149.154.160.0/20"])).see(syn(), OUT, 0.0) is not None
    assert armed(IPBlackhole(names=["*.telegram.org"])).see(syn(), OUT, 0.0) is not None
    helper = armed(IPBlackhole(helper=True))
    assert helper.see(syn(dst="192.88.99.200", dport=80), OUT, 0.0) is not None
    assert helper.see(syn(), OUT, 0.0) is None


@pytest.mark.parametrize(
    ("icmp", "fourth", "sixth"),
    [("unreachable", (3, 1), (1, 3)), ("prohibited", (3, 13), (1, 1)), ("no_route", (3, 0), (1, 0))],
)
def test_blackhole_that_says_why(icmp: str, fourth: tuple[int, int], sixth: tuple[int, int]) -> None:
    censor = armed(IPBlackhole.model_validate({"services": ["telegram/web"], "icmp": icmp}))
    for packet, router, said in (
        (syn(), "10.9.4.1", fourth),
        (syn(src=CLIENT_V6, dst=SERVER_V6), "3c00:9:4::1", sixth),
    ):
        actions = censor.see(packet, OUT, 0.0)
        assert actions is not None
        (error,) = sent(actions.to_client)
        assert (error.src, error.icmp_type, error.raw[error.offset + 1]) == (router, *said)


def test_blackhole_that_says_why_no_more_often_than_its_key_says() -> None:
    censor = armed(IPBlackhole(services=["telegram/web"], icmp="prohibited", icmp_seconds=60.0))
    times = [(0.0, syn()), (0.5, syn()), (0.6, syn(dport=80)), (59.9, syn()), (60.0, syn())]
    told = [len(actions.to_client) for now, packet in times if (actions := censor.see(packet, OUT, now)) is not None]
    assert told == [1, 0, 1, 0, 1]


def test_ip_reset_answers_the_syn() -> None:
    censor = armed(IPReset(addresses=[SERVER]))
    actions = censor.see(syn(), OUT, 0.0)
    assert actions is not None
    assert not actions.forward
    (reset,) = sent(actions.to_client)
    assert (reset.tcp_flags, reset.seq, reset.ack) == (RST | ACK, 0, 1001)
    assert censor.see(data(b"x"), OUT, 0.0) is None


def test_syn_proxy_greets_for_everybody_then_falls_silent() -> None:
    censor = armed(SYNProxy(ports=[443], spare=["www.example.org"]))
    actions = censor.see(syn(dst="203.0.113.9"), OUT, 0.0)
    assert actions is not None
    assert not actions.forward
    (greeting,) = sent(actions.to_client)
    assert (greeting.src, greeting.tcp_flags, greeting.ack) == ("203.0.113.9", SYN | ACK, 1001)
    later = censor.see(data(b"hello?", dst="203.0.113.9"), OUT, 0.1)
    assert later is not None
    assert not later.forward
    assert not later.to_client
    assert censor.see(syn(dst="151.101.1.1"), OUT, 0.0) is None
    assert censor.see(syn(dport=80), OUT, 0.0) is None


def test_syn_proxy_that_hangs_up_at_once() -> None:
    actions = armed(SYNProxy(at_once=True)).see(syn(), OUT, 0.0)
    assert actions is not None
    greeting, reset = sent(actions.to_client)
    assert [packet.tcp_flags for packet in (greeting, reset)] == [SYN | ACK, RST | ACK]
    assert (reset.seq, reset.ack) == (greeting.seq + 1, greeting.ack)  # what the client takes for the server's


def test_udp_block_leaves_dns_alone() -> None:
    censor = armed(UDPBlock())
    media = Packet(udp_packet(CLIENT, SERVER, 5000, 3478, b"x"))
    assert censor.see(media, OUT, 0.0) is not None
    assert censor.see(asked(NAME), OUT, 0.0) is None
    assert censor.see(syn(), OUT, 0.0) is None
    assert armed(UDPBlock(ports=[53])).see(asked(NAME), OUT, 0.0) is not None


@pytest.mark.parametrize(("client", "server"), [(CLIENT, SERVER), (CLIENT_V6, SERVER_V6)])
def test_udp_block_may_say_that_nobody_is_reached(client: str, server: str) -> None:
    censor = armed(UDPBlock(names=[NAME], icmp=True))
    actions = censor.see(Packet(udp_packet(client, server, 5000, 3478, b"x")), OUT, 0.0)
    assert actions is not None and not actions.forward
    (error,) = sent(actions.to_client)
    assert error.raw[error.offset : error.offset + 2] == (b"\x01\x03" if ":" in server else b"\x03\x01")
    back = censor.see(Packet(udp_packet(server, client, 3478, 5000, b"x")), IN, 0.0)
    assert back is not None and not back.forward and not back.to_client


# -- HTTP ------------------------------------------------------------------------------------------------------------


def test_blockpage_answers_for_the_host() -> None:
    censor = armed(HTTPBlockpage(names=["blocked.example"], status=302, location="http://censor.example/"))
    request = b"GET / HTTP/1.1\r\nHost: blocked.example:80\r\n\r\n"
    assert censor.see(data(request[:20], dport=80), OUT, 0.0) is None
    actions = censor.see(data(request[20:], dport=80, at=20), OUT, 0.0)
    assert actions is not None
    (page,) = sent(actions.to_client)
    assert page.payload.startswith(b"HTTP/1.1 302 Found\r\n")
    assert b"Location: http://censor.example/" in page.payload
    assert page.tcp_flags & FIN
    assert (page.seq, page.ack) == (5001, 1001 + len(request))
    assert all(packet.tcp_flags & RST for packet in sent(actions.to_server))
    other = b"GET / HTTP/1.1\r\nHost: fine.example\r\n\r\n"
    assert censor.see(data(other, sport=40001, dport=80), OUT, 0.0) is None


def test_a_request_for_the_host_is_reset_at_both_ends() -> None:
    censor = armed(HTTPReset(names=["*.blocked.example"], ttl=61))
    request = b"GET / HTTP/1.1\r\nHost: www.blocked.example\r\n\r\n"
    assert censor.see(data(request[:30], dport=80), OUT, 0.0) is None
    actions = censor.see(data(request[30:], dport=80, at=30), OUT, 0.0)
    assert actions is not None and actions.forward
    resets = sent(actions.to_client)
    assert len(resets) == 3 and all(packet.tcp_flags & RST and packet.ttl == 61 for packet in resets)
    assert (resets[0].seq, resets[0].ack) == (5001, 1001 + len(request))
    assert all(packet.tcp_flags & RST for packet in sent(actions.to_server))
    assert censor.see(data(request, dport=8080), OUT, 0.0) is None
    other = b"GET / HTTP/1.1\r\nHost: www.notblocked.example\r\n\r\n"
    assert censor.see(data(other, sport=40001, dport=80), OUT, 0.0) is None


# -- DNS -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", [RESOLVER, PUBLIC])
def test_injection_answers_in_the_name_of_whoever_was_asked(server: str) -> None:
    censor = armed(DNSInjection(names=["*.telegram.org"], answers=["203.0.113.5"], count=2, ttl=50))
    actions = censor.see(asked(NAME, server=server), OUT, 0.0)
    assert actions is not None
    assert actions.forward
    forged = sent(actions.to_client)
    assert len(forged) == 2
    assert {(p.src, p.sport, p.dst, p.dport, p.ttl) for p in forged} == {(server, 53, CLIENT, 5353, 50)}
    assert forged[0].payload[:2] == b"\x12\x34"
    assert forged[0].payload.endswith(bytes((203, 0, 113, 5)))
    assert has_right_checksum(forged[0])
    assert censor.see(asked("www.example.org", server=server), OUT, 0.0) is None


def test_injection_of_both_families_and_of_nxdomain() -> None:
    censor = armed(DNSInjection(names=[NAME], answers="bogon"))
    for kind, size in ((A, 4), (AAAA, 16)):
        actions = censor.see(asked(NAME, kind), OUT, 0.0)
        assert actions is not None
        (forged,) = sent(actions.to_client)
        assert int.from_bytes(forged.payload[6:8], "big") == 1
        assert int.from_bytes(forged.payload[-size - 2 : -size], "big") == size
    gone = armed(DNSInjection(names=[NAME], rcode="nxdomain")).see(asked(NAME), OUT, 0.0)
    assert gone is not None
    assert sent(gone.to_client)[0].payload[3] & 0x0F == NXDOMAIN
    dropped = armed(DNSInjection(names=[NAME], on_path=False)).see(asked(NAME), OUT, 0.0)
    assert dropped is not None
    assert not dropped.forward


def test_a_forged_record_comes_when_it_is_due_and_may_be_kept_as_long_as_it_says() -> None:
    actions = armed(DNSInjection(names=[NAME], record_ttl=77, delay=0.25)).see(asked(NAME), OUT, 3.0)
    assert actions is not None
    ((delay, forged),) = actions.to_client
    assert delay == 0.25
    assert {answer.ttl for answer in dns.message.from_wire(Packet(forged).payload).answer} == {77}


def test_the_same_name_gets_the_same_forged_address() -> None:
    censor = armed(DNSInjection(names=["*"], answers="foreign"))
    first, second = (censor.see(asked(NAME), OUT, now) for now in (0.0, 1.0))
    assert first is not None
    assert second is not None
    assert first.to_client == second.to_client


def test_lie_rewrites_the_providers_answers_only() -> None:
    censor = armed(DNSLie(names=[NAME], rcode="nxdomain"))
    actions = censor.see(answered(NAME, SERVER), IN, 0.0)
    assert actions is not None
    assert actions.replace is not None
    lie = Packet(actions.replace)
    assert lie.payload[3] & 0x0F == NXDOMAIN
    assert (lie.src, lie.dst, lie.ttl) == (RESOLVER, CLIENT, 58)
    question = question_of_answer(lie.payload)
    assert question is not None
    assert question.name == NAME
    assert censor.see(answered(NAME, SERVER, server=PUBLIC), IN, 0.0) is None
    assert censor.see(answered("www.example.org", "151.101.1.1"), IN, 0.0) is None
    assert censor.see(asked(NAME), OUT, 0.0) is None


def test_lie_with_an_address_and_silence() -> None:
    actions = armed(DNSLie(names=[NAME], answers=["10.10.34.35"])).see(answered(NAME, SERVER), IN, 0.0)
    assert actions is not None
    assert actions.replace is not None
    assert actions.replace.endswith(bytes((10, 10, 34, 35)))
    silent = armed(DNSLie(names=[NAME], silent=True)).see(answered(NAME, SERVER), IN, 0.0)
    assert silent is not None
    assert not silent.forward


# -- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_every_key_is_explained_and_unknown_ones_are_refused(kind: type[Middlebox]) -> None:
    assert kind.__doc__
    assert all(field.description for field in kind.model_fields.values())
    names = {"names": ["x"]} if "names" in kind.model_fields else {}
    with pytest.raises(ValidationError):
        kind.model_validate({**names, "nmaes": ["x"]})

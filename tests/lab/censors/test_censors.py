"""Test each censor on packets that it censors and on packets that pass."""

import re
from collections.abc import Sequence
from typing import TypeVar

import dns.message
import pytest
from pydantic import ValidationError

from probe.lab.censors import CLASSES, Middlebox
from probe.lab.censors.address_censors import IPBlackhole, IPReset, SYNProxy, UDPBlock
from probe.lab.censors.dns_censors import DNSInjection, DNSLie
from probe.lab.censors.http_censors import HTTPBlockpage, HTTPReset
from probe.lab.censors.intercept import TLSIntercept
from probe.lab.censors.kit.flows import Residual
from probe.lab.censors.kit.middlebox import Deployment
from probe.lab.censors.tls_censors import TLSDrop, TLSReset
from probe.lab.net.checksums import checksum, pseudo_header
from probe.lab.net.dns_packets import AAAA, NXDOMAIN, A, question_of_answer, read_question, reply
from probe.lab.net.layout import Direction
from probe.lab.net.packets import ACK, FIN, RST, SYN, Packet, tcp_packet, udp_packet
from tests.support.lab.hellos import CLIENT, CLIENT_V6, SERVER, SERVER_V6, data, hello, syn

OUT, IN = Direction.OUT, Direction.IN
RESOLVER, PUBLIC = "192.88.99.53", "8.8.8.8"
NAME = "web.telegram.org"
Censor = TypeVar("Censor", bound=Middlebox)
DEPLOYMENT = Deployment(
    hop=4,
    seed=7,
    zone={NAME: [SERVER, SERVER_V6], "www.example.org": ["151.101.1.1"]},
    services={"telegram/web": [SERVER, SERVER_V6]},
    resolvers=[RESOLVER],
    helper=["192.88.99.200"],
    intercepting_servers={SERVER: "198.18.0.1", SERVER_V6: "3c00:bad::2"},
)


def deployed(censor: Censor) -> Censor:
    censor.deploy(DEPLOYMENT)
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


def test_resets_to_both_ends_have_fitting_numbers() -> None:
    censor = deployed(TLSReset(names=[NAME], ttl=61, count=3))
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


def test_other_names_ports_and_directions_are_not_reset() -> None:
    censor = deployed(TLSReset(names=[NAME]))
    assert censor.see(data(hello("www.example.org")), OUT, 0.0) is None
    assert censor.see(data(hello(NAME), sport=40001, dport=8443), OUT, 0.0) is None
    assert censor.see(data(hello(NAME), sport=40002), IN, 0.0) is None


def test_hello_in_two_segments_is_reset_once_the_name_is_complete() -> None:
    flight = hello(NAME)
    cut = flight.index(NAME.encode()) + 3
    censor = deployed(TLSReset(names=[NAME]))
    censor.see(syn(), OUT, 0.0)
    assert censor.see(data(flight[:cut]), OUT, 0.0) is None
    assert censor.see(data(flight[cut:], at=cut), OUT, 0.0) is not None


def test_reset_to_server_only_lets_the_packet_pass() -> None:
    actions = deployed(TLSReset(names=[NAME], to="server", on_path=False)).see(data(hello(NAME)), OUT, 0.0)
    assert actions is not None
    assert actions.forward
    assert not actions.to_client
    assert actions.to_server


def test_reset_may_be_delayed_and_on_path() -> None:
    late = deployed(TLSReset(names=[NAME], delay=0.5)).see(data(hello(NAME)), OUT, 3.0)
    assert late is not None
    assert {delay for delay, _ in [*late.to_client, *late.to_server]} == {0.5}
    beside = deployed(IPReset(addresses=[SERVER], on_path=True)).see(syn(), OUT, 0.0)
    assert beside is not None
    assert beside.forward and beside.to_client


def test_residual_block_covers_the_tuple_until_its_end() -> None:
    censor = deployed(TLSReset(names=[NAME], residual=Residual(seconds=60)))
    harmless = hello("www.example.org")
    assert censor.see(data(harmless, sport=40001), OUT, 0.0) is None
    assert censor.see(data(hello(NAME), sport=40002), OUT, 1.0) is not None
    assert censor.see(syn(sport=40003), OUT, 2.0) is None
    assert censor.see(data(harmless, sport=40003), OUT, 2.1) is not None
    assert censor.see(data(harmless, sport=40004, dst="151.101.1.1"), OUT, 2.0) is None
    assert censor.see(data(harmless, sport=40005), OUT, 62.0) is None


def test_residual_block_at_syn_resets_the_syn() -> None:
    censor = deployed(TLSReset(names=[NAME], residual=Residual(seconds=60, at="syn")))
    censor.see(data(hello(NAME)), OUT, 0.0)
    actions = censor.see(syn(sport=40001), OUT, 1.0)
    assert actions is not None
    assert sent(actions.to_client)[0].ack == 1001


def test_drop_after_the_name_drops_both_directions() -> None:
    censor = deployed(TLSDrop(names=[NAME]))
    back = Packet(tcp_packet(SERVER, CLIENT, 443, 40000, flags=ACK, seq=5001))
    assert censor.see(syn(), OUT, 0.0) is None
    assert censor.see(back, IN, 0.0) is None
    for packet, direction in ((data(hello(NAME)), OUT), (back, IN), (data(b"more", at=5000), OUT)):
        actions = censor.see(packet, direction, 0.1)
        assert actions is not None
        assert not actions.forward
    assert censor.see(syn(), OUT, 1.0) is None
    assert censor.see(back, IN, 1.0) is None


@pytest.mark.parametrize(("terminates", "ttl"), [(False, 1), (True, 64)])
def test_interceptor_that_ends_connections_takes_packets_with_any_ttl(terminates: bool, ttl: int) -> None:
    censor = deployed(TLSIntercept(names=[NAME], terminates=terminates))
    actions = censor.see(Packet(tcp_packet(CLIENT, SERVER, 40000, 443, flags=SYN, seq=1, ttl=1)), OUT, 0.0)
    assert actions is not None and actions.replace is not None and Packet(actions.replace).ttl == ttl


@pytest.mark.parametrize(("family", "interceptor"), [(4, "198.18.0.1"), (6, "3c00:bad::2")])
def test_interception_redirects_packets_and_answers(family: int, interceptor: str) -> None:
    client, server = (CLIENT, SERVER) if family == 4 else (CLIENT_V6, SERVER_V6)
    censor = deployed(TLSIntercept(names=[NAME]))
    there = censor.see(syn(src=client, dst=server), OUT, 0.0)
    assert there is not None
    assert there.replace is not None
    turned = Packet(there.replace)
    assert (turned.src, turned.dst, turned.dport) == (client, interceptor, 443)
    assert has_right_checksum(turned)
    back = censor.see(Packet(tcp_packet(interceptor, client, 443, 40000, flags=SYN | ACK)), IN, 0.0)
    assert back is not None
    assert back.replace is not None
    assert (Packet(back.replace).src, Packet(back.replace).dst) == (server, client)
    assert has_right_checksum(Packet(back.replace))
    assert censor.see(syn(dst="151.101.1.1"), OUT, 0.0) is None
    assert censor.see(syn(dport=80), OUT, 0.0) is None


def test_interception_of_datagrams_in_one_family() -> None:
    censor = deployed(TLSIntercept(names=[NAME], transport="udp", family=4))
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


def test_blackhole_by_service_drops_both_directions() -> None:
    censor = deployed(IPBlackhole(services=["telegram/web"]))
    for packet, direction in (
        (syn(), OUT),
        (syn(src=CLIENT_V6, dst=SERVER_V6), OUT),
        (syn(src=SERVER, dst=CLIENT), IN),
    ):
        actions = censor.see(packet, direction, 0.0)
        assert actions is not None
        assert not actions.forward
    assert censor.see(syn(dst="151.101.1.1"), OUT, 0.0) is None


def test_blackhole_of_a_target_drops_packets_to_all_its_services() -> None:
    actions = deployed(IPBlackhole(services=["telegram/*"])).see(syn(), OUT, 0.0)
    assert actions is not None and not actions.forward


@pytest.mark.parametrize("service", ["telegram/wbe", "telegran/*"])
def test_censor_of_a_service_without_a_server_is_refused(service: str) -> None:
    with pytest.raises(ValueError, match=re.escape(service)):
        deployed(IPBlackhole(services=[service]))


def test_blackhole_matches_prefix_name_and_helper() -> None:
    assert deployed(IPBlackhole(addresses=["149.154.160.0/20"])).see(syn(), OUT, 0.0) is not None
    assert deployed(IPBlackhole(names=["*.telegram.org"])).see(syn(), OUT, 0.0) is not None
    helper = deployed(IPBlackhole(helper=True))
    assert helper.see(syn(dst="192.88.99.200", dport=80), OUT, 0.0) is not None
    assert helper.see(syn(), OUT, 0.0) is None


@pytest.mark.parametrize(
    ("icmp", "fourth", "sixth"),
    [("unreachable", (3, 1), (1, 3)), ("prohibited", (3, 13), (1, 1)), ("no_route", (3, 0), (1, 0))],
)
def test_blackhole_sends_icmp_errors(icmp: str, fourth: tuple[int, int], sixth: tuple[int, int]) -> None:
    censor = deployed(IPBlackhole.model_validate({"services": ["telegram/web"], "icmp": icmp}))
    for packet, router, type_and_code in (
        (syn(), "10.9.4.1", fourth),
        (syn(src=CLIENT_V6, dst=SERVER_V6), "3c00:9:4::1", sixth),
    ):
        actions = censor.see(packet, OUT, 0.0)
        assert actions is not None
        (error,) = sent(actions.to_client)
        assert (error.src, error.icmp_type, error.raw[error.offset + 1]) == (router, *type_and_code)


def test_blackhole_limits_its_icmp_errors() -> None:
    censor = deployed(IPBlackhole(services=["telegram/web"], icmp="prohibited", icmp_seconds=60.0))
    times = [(0.0, syn()), (0.5, syn()), (0.6, syn(dport=80)), (59.9, syn()), (60.0, syn())]
    error_counts = [
        len(actions.to_client) for now, packet in times if (actions := censor.see(packet, OUT, now)) is not None
    ]
    assert error_counts == [1, 0, 1, 0, 1]


def test_ip_reset_answers_only_the_syn() -> None:
    censor = deployed(IPReset(addresses=[SERVER]))
    actions = censor.see(syn(), OUT, 0.0)
    assert actions is not None
    assert not actions.forward
    (reset,) = sent(actions.to_client)
    assert (reset.tcp_flags, reset.seq, reset.ack) == (RST | ACK, 0, 1001)
    assert censor.see(data(b"x"), OUT, 0.0) is None


def test_syn_proxy_answers_every_syn_and_drops_data() -> None:
    censor = deployed(SYNProxy(ports=[443], spare=["www.example.org"]))
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


def test_syn_proxy_resets_at_once() -> None:
    actions = deployed(SYNProxy(at_once=True)).see(syn(), OUT, 0.0)
    assert actions is not None
    greeting, reset = sent(actions.to_client)
    assert [packet.tcp_flags for packet in (greeting, reset)] == [SYN | ACK, RST | ACK]
    assert (reset.seq, reset.ack) == (greeting.seq + 1, greeting.ack)  # what the client takes for the server's


def test_udp_block_lets_dns_pass_unless_named() -> None:
    censor = deployed(UDPBlock())
    media = Packet(udp_packet(CLIENT, SERVER, 5000, 3478, b"x"))
    assert censor.see(media, OUT, 0.0) is not None
    assert censor.see(asked(NAME), OUT, 0.0) is None
    assert censor.see(syn(), OUT, 0.0) is None
    assert deployed(UDPBlock(ports=[53])).see(asked(NAME), OUT, 0.0) is not None


@pytest.mark.parametrize(("client", "server"), [(CLIENT, SERVER), (CLIENT_V6, SERVER_V6)])
def test_udp_block_sends_icmp_host_unreachable(client: str, server: str) -> None:
    censor = deployed(UDPBlock(names=[NAME], icmp=True))
    actions = censor.see(Packet(udp_packet(client, server, 5000, 3478, b"x")), OUT, 0.0)
    assert actions is not None and not actions.forward
    (error,) = sent(actions.to_client)
    assert error.raw[error.offset : error.offset + 2] == (b"\x01\x03" if ":" in server else b"\x03\x01")
    back = censor.see(Packet(udp_packet(server, client, 3478, 5000, b"x")), IN, 0.0)
    assert back is not None and not back.forward and not back.to_client


# -- HTTP ------------------------------------------------------------------------------------------------------------


def test_block_page_answers_requests_for_the_host() -> None:
    censor = deployed(HTTPBlockpage(names=["blocked.example"], status=302, location="http://censor.example/"))
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


def test_request_for_the_host_is_reset_at_both_ends() -> None:
    censor = deployed(HTTPReset(names=["*.blocked.example"], ttl=61))
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
def test_injection_answers_in_the_name_of_any_resolver(server: str) -> None:
    censor = deployed(DNSInjection(names=["*.telegram.org"], answers=["203.0.113.5"], count=2, ttl=50))
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


def test_injection_of_both_families_and_nxdomain() -> None:
    censor = deployed(DNSInjection(names=[NAME], answers="bogon"))
    for kind, size in ((A, 4), (AAAA, 16)):
        actions = censor.see(asked(NAME, kind), OUT, 0.0)
        assert actions is not None
        (forged,) = sent(actions.to_client)
        assert int.from_bytes(forged.payload[6:8], "big") == 1
        assert int.from_bytes(forged.payload[-size - 2 : -size], "big") == size
    gone = deployed(DNSInjection(names=[NAME], rcode="nxdomain")).see(asked(NAME), OUT, 0.0)
    assert gone is not None
    assert sent(gone.to_client)[0].payload[3] & 0x0F == NXDOMAIN
    dropped = deployed(DNSInjection(names=[NAME], on_path=False)).see(asked(NAME), OUT, 0.0)
    assert dropped is not None
    assert not dropped.forward


def test_forged_answer_has_its_delay_and_record_ttl() -> None:
    actions = deployed(DNSInjection(names=[NAME], record_ttl=77, delay=0.25)).see(asked(NAME), OUT, 3.0)
    assert actions is not None
    ((delay, forged),) = actions.to_client
    assert delay == 0.25
    assert {answer.ttl for answer in dns.message.from_wire(Packet(forged).payload).answer} == {77}


def test_same_name_gets_the_same_forged_address() -> None:
    censor = deployed(DNSInjection(names=["*"], answers="foreign"))
    first, second = (censor.see(asked(NAME), OUT, now) for now in (0.0, 1.0))
    assert first is not None
    assert second is not None
    assert first.to_client == second.to_client


def test_false_resolver_rewrites_only_the_providers_answers() -> None:
    censor = deployed(DNSLie(names=[NAME], rcode="nxdomain"))
    actions = censor.see(answered(NAME, SERVER), IN, 0.0)
    assert actions is not None
    assert actions.replace is not None
    forged = Packet(actions.replace)
    assert forged.payload[3] & 0x0F == NXDOMAIN
    assert (forged.src, forged.dst, forged.ttl) == (RESOLVER, CLIENT, 58)
    question = question_of_answer(forged.payload)
    assert question is not None
    assert question.name == NAME
    assert censor.see(answered(NAME, SERVER, server=PUBLIC), IN, 0.0) is None
    assert censor.see(answered("www.example.org", "151.101.1.1"), IN, 0.0) is None
    assert censor.see(asked(NAME), OUT, 0.0) is None


def test_false_resolver_gives_an_address_or_is_silent() -> None:
    actions = deployed(DNSLie(names=[NAME], answers=["10.10.34.35"])).see(answered(NAME, SERVER), IN, 0.0)
    assert actions is not None
    assert actions.replace is not None
    assert actions.replace.endswith(bytes((10, 10, 34, 35)))
    silent = deployed(DNSLie(names=[NAME], silent=True)).see(answered(NAME, SERVER), IN, 0.0)
    assert silent is not None
    assert not silent.forward


def test_resolver_is_silent_for_every_name_from_the_first_answer_for_one_on() -> None:
    censor = deployed(DNSLie(names=[NAME], silent=True, lasts=9.0))
    other = answered("www.example.org", "151.101.1.1")
    assert censor.see(other, IN, 1.0) is None
    for now, packet in ((2.0, answered(NAME, SERVER)), (10.9, other)):
        dropped = censor.see(packet, IN, now)
        assert dropped is not None
        assert not dropped.forward
    assert censor.see(other, IN, 11.0) is None
    assert censor.see(answered(NAME, SERVER), IN, 12.0) is None


# -- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_every_key_has_a_description_and_unknown_keys_are_errors(kind: type[Middlebox]) -> None:
    assert kind.__doc__
    assert all(field.description for field in kind.model_fields.values())
    names = {"names": ["x"]} if "names" in kind.model_fields else {}
    with pytest.raises(ValidationError):
        kind.model_validate({**names, "nmaes": ["x"]})

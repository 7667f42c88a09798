"""Test the lab's translator between IPv6 and IPv4 on whole packets, whose checksums scapy computes anew."""

from ipaddress import IPv6Network

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6

from probe.lab.net.crafting import SYN, icmp_packet, packed, tcp_packet, time_exceeded, udp_packet
from probe.lab.net.packets import Packet
from probe.lab.net.translator import Translator
from probe.targets.translator_prefix import TranslatorPrefix

PREFIX = TranslatorPrefix(IPv6Network("3c00:6464::/40"))
INSIDE, OUTSIDE, SERVER = "3c00:88:99:77::1:5", "192.168.1.44", "149.154.167.51"
TRANSLATOR = Translator(PREFIX, INSIDE, OUTSIDE)
SENT = {
    "tcp": tcp_packet(INSIDE, PREFIX.embed(SERVER), 40001, 443, flags=SYN, ttl=9),
    "udp": udp_packet(INSIDE, PREFIX.embed(SERVER), 40001, 443, b"payload", ttl=9),
    "icmp": icmp_packet(packed(INSIDE), packed(PREFIX.embed(SERVER)), 128, 0, b"\x01\x02\x03\x04ping", 9),
}


def anew(raw: bytes, layer: type[IP] | type[IPv6]) -> bytes:
    """Return the packet with checksums of scapy."""
    packet = layer(raw)
    for part in (packet, packet.payload):
        for name in ("chksum", "cksum"):
            if name in part.fields:
                delattr(part, name)
    return bytes(packet)


@pytest.mark.parametrize("kind", SENT)
def test_packets_reach_the_server_and_come_back(kind: str) -> None:
    out = TRANSLATOR.to_ipv4(Packet(SENT[kind]))
    assert out is not None and out == anew(out, IP)
    packet = Packet(out)
    assert (packet.src, packet.dst, packet.ttl) == (OUTSIDE, SERVER, 9)
    assert packet.payload == Packet(SENT[kind]).payload
    if kind != "icmp":
        answer = udp_packet(SERVER, OUTSIDE, 443, 40001, b"answer")
        back = TRANSLATOR.to_ipv6(Packet(answer))
        assert back is not None and back == anew(back, IPv6)
        assert (Packet(back).src, Packet(back).dst) == (str(PREFIX.embed(SERVER)), INSIDE)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_error_of_a_router_quotes_the_packet_as_it_was_sent(kind: str) -> None:
    out = TRANSLATOR.to_ipv4(Packet(SENT[kind]))
    assert out is not None
    back = TRANSLATOR.to_ipv6(Packet(time_exceeded("10.9.2.1", out)))
    assert back is not None and back == anew(back, IPv6)
    packet = Packet(back)
    assert packet.src == PREFIX.embed("10.9.2.1") and packet.icmp_type == 3
    assert packet.payload == SENT[kind]


def test_other_packets_are_not_for_the_translator() -> None:
    other = udp_packet(INSIDE, "2001:db8::1", 40001, 443, b"")
    assert not TRANSLATOR.takes(Packet(other)) and TRANSLATOR.takes(Packet(SENT["udp"]))
    assert TRANSLATOR.to_ipv4(Packet(other)) is None

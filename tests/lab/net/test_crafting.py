"""Test the packets of `crafting` against scapy's, byte by byte."""

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6Unknown, IPv6
from scapy.packet import Packet, Raw

from probe.lab.net.checksums import checksum
from probe.lab.net.crafting import icmp_packet, packed, tcp_packet, udp_packet

ports = st.integers(0, 65535)
numbers = st.integers(0, 2**32 - 1)
ttls = st.integers(0, 255)
pairs = st.one_of(
    st.tuples(st.ip_addresses(v=4).map(str), st.ip_addresses(v=4).map(str)),
    st.tuples(st.ip_addresses(v=6).map(str), st.ip_addresses(v=6).map(str)),
)


def ip_header(pair: tuple[str, str], protocol: int, ttl: int, ip_id: int = 0) -> Packet:
    if ":" in pair[0]:
        return IPv6(src=pair[0], dst=pair[1], nh=protocol, hlim=ttl)
    return IP(src=pair[0], dst=pair[1], proto=protocol, ttl=ttl, id=ip_id, flags="DF")


@given(pairs, ports, ports, st.integers(0, 255), numbers, numbers, st.binary(max_size=50), ttls)
def test_tcp_packet_equals_scapys(
    pair: tuple[str, str], sport: int, dport: int, flags: int, seq: int, ack: int, payload: bytes, ttl: int
) -> None:
    segment = TCP(sport=sport, dport=dport, flags=flags, seq=seq, ack=ack, window=512, options=[("NOP", None)] * 4)
    expected = bytes(ip_header(pair, 6, ttl, ip_id=7) / segment / Raw(payload))
    options = b"\1" * 4
    fields = {"flags": flags, "seq": seq, "ack": ack, "window": 512, "ttl": ttl, "ip_id": 7}
    assert tcp_packet(*pair, sport, dport, payload=payload, options=options, **fields) == expected  # type: ignore[arg-type]


@given(pairs, ports, ports, st.binary(max_size=50), ttls)
def test_udp_packet_equals_scapys(pair: tuple[str, str], sport: int, dport: int, payload: bytes, ttl: int) -> None:
    expected = bytes(ip_header(pair, 17, ttl) / UDP(sport=sport, dport=dport) / Raw(payload))
    assert udp_packet(*pair, sport, dport, payload, ttl=ttl) == expected


@given(pairs, st.sampled_from([0, 3, 8, 11]), st.integers(0, 255), st.binary(min_size=4, max_size=50), ttls)
def test_icmp_packet_equals_scapys(pair: tuple[str, str], kind: int, code: int, body: bytes, ttl: int) -> None:
    if ":" in pair[0]:
        expected = bytes(ip_header(pair, 58, ttl) / ICMPv6Unknown(type=kind, code=code, msgbody=body))
    else:
        message = bytes((kind, code)) + checksum(bytes((kind, code, 0, 0)) + body).to_bytes(2, "big") + body
        read = ICMP(message)
        del read.chksum
        expected = bytes(ip_header(pair, 1, ttl) / read)
    assert icmp_packet(packed(pair[0]), packed(pair[1]), kind, code, body, ttl) == expected

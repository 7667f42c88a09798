"""Test that built packets are correct and that the packet view reads the same fields back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.lab.net.checksums import adjusted, checksum, difference
from probe.lab.net.packets import (
    ACK,
    PSH,
    Malformed,
    Packet,
    host_unreachable,
    icmp_error,
    packed,
    port_unreachable,
    tcp_packet,
    time_exceeded,
    udp_packet,
    with_ttl,
)
from tests.support.lab.wire_checks import is_correct, sums_to_ones

ports = st.integers(0, 65535)
numbers = st.integers(0, 2**32 - 1)
ttls = st.integers(0, 255)
pairs = st.one_of(
    st.tuples(st.ip_addresses(v=4).map(str), st.ip_addresses(v=4).map(str)),
    st.tuples(st.ip_addresses(v=6).map(str), st.ip_addresses(v=6).map(str)),
)


def test_checksum_matches_the_example_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


@given(st.binary(max_size=200))
def test_checksum_completes_the_sum(data: bytes) -> None:
    even = data + b"\0" * (len(data) % 2)
    assert sums_to_ones(even + checksum(data).to_bytes(2, "big"))


@given(st.binary(min_size=8, max_size=60).filter(lambda data: len(data) % 2 == 0), st.binary(min_size=4, max_size=4))
def test_adjusted_checksum_equals_a_new_sum(data: bytes, new: bytes) -> None:
    changed = new + data[4:]
    value = adjusted(checksum(data), difference(data[:4], new))
    assert sums_to_ones(changed + value.to_bytes(2, "big")) or not any(changed)


@given(pairs, ports, ports, st.integers(0, 255), numbers, numbers, st.binary(max_size=50), ttls)
def test_tcp_packet_is_correct_and_reads_back(
    pair: tuple[str, str], sport: int, dport: int, flags: int, seq: int, ack: int, payload: bytes, ttl: int
) -> None:
    raw = tcp_packet(*pair, sport, dport, flags=flags, seq=seq, ack=ack, payload=payload, options=b"\1" * 4, ttl=ttl)
    packet = Packet(raw)
    assert is_correct(raw)
    assert (packed(packet.src), packed(packet.dst)) == (packed(pair[0]), packed(pair[1]))
    assert (packet.sport, packet.dport) == (sport, dport)
    assert (packet.tcp_flags, packet.seq, packet.ack, packet.ttl) == (flags, seq, ack, ttl)
    assert packet.payload == payload and packet.is_tcp and not packet.is_udp


@given(pairs, ports, ports, st.binary(max_size=50), ttls, ttls)
def test_udp_packet_is_correct_with_any_ttl(
    pair: tuple[str, str], sport: int, dport: int, payload: bytes, ttl: int, other: int
) -> None:
    raw = with_ttl(udp_packet(*pair, sport, dport, payload, ttl=ttl), other)
    packet = Packet(raw)
    assert is_correct(raw) and packet.payload == payload and packet.ttl == other and packet.is_udp
    assert raw[packet.offset + 6 : packet.offset + 8] != b"\0\0"


@given(pairs, st.binary(max_size=1400))
def test_icmp_errors_quote_the_packet_and_go_to_its_sender(pair: tuple[str, str], payload: bytes) -> None:
    quoted = udp_packet(*pair, 1000, 53, payload, ttl=1)
    router = "3c00::1" if ":" in pair[0] else "10.9.2.1"
    for build in (time_exceeded, host_unreachable, port_unreachable):
        raw = build(router, quoted)
        packet = Packet(raw)
        assert (
            is_correct(raw) and packet.is_icmp_error and (packet.src, packet.destination) == (router, packed(pair[0]))
        )
        assert quoted.startswith(packet.payload) and len(packet.payload) >= min(len(quoted), 500)
        assert len(raw) <= (1280 if ":" in router else 576)


def test_icmp_types_differ_by_ip_version() -> None:
    ipv4, ipv6 = udp_packet("1.1.1.1", "2.2.2.2", 1, 2, b""), udp_packet("3c00::1", "3c00::2", 1, 2, b"")
    assert [Packet(time_exceeded(*pair)).icmp_type for pair in (("9.9.9.9", ipv4), ("3c00::9", ipv6))] == [11, 3]
    assert Packet(icmp_error("9.9.9.9", ipv4, 3, 4, rest=1400)).raw[24:28] == (1400).to_bytes(4, "big")


def test_extension_headers_are_skipped() -> None:
    plain = udp_packet("3c00::1", "3c00::2", 1000, 53, b"question")
    options = bytes((17, 0)) + b"\1\4" + b"\0" * 4
    extended = plain[:4] + (len(plain) - 32).to_bytes(2, "big") + b"\0" + plain[7:40] + options + plain[40:]
    packet = Packet(extended)
    assert (packet.protocol, packet.dport, packet.payload) == (17, 53, b"question")


def test_later_fragments_have_no_ports() -> None:
    raw = bytearray(udp_packet("1.1.1.1", "2.2.2.2", 1000, 53, b"x" * 16))
    raw[7] = 2
    packet = Packet(bytes(raw))
    assert packet.later_fragment and packet.sport == packet.dport == 0 and not packet.is_udp


def test_ethernet_padding_is_not_payload() -> None:
    raw = tcp_packet("1.1.1.1", "2.2.2.2", 1, 2, flags=PSH | ACK, payload=b"ab")
    assert Packet(raw + b"\0" * 4).payload == b"ab"


@pytest.mark.parametrize("raw", [b"", b"\x45", b"\x45" + b"\0" * 18, b"\x60" + b"\0" * 38, b"\x25" + b"\0" * 40])
def test_bytes_without_ip_header_are_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        Packet(raw)


@given(st.binary(min_size=20, max_size=120), st.sampled_from([0x45, 0x4F, 0x60]))
def test_packet_view_reads_any_bytes(data: bytes, first: int) -> None:
    try:
        packet = Packet(bytes((first,)) + data[1:])
    except Malformed:
        return
    fields = (
        packet.sport,
        packet.dport,
        packet.seq,
        packet.ack,
        packet.tcp_flags,
        packet.payload,
        packet.is_icmp_error,
    )
    assert len(fields) == 7 and repr(packet)

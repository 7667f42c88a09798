"""Test the packets of Telegram's call relays: vectors written out by hand from the sources, and round trips."""

import ipaddress
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.telegram import reflector
from probe.wire.telegram.reflector import CALLEE, CALLER

# Written out by hand from ReflectorPort.cpp (SendReflectorHello, SendTo) and RawTcpSocket.cpp (Send). No packet of a
# real relay was available.
SHARED, RESOURCE = bytes.fromhex("a1a2a3a4a5a6a7a8a9aaab"), bytes.fromhex("d1d2d3d4")
TAG = bytes.fromhex("00 a1a2a3a4a5a6a7a8a9aaab d1d2d3d4")
HELLO = TAG + bytes.fromhex("ffffffffffffffffffffffff feffffff 000000000000007b")
HELLO_TCP = bytes.fromhex("eeeeeeee 14000000") + TAG + bytes.fromhex("00000000")
DATA = bytes.fromhex("00a1a2a3a4a5a6a7a8a9aaab e1e2e3e4 d1d2d3d4 00000005 68656c6c6f 000000")
# Written out by hand from MockReflector.cpp of libtgvoip (UdpReflectorSelfInfo), on a little-endian machine.
SELF_INFO = TAG + bytes.fromhex(
    "ffffffffffffffff ffffffff c77215c0 00f15365 000000000000007b 0000000000000000 0000ffff c0000201 39300000"
)

sides = st.sampled_from((CALLER, CALLEE))
resources = st.binary(min_size=4, max_size=4).filter(any)
tags = st.builds(reflector.peer_tag, sides, st.binary(min_size=11, max_size=11), resources)
addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


def test_packets_written_out_from_the_source_are_built() -> None:
    assert reflector.peer_tag(CALLER, SHARED, RESOURCE) == TAG
    assert reflector.peer_tag(CALLEE, SHARED, RESOURCE) == b"\1" + TAG[1:]
    assert reflector.hello(TAG) == HELLO and len(HELLO) == 40
    assert reflector.hello_tcp(TAG) == HELLO_TCP
    assert reflector.data_packet(TAG, bytes.fromhex("e1e2e3e4"), b"hello") == DATA
    assert reflector.self_info(TAG, "192.0.2.1", 12345, 0x6553F100) == SELF_INFO


def test_packets_written_out_from_the_source_are_parsed() -> None:
    assert reflector.parse(SELF_INFO) == reflector.ReflectorPacket(TAG, "self_info", ("192.0.2.1", 12345))
    assert reflector.parse(DATA) == reflector.ReflectorPacket(DATA[:16], "data", data=b"hello")
    assert reflector.parse(HELLO) == reflector.ReflectorPacket(TAG, "special")
    assert reflector.parse(TAG + bytes(4)) == reflector.ReflectorPacket(TAG, "other")


def test_hello_is_recognised_with_any_tag() -> None:
    assert reflector.is_hello(HELLO) and reflector.is_hello(bytes(16) + HELLO[16:])
    assert not any(map(reflector.is_hello, (HELLO[:-1], HELLO + b"\0", SELF_INFO, DATA, b"")))


def test_hello_over_tcp_is_recognised_at_the_beginning_of_a_stream() -> None:
    assert reflector.is_hello_tcp(HELLO_TCP) and reflector.is_hello_tcp(HELLO_TCP + DATA)
    assert not any(map(reflector.is_hello_tcp, (HELLO_TCP[:-1], b"x" + HELLO_TCP, HELLO, b"")))


def test_self_info_without_the_mark_of_ipv4_is_parsed() -> None:
    raw = SELF_INFO[:54] + b"\0\0" + SELF_INFO[56:]
    assert reflector.parse(raw).mapped == ("192.0.2.1", 12345)


@pytest.mark.parametrize("end", range(32, 64))
def test_shortened_self_info_shows_no_address(end: int) -> None:
    assert reflector.parse(SELF_INFO[:end]) == reflector.ReflectorPacket(TAG, "special")


def test_data_that_is_shorter_than_it_says_has_an_unknown_form() -> None:
    assert reflector.parse(DATA[:23] + b"\x09" + DATA[24:]).kind == "other"


@pytest.mark.parametrize("raw", [b"", TAG[:15], bytes(reflector.LONGEST_PACKET + 1)])
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        reflector.parse(raw)


def test_packet_with_another_resource_is_for_us_and_one_of_the_other_side_is_not() -> None:
    assert reflector.parse(TAG[:12] + bytes(4)).is_for(TAG)
    assert not reflector.parse(b"\1" + TAG[1:]).is_for(TAG)
    assert not reflector.parse(TAG[:11] + b"\0" + TAG[12:]).is_for(TAG)


@pytest.mark.parametrize(("shared", "resource"), [(SHARED[1:], RESOURCE), (SHARED, RESOURCE[1:]), (SHARED, bytes(4))])
def test_tag_of_wrong_parts_is_refused(shared: bytes, resource: bytes) -> None:
    with pytest.raises(ValueError):
        reflector.peer_tag(CALLER, shared, resource)
    with pytest.raises(ValueError):
        reflector.hello(shared)


def test_frame_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError):
        reflector.read_frame(b"\1\0\1\0")
    assert reflector.read_frame(b"\0\0\1\0") == (None, b"\0\0\1\0")


@given(tags, addresses, st.integers(0, 65535), st.integers(0, 2**31 - 1))
def test_self_info_survives_a_round_trip(
    tag: bytes, ip: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int, date: int
) -> None:
    found = reflector.parse(reflector.self_info(tag, str(ip), port, date))
    assert (found.tag, found.kind) == (tag, "self_info") and found.is_for(tag) and found.mapped is not None
    assert found.mapped[1] == port
    assert ip.version == 6 or found.mapped[0] == str(ip)


@given(tags, resources, st.binary(min_size=1, max_size=100))
def test_data_survives_a_round_trip(tag: bytes, receiver: bytes, data: bytes) -> None:
    raw = reflector.data_packet(tag, receiver, data)
    found = reflector.parse(raw)
    assert len(raw) % 4 == 0 and found.is_for(tag)
    assert (found.kind, found.data) == ("data", data) or raw[16:28] == b"\xff" * 12


@given(st.lists(st.binary(max_size=40), max_size=4), st.data())
def test_frames_survive_any_division_of_the_stream(packets: list[bytes], data: st.DataObject) -> None:
    stream, found, rest = b"".join(map(reflector.frame, packets)), [], b""
    while stream or rest:
        size = data.draw(st.integers(1, 50))
        rest, stream = rest + stream[:size], stream[size:]
        while (read := reflector.read_frame(rest))[0] is not None:
            found.append(read[0])
            rest = read[1]
        if not stream:
            break
    assert (found, rest) == (packets, b"")


@given(st.binary(max_size=100))
def test_any_bytes_raise_only_value_errors(raw: bytes) -> None:
    with suppress(ValueError):
        reflector.parse(raw)
    with suppress(ValueError):
        reflector.read_frame(raw)

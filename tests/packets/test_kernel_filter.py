"""Test that the kernel keeps the same packets as the selection in Python."""

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.packet import Raw

from probe.packets.sniffer import is_candidate, program
from probe.platforms.raw_packets import filter_packets, open_packets
from tests.packets.test_dissect import HOME, ROUTER, THERE, received, sent

WITH_OPTIONS = IP(src=THERE, dst=HOME, options=IPOption(b"\x94\x04\x00\x00"))
PACKETS = [
    *(received(TCP(sport=443, dport=1, flags=flags) / b"x", v6) for flags in ("SA", "R", "RA") for v6 in (False, True)),
    *(sent(UDP(sport=1, dport=53) / b"question", v6) for v6 in (False, True)),
    received(UDP(sport=53, dport=1) / b"answer"),
    bytes(IP(src=ROUTER, dst=HOME) / ICMP(type=11) / Raw(sent(UDP(sport=1, dport=2)))),
    bytes(WITH_OPTIONS / TCP(sport=443, dport=1, flags="SA")),
]
TCP_NUMBER = 6
OTHERS = [
    *(received(TCP(sport=443, dport=1, flags=flags) / b"data", v6) for flags in ("A", "S") for v6 in (False, True)),
    *(received(UDP(sport=443, dport=1) / b"data", v6) for v6 in (False, True)),
    bytes(WITH_OPTIONS / TCP(sport=443, dport=1, flags="PA")),
    b"\x00\x01\x08\x00\x06\x04" + bytes(22),  # ARP
]


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return two sockets, of which the second has the filter. The kernel filters any kind of socket."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there:
        filter_packets(there, program())
        there.setblocking(False)
        yield here, there


def kept(pair: tuple[socket.socket, socket.socket], raw: bytes) -> bool:
    here, there = pair
    here.send(raw)
    try:
        return there.recv(65535) == raw
    except BlockingIOError:
        return False


@pytest.mark.parametrize("raw", PACKETS)
def test_kernel_keeps_what_is_dissected(pair: tuple[socket.socket, socket.socket], raw: bytes) -> None:
    assert is_candidate(raw)
    assert kept(pair, raw)


@pytest.mark.parametrize("raw", OTHERS)
def test_kernel_drops_the_others(pair: tuple[socket.socket, socket.socket], raw: bytes) -> None:
    assert not kept(pair, raw)


@given(st.sampled_from([*PACKETS, *OTHERS]), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=4))
@settings(max_examples=300, deadline=None)
def test_no_candidate_is_dropped(
    pair: tuple[socket.socket, socket.socket], raw: bytes, changes: list[tuple[int, int]]
) -> None:
    changed = bytearray(raw)
    for place, value in changes:
        changed[place % len(changed)] = value
    if changed[0] >> 4 in {4, 6} and is_candidate(bytes(changed)):
        assert kept(pair, bytes(changed))


@pytest.mark.root
def test_raw_packets_are_filtered_from_their_ip_header_on() -> None:
    """Test it with a refused connection, whose SYN is dropped and whose RST is kept."""
    with open_packets() as raw, socket.socket() as closed:
        filter_packets(raw, program())
        closed.bind(("127.0.0.1", 0))
        with socket.socket() as client:
            assert client.connect_ex(closed.getsockname()) != 0
        port, seen = closed.getsockname()[1].to_bytes(2, "big"), list[bytes]()
        raw.settimeout(5)
        while not any(packet[20:22] == port for packet in seen):  # of the RST
            seen.append(raw.recv(65535))
        assert all(map(is_candidate, seen))
        assert not any(packet[22:24] == port and packet[9] == TCP_NUMBER for packet in seen)  # of the SYN

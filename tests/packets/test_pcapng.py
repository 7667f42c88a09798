"""Test which bytes of packets may be published in a pcapng file."""

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Raw
from scapy.utils import PcapNgReader

from probe.packets.pcapng import rewrite, write_pcapng
from probe.privacy.redact import KnownIdentifiers
from tests.packets.test_dissect import HOME, HOME_6, ROUTER, THERE, received, sent

NOTHING = KnownIdentifiers()


def forms(address: str) -> list[bytes]:
    packed = ip_address(address).packed
    return [packed, address.encode(), packed[::-1]]


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("outgoing", [False, True])
def test_pcapng_holds_no_data_of_the_user(v6: bool, outgoing: bool) -> None:
    home = HOME_6 if v6 else HOME
    body = b"HTTP/1.1 200 OK\r\n\r\nyou are " + home.encode() + b" " + ip_address(home).packed
    make = sent if outgoing else received
    for layer in (
        TCP(sport=1, dport=80, flags="PA", options=[("Timestamp", (123456789, 42))]) / body,
        UDP(sport=3478, dport=3478) / body,
        UDP(sport=53, dport=1) / body,
    ):
        before = make(layer, v6)
        after = rewrite(before, NOTHING, outgoing=outgoing)
        assert after is not None
        assert len(after) == len(before)
        assert not [form for form in forms(home) if form in after]
        assert struct.pack(">I", 123456789) not in after


@pytest.mark.parametrize(
    ("flags", "outgoing", "kept"), [("R", False, 0), ("RA", False, 0), ("SA", False, 54321), ("R", True, 777)]
)
def test_ip_id_of_a_received_reset_is_zeroed(flags: str, outgoing: bool, kept: int) -> None:
    """Test that a pcapng file does not hold what some censors compute from the user's address."""
    raw = rewrite((sent if outgoing else received)(TCP(sport=1, dport=443, flags=flags)), NOTHING, outgoing=outgoing)
    assert raw is not None
    assert IP(raw).id == kept


def test_checksums_belong_to_the_rewritten_packet() -> None:
    """Test that no checksum is left that reveals 16 bits of the address."""
    raw = rewrite(sent(TCP(sport=1, dport=443, flags="S")), NOTHING, outgoing=True)
    assert raw is not None
    again = IP(raw)
    given_ip, given_tcp = again.chksum, again[TCP].chksum
    del again.chksum, again[TCP].chksum
    fresh = IP(bytes(again))
    assert (fresh.chksum, fresh[TCP].chksum) == (given_ip, given_tcp)
    assert (again.src, again.dst) == ("192.0.2.1", THERE)


def test_hellos_and_dns_queries_keep_their_payload() -> None:
    hello = bytes.fromhex("1603010005") + b"hello"
    assert hello in (rewrite(sent(TCP(sport=1, dport=443, flags="PA") / hello), NOTHING, outgoing=True) or b"")
    query = bytes(DNS(qd=DNSQR(qname="web.telegram.org")))
    assert query in (rewrite(sent(UDP(sport=1, dport=53) / query), NOTHING, outgoing=True) or b"")
    assert b"telegram" not in (
        rewrite(received(UDP(sport=53, dport=1) / query), NOTHING, outgoing=False) or b"telegram"
    )


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x45", b"\x4f", b"\x60"]), st.booleans())
@settings(max_examples=400, deadline=None)
def test_malformed_packets_raise_nothing(junk: bytes, first: bytes, outgoing: bool) -> None:
    rewrite(first + junk, NOTHING, outgoing=outgoing)


@given(st.integers(min_value=1, max_value=90))
@settings(deadline=None)
def test_truncated_packets_raise_nothing(size: int) -> None:
    raw = bytes(IP(src=ROUTER, dst=HOME) / ICMP(type=3, code=1) / Raw(sent(TCP(sport=40001, dport=443, flags="S"))))
    rewrite(raw[:size], NOTHING, outgoing=False)


def test_pcapng_holds_both_families(tmp_path: object) -> None:
    path = f"{tmp_path}/x.pcapng"
    packets = [(1795549364.123456, sent(TCP(sport=1, dport=443))), (1795549365.0, sent(TCP(sport=1, dport=443), True))]
    write_pcapng(path, packets)
    with PcapNgReader(path) as reader:
        read = [(float(packet.time), bytes(packet)) for packet in reader]
    assert read == packets

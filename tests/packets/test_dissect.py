"""Test which fields of raw packets are kept, and which bytes may be published."""

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6TimeExceeded, IPv6
from scapy.packet import Raw
from scapy.utils import PcapNgReader

from probe.packets.dissect import Seen, dissect, flow_of, rewrite, write_pcapng
from probe.packets.sniffer import is_candidate

HOME, HOME_6 = "10.20.30.40", "2a02:810d:4bc0:1234::77"
THERE, THERE_6 = "149.154.167.51", "2001:67c:4e8:f004::a"
ROUTER, ROUTER_6 = "62.115.1.9", "2001:db8:ffff::1"


def sent(layer: object, v6: bool = False) -> bytes:
    return bytes((IPv6(src=HOME_6, dst=THERE_6) if v6 else IP(src=HOME, dst=THERE, id=777)) / layer)


def received(layer: object, v6: bool = False, ttl: int = 57) -> bytes:
    head = IPv6(src=THERE_6, dst=HOME_6, hlim=ttl) if v6 else IP(src=THERE, dst=HOME, ttl=ttl, id=54321)
    return bytes(head / layer)


def seen(raw: bytes, *, outgoing: bool = False) -> Seen:
    found = dissect(raw, outgoing=outgoing)
    assert found is not None
    return found


@pytest.mark.parametrize("v6", [False, True])
def test_reset_is_kept_with_its_fingerprint(v6: bool) -> None:
    found = seen(received(TCP(sport=443, dport=40001, flags="RA", seq=7, ack=9, window=29), v6))
    assert found.key == ("tcp", 40001, THERE_6 if v6 else THERE, 443)
    assert (found.fields["kind"], found.fields["flags"]) == ("rst", "RA")
    assert (found.fields["ttl"], found.fields["window"]) == (57, 29)
    assert (found.fields["sequence"], found.fields["acknowledgment"]) == (7, 9)
    assert found.fields["ipid"] == (None if v6 else 54321)
    assert found.fields["direction"] == "in"


def test_only_synack_reset_and_dns_are_kept() -> None:
    assert seen(received(TCP(sport=443, dport=1, flags="SA"))).fields["kind"] == "synack"
    assert seen(sent(TCP(sport=1, dport=443, flags="R")), outgoing=True).fields["direction"] == "out"
    assert seen(received(UDP(sport=53, dport=9) / DNS(qd=DNSQR(qname="x.example")))).fields["kind"] == "dns"
    for other in (TCP(sport=443, dport=1, flags="A"), TCP(sport=443, dport=1, flags="PA") / b"x", UDP(sport=3478)):
        assert dissect(received(other), outgoing=False) is None


@pytest.mark.parametrize(
    ("protocol", "layer"), [("tcp", TCP(sport=40001, dport=443, flags="S")), ("udp", UDP(sport=40001, dport=443))]
)
def test_icmp_error_belongs_to_the_quoted_flow(protocol: str, layer: object) -> None:
    raw = bytes(IP(src=ROUTER, dst=HOME, ttl=250) / ICMP(type=3, code=13) / Raw(sent(layer)))
    found = seen(raw)
    assert found.key == (protocol, 40001, THERE, 443)
    assert (found.fields["icmp_type"], found.fields["icmp_code"], found.fields["sender"]) == (3, 13, ROUTER)
    quoted = bytes.fromhex(found.fields["quoted"])
    assert ip_address(HOME).packed not in quoted
    assert quoted[4:6] == (777).to_bytes(2, "big")
    assert quoted[10:12] == bytes(2)  # a checksum over the address would reveal it
    assert quoted[36:38] == bytes(2) if protocol == "tcp" else quoted[26:28] == bytes(2)


@pytest.mark.parametrize("error", [ICMPv6DestUnreach(code=1), ICMPv6TimeExceeded()])
def test_icmpv6_error_belongs_to_the_quoted_flow(error: object) -> None:
    raw = bytes(IPv6(src=ROUTER_6, dst=HOME_6) / error / Raw(sent(TCP(sport=40001, dport=443, flags="S"), True)))
    found = seen(raw)
    assert found.key == ("tcp", 40001, THERE_6, 443)
    assert ip_address(HOME_6).packed not in bytes.fromhex(found.fields["quoted"])


def test_private_sender_and_peer_are_not_named() -> None:
    for sender in ("192.168.1.1", "100.64.0.1", THERE):
        raw = bytes(IP(src=sender, dst=HOME) / ICMP(type=11) / Raw(sent(UDP(sport=1, dport=2))))
        assert seen(raw).fields["sender"] == ""


# -- rewritten packets --------------------------------------------------------------------------------------------


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
        after = rewrite(before, outgoing=outgoing)
        assert after is not None
        assert len(after) == len(before)
        assert not [form for form in forms(home) if form in after]
        assert struct.pack(">I", 123456789) not in after


def test_checksums_belong_to_the_rewritten_packet() -> None:
    """Test that no checksum is left that reveals 16 bits of the address."""
    raw = rewrite(sent(TCP(sport=1, dport=443, flags="S")), outgoing=True)
    assert raw is not None
    again = IP(raw)
    given_ip, given_tcp = again.chksum, again[TCP].chksum
    del again.chksum, again[TCP].chksum
    fresh = IP(bytes(again))
    assert (fresh.chksum, fresh[TCP].chksum) == (given_ip, given_tcp)
    assert (again.src, again.dst) == ("192.0.2.1", THERE)


def test_hellos_and_dns_queries_keep_their_payload() -> None:
    hello = bytes.fromhex("1603010005") + b"hello"
    assert hello in (rewrite(sent(TCP(sport=1, dport=443, flags="PA") / hello), outgoing=True) or b"")
    query = bytes(DNS(qd=DNSQR(qname="web.telegram.org")))
    assert query in (rewrite(sent(UDP(sport=1, dport=53) / query), outgoing=True) or b"")
    assert b"telegram" not in (rewrite(received(UDP(sport=53, dport=1) / query), outgoing=False) or b"telegram")


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x45", b"\x4f", b"\x60"]), st.booleans())
@settings(max_examples=400, deadline=None)
def test_malformed_packets_raise_nothing(junk: bytes, first: bytes, outgoing: bool) -> None:
    raw = first + junk
    is_candidate(raw)
    for read in (dissect, flow_of, rewrite):
        read(raw, outgoing=outgoing)


@given(st.integers(min_value=1, max_value=90))
@settings(deadline=None)
def test_truncated_packets_raise_nothing(size: int) -> None:
    raw = bytes(IP(src=ROUTER, dst=HOME) / ICMP(type=3, code=1) / Raw(sent(TCP(sport=40001, dport=443, flags="S"))))
    dissect(raw[:size], outgoing=False)
    rewrite(raw[:size], outgoing=False)


def test_kept_packets_pass_the_quick_selection() -> None:
    for raw in (
        received(TCP(sport=443, dport=1, flags="SA")),
        received(TCP(sport=443, dport=1, flags="R"), True),
        sent(UDP(sport=1, dport=53) / b"question"),
        bytes(IP(src=ROUTER, dst=HOME) / ICMP(type=11) / Raw(sent(UDP(sport=1, dport=2)))),
    ):
        assert is_candidate(raw)
    assert not is_candidate(received(TCP(sport=443, dport=1, flags="PA") / b"data"))


def test_pcapng_holds_both_families(tmp_path: object) -> None:
    path = f"{tmp_path}/x.pcapng"
    packets = [(1795549364.123456, sent(TCP(sport=1, dport=443))), (1795549365.0, sent(TCP(sport=1, dport=443), True))]
    write_pcapng(path, packets)
    with PcapNgReader(path) as reader:
        read = [(float(packet.time), bytes(packet)) for packet in reader]
    assert read == packets

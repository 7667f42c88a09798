"""Test which fields of raw packets are kept."""

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6TimeExceeded, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.packet import Raw

from probe.packets.dissect import DissectedPacket, dissect, flow_of
from probe.packets.sniffer import is_candidate

HOME, HOME_6 = "10.20.30.40", "2a02:810d:4bc0:1234::77"
THERE, THERE_6 = "149.154.167.51", "2001:67c:4e8:f004::a"
ROUTER, ROUTER_6 = "62.115.1.9", "2001:db8:ffff::1"


def sent(layer: object, v6: bool = False) -> bytes:
    return bytes((IPv6(src=HOME_6, dst=THERE_6) if v6 else IP(src=HOME, dst=THERE, id=777)) / layer)


def received(layer: object, v6: bool = False, ttl: int = 57) -> bytes:
    head = IPv6(src=THERE_6, dst=HOME_6, hlim=ttl) if v6 else IP(src=THERE, dst=HOME, ttl=ttl, id=54321)
    return bytes(head / layer)


def seen(raw: bytes, *, outgoing: bool = False) -> DissectedPacket:
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
    assert found.fields["direction"] == "in"
    assert found.fields["dont_fragment"] is (None if v6 else False)


@pytest.mark.parametrize("v6", [False, True])
def test_ip_id_and_payload_of_a_received_reset_are_hidden(v6: bool) -> None:
    """Test that no field of the record holds what some censors compute from the user's address."""
    found = seen(received(TCP(sport=443, dport=40001, flags="RA", window=29) / bytes(range(40)), v6))
    assert found.fields["ipid"] is None
    assert found.fields["length"] == 40
    assert found.hidden == {
        "ipid": None if v6 else 54321,
        "destination": HOME_6 if v6 else HOME,
        "payload": bytes(range(32)).hex(),
    }
    assert not {"destination", "payload"} & set(found.fields)


def test_other_packets_keep_their_ip_id() -> None:
    greeting = seen(received(TCP(sport=443, dport=1, flags="SA")))
    answer = seen(received(UDP(sport=53, dport=9) / DNS(qd=DNSQR(qname="x.example"))))
    own = seen(sent(TCP(sport=1, dport=443, flags="R")), outgoing=True)
    assert [packet.fields["ipid"] for packet in (greeting, answer, own)] == [54321, 54321, 777]
    assert not (greeting.hidden or answer.hidden or own.hidden)


@pytest.mark.parametrize("flags", ["", "DF", "MF", "evil"])
def test_dont_fragment_is_read(flags: str) -> None:
    raw = bytes(IP(src=THERE, dst=HOME, flags=flags) / TCP(sport=443, dport=1, flags="R"))
    assert seen(raw).fields["dont_fragment"] is (flags == "DF")


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


def test_kept_packets_pass_the_quick_selection() -> None:
    for raw in (
        received(TCP(sport=443, dport=1, flags="SA")),
        received(TCP(sport=443, dport=1, flags="R"), True),
        sent(UDP(sport=1, dport=53) / b"question"),
        bytes(IP(src=ROUTER, dst=HOME) / ICMP(type=11) / Raw(sent(UDP(sport=1, dport=2)))),
    ):
        assert is_candidate(raw)
    assert not is_candidate(received(TCP(sport=443, dport=1, flags="PA") / b"data"))


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x45", b"\x4f", b"\x60"]), st.booleans())
@settings(max_examples=400, deadline=None)
def test_malformed_packets_raise_nothing(junk: bytes, first: bytes, outgoing: bool) -> None:
    raw = first + junk
    is_candidate(raw)
    for read in (dissect, flow_of):
        read(raw, outgoing=outgoing)


@given(st.integers(min_value=1, max_value=90))
@settings(deadline=None)
def test_truncated_packets_raise_nothing(size: int) -> None:
    raw = bytes(IP(src=ROUTER, dst=HOME) / ICMP(type=3, code=1) / Raw(sent(TCP(sport=40001, dport=443, flags="S"))))
    dissect(raw[:size], outgoing=False)


# -- headers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", ["SA", "R", "RA", "RPA", "SAEC", "SRN", "FSRPAUECN"])
@pytest.mark.parametrize("options", [[], [("MSS", 1460), ("Timestamp", (1, 2))]])
def test_flags_and_length_are_those_of_the_segment(flags: str, options: list[object]) -> None:
    found = seen(received(TCP(sport=443, dport=1, flags=flags, options=options) / b"abc"))
    assert (found.fields["flags"], found.fields["length"]) == ("".join(x for x in "FSRPAUECN" if x in flags), 3)


def test_options_of_ip_are_skipped() -> None:
    reset = TCP(sport=443, dport=40001, flags="R")
    assert seen(bytes(IP(src=THERE, dst=HOME, options=IPOption(b"\x94\x04\x00\x00")) / reset)).key[1] == 40001
    extended = IPv6(src=THERE_6, dst=HOME_6) / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(offset=0) / reset
    assert seen(bytes(extended)).key == ("tcp", 40001, THERE_6, 443)


def test_later_fragment_has_no_ports() -> None:
    question = UDP(sport=53, dport=9) / b"question"
    assert dissect(bytes(IP(src=THERE, dst=HOME, frag=8) / question), outgoing=False) is None
    later = IPv6(src=THERE_6, dst=HOME_6) / IPv6ExtHdrFragment(offset=8, nh=17) / Raw(bytes(question))
    assert dissect(bytes(later), outgoing=False) is None


def test_bytes_behind_the_packet_do_not_count() -> None:
    answer = UDP(sport=53, dport=9) / b"12345"
    for raw in (received(answer), received(answer, True)):
        assert seen(raw + bytes(18)).fields["length"] == 5
    merged = bytearray(received(answer))
    merged[2:4] = bytes(2)  # as the kernel delivers what it has merged
    assert seen(bytes(merged)).fields["length"] == 5


@pytest.mark.parametrize("layer", [TCP(sport=40001, dport=443, flags="S"), UDP(sport=40001, dport=443) / b"12345678"])
def test_eight_quoted_bytes_name_the_flow(layer: object) -> None:
    found = seen(bytes(IP(src=ROUTER, dst=HOME) / ICMP(type=11) / Raw(sent(layer)[:28])))
    assert found.key[1:] == (40001, THERE, 443)
    assert len(found.fields["quoted"]) == 2 * 28
    assert dissect(bytes(IP(src=ROUTER, dst=HOME) / ICMP(type=11) / Raw(sent(layer)[:27])), outgoing=False) is None


def test_what_a_router_adds_is_not_quoted() -> None:
    """Test the length of RFC 4884: labels of MPLS behind the quotation show the router's network."""
    quoted = sent(TCP(sport=40001, dport=443, flags="S"))
    raw = bytearray(bytes(IP(src=ROUTER, dst=HOME) / ICMP(type=11) / Raw(quoted + bytes(88) + b"labels")))
    raw[25] = len(quoted) // 4
    assert len(seen(bytes(raw)).fields["quoted"]) == 2 * len(quoted)
    quoted = sent(TCP(sport=40001, dport=443, flags="S"), True) + bytes(4)
    raw = bytearray(bytes(IPv6(src=ROUTER_6, dst=HOME_6) / ICMPv6TimeExceeded() / Raw(quoted + b"labels")))
    raw[44] = len(quoted) // 8
    assert len(seen(bytes(raw)).fields["quoted"]) == 2 * len(quoted)

"""Test the other keys of censors of names, Hosts and protocols: allowlists, servers, headers and directions."""

import pytest

from probe.lab.censors.http_censors import HTTPBlockpage, HTTPDrop, HTTPReset
from probe.lab.censors.protocol_allowlist import ProtocolFilter, is_listed
from probe.lab.censors.tls_censors import TLSDrop, TLSReset
from probe.lab.net.layout import Direction
from probe.lab.net.packets import ACK, FIN, PSH, RST, Packet, tcp_packet
from probe.wire.whatsapp.noise import PROLOGUE
from tests.lab.censors.test_censors import NAME, deployed, sent
from tests.support.lab.hellos import CLIENT, CLIENT_V6, SERVER, SERVER_V6, browsers_hello, data, hello, syn

OUT, IN = Direction.OUT, Direction.IN
BACK = Packet(tcp_packet(SERVER, CLIENT, 443, 40000, flags=PSH | ACK, seq=5001, payload=b"server hello"))
TIMESTAMPS = bytes.fromhex("0101080a0000000100000000")


def test_allowlist_blocks_all_other_names() -> None:
    censor = deployed(TLSReset(names=["*"], spare=["*.listed.example"]))
    assert censor.see(data(hello("www.listed.example")), OUT, 0.0) is None
    assert censor.see(data(hello("nobody.invalid"), sport=40001), OUT, 0.0) is not None
    assert censor.see(data(b"\x16\x03no hello", sport=40002), OUT, 0.0) is None  # without a name


def test_name_is_censored_only_at_its_own_addresses() -> None:
    censor = deployed(TLSReset(names=[NAME], at=[NAME]))
    assert censor.see(data(hello(NAME)), OUT, 0.0) is not None
    assert censor.see(data(hello(NAME), dst="151.101.1.1", sport=40001), OUT, 0.0) is None
    assert censor.see(data(hello("www.example.org"), sport=40002), OUT, 0.0) is None


def test_name_is_censored_in_one_family_only() -> None:
    sixth = data(hello(NAME), src=CLIENT_V6, dst=SERVER_V6)
    for family, acts in ((0, (True, True)), (4, (True, False)), (6, (False, True))):
        censor = deployed(TLSReset.model_validate({"names": [NAME], "family": family}))
        assert tuple(censor.see(one, OUT, 0.0) is not None for one in (data(hello(NAME)), sixth)) == acts


@pytest.mark.parametrize(
    "made",
    [
        TLSReset(names=[NAME], ports=[], by_fin=True, on_path=False),
        HTTPReset(names=[NAME], ports=[], by_fin=True, on_path=False),
    ],
    ids=repr,
)
def test_one_fin_is_sent_in_the_servers_name(made: TLSReset | HTTPReset) -> None:
    payload = hello(NAME) if isinstance(made, TLSReset) else request(NAME)
    censor = deployed(made)
    actions = censor.see(data(payload), OUT, 0.0)
    assert actions is not None and not actions.forward
    (end,) = sent(actions.to_client)
    assert end.tcp_flags == FIN | ACK
    assert (end.src, end.seq, end.ack) == (SERVER, 5001, 1001 + len(payload))
    assert all(packet.tcp_flags & RST for packet in sent(actions.to_server))


def request(host: str) -> bytes:
    return f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def test_request_for_the_host_and_later_packets_are_dropped() -> None:
    censor, payload = deployed(HTTPDrop(names=[NAME])), request(NAME)
    answer = Packet(tcp_packet(SERVER, CLIENT, 80, 40000, flags=PSH | ACK, seq=5001, payload=b"HTTP/1.1 200 OK"))
    assert censor.see(syn(dport=80), OUT, 0.0) is None
    assert censor.see(data(payload[:20], dport=80), OUT, 0.1) is None
    assert censor.see(answer, IN, 0.1) is None
    assert censor.see(data(payload[20:], dport=80, at=20), OUT, 0.2) is not None
    assert censor.see(answer, IN, 0.3) is not None
    assert censor.see(data(payload, dport=80), OUT, 90.0) is not None
    assert censor.see(syn(dport=80), OUT, 91.0) is None  # a new flow with the same ports
    assert censor.see(answer, IN, 91.1) is None
    for other in (data(request("fine.example"), sport=40001, dport=80), data(payload, sport=40002, dport=8080)):
        assert censor.see(other, OUT, 0.0) is None


@pytest.mark.parametrize("kind", [HTTPReset, HTTPDrop, HTTPBlockpage])
def test_host_filter_honours_at_and_spare(
    kind: type[HTTPReset | HTTPDrop | HTTPBlockpage],
) -> None:
    here = deployed(kind.model_validate({"names": ["*"], "spare": ["listed.example"], "at": [NAME]}))
    assert here.see(data(request("nobody.invalid"), dport=80), OUT, 0.0) is not None
    assert here.see(data(request("listed.example"), sport=40001, dport=80), OUT, 0.0) is None
    assert here.see(data(request("nobody.invalid"), dst="151.101.1.1", sport=40002, dport=80), OUT, 0.0) is None


def test_page_may_come_to_the_first_requests_at_each_server_alone() -> None:
    censor = deployed(HTTPBlockpage(names=[NAME], first=2))
    asked = [(SERVER, 40000), (SERVER, 40001), (SERVER, 40002), ("151.101.1.1", 40003)]
    pages = [censor.see(data(request(NAME), dst=dst, sport=sport, dport=80), OUT, 0.0) for dst, sport in asked]
    assert [page is not None for page in pages] == [True, True, False, True]


@pytest.mark.parametrize(("headers", "optioned", "bare"), [("bare", False, True), ("optioned", True, False)])
def test_headers_key_limits_which_tcp_headers_are_read(headers: str, optioned: bool, bare: bool) -> None:
    """Test headers with timestamps (32 bytes) and without options (20 bytes)."""
    censor = deployed(TLSReset.model_validate({"names": [NAME], "headers": headers}))
    flow = {"flags": PSH | ACK, "seq": 1001, "ack": 5001, "payload": hello(NAME)}
    with_options = Packet(tcp_packet(CLIENT, SERVER, 40001, 443, options=TIMESTAMPS, **flow))  # type: ignore[arg-type]
    assert with_options.tcp_options and not data(hello(NAME)).tcp_options
    assert (censor.see(with_options, OUT, 0.0) is not None) == optioned
    assert (censor.see(data(hello(NAME)), OUT, 0.0) is not None) == bare


@pytest.mark.parametrize(
    ("longest", "shortest", "meant"), [(0, None, True), (-1, None, False), (None, 0, True), (None, 1, False)]
)
def test_hellos_outside_the_length_limits_pass(longest: int | None, shortest: int | None, meant: bool) -> None:
    """Test limits near the length of the hello, in bytes."""
    size = len(hello(NAME)) - 5
    limits = [0 if more is None else size + more for more in (longest, shortest)]
    censor = deployed(TLSReset(names=[NAME], longest_hello=limits[0], shortest_hello=limits[1]))
    assert (censor.see(data(hello(NAME)), OUT, 0.0) is not None) == meant


@pytest.mark.parametrize("greased", [True, False])
def test_greased_key_limits_which_hellos_are_censored(greased: bool) -> None:
    censor = deployed(TLSDrop(names=[NAME], greased=greased))
    assert (censor.see(data(browsers_hello(NAME)), OUT, 0.0) is not None) == greased
    assert (censor.see(data(hello(NAME), sport=40001), OUT, 0.0) is not None) != greased
    assert censor.see(data(browsers_hello("www.example.org"), sport=40002), OUT, 0.0) is None


@pytest.mark.parametrize("ech", [True, False])
def test_ech_key_limits_which_hellos_are_censored(ech: bool) -> None:
    censor = deployed(TLSDrop(names=["*"], ech=ech))
    assert (censor.see(data(browsers_hello(NAME)), OUT, 0.0) is not None) == ech
    assert (censor.see(data(hello(NAME), sport=40001), OUT, 0.0) is not None) != ech


def test_hello_in_two_segments_is_dropped_when_it_is_complete() -> None:
    censor, sent = deployed(TLSDrop(names=["*"], ech=True)), browsers_hello(NAME)
    assert censor.see(data(sent[:1400]), OUT, 0.0) is None
    assert censor.see(data(sent[1400:], at=1400), OUT, 0.0) is not None


@pytest.mark.parametrize(
    ("direction", "out", "back"), [("both", True, True), ("out", True, False), ("in", False, True)]
)
def test_drop_of_one_direction(direction: str, out: bool, back: bool) -> None:
    censor = deployed(TLSDrop.model_validate({"names": [NAME], "direction": direction}))
    assert censor.see(BACK, IN, 0.0) is None
    assert (censor.see(data(hello(NAME)), OUT, 0.0) is not None) == out
    assert (censor.see(BACK, IN, 0.1) is not None) == back


QUESTION = bytes.fromhex("0025 1234 0100 0001 0000 0000 0000 07") + b"example\0\0\1\0\1"


@pytest.mark.parametrize(
    ("opening", "listed"),
    [
        (hello(NAME), True),
        (b"GET / HTTP/1.1\r\n", True),
        (QUESTION, True),
        (b"\xef" + bytes(range(100, 160)), False),  # MTProto, abridged
        (PROLOGUE + b"\0\0\x24\x12\x22\x0a\x20", False),
        (b"\x80" + bytes(range(1, 127)), False),
    ],
)
def test_protocol_filter_recognises_listed_protocols(opening: bytes, listed: bool) -> None:
    assert is_listed(opening) == listed
    censor = deployed(ProtocolFilter())
    censor.see(syn(), OUT, 0.0)
    assert (censor.see(data(opening), OUT, 0.1) is None) == listed
    assert (censor.see(BACK, IN, 0.2) is None) == listed
    assert censor.see(data(opening, dport=5222, sport=40001), OUT, 0.1) is None


def test_blocked_flow_stays_blocked_and_packets_prolong_it() -> None:
    censor = deployed(ProtocolFilter(seconds=60))
    assert censor.see(data(b"\x80" * 20), OUT, 0.0) is not None
    assert censor.see(data(b"\x80" * 20, at=20), OUT, 50.0) is not None
    assert censor.see(BACK, IN, 100.0) is not None
    assert censor.see(BACK, IN, 111.0) is None
    assert censor.see(syn(), OUT, 60.0) is None
    reset = deployed(ProtocolFilter(action="reset")).see(data(b"\x80" * 20), OUT, 0.0)
    assert reset is not None and not reset.forward
    assert sent(reset.to_client) and sent(reset.to_server)

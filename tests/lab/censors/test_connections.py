"""What censors of names, Hosts and protocols do besides: lists of what may pass, places, blindness, directions."""

import pytest

from probe.lab.censors import HTTPBlockpage, HTTPDrop, HTTPReset, ProtocolFilter, TLSDrop, TLSReset
from probe.lab.censors.protocols import is_listed
from probe.lab.net.layout import Direction
from probe.lab.net.packets import ACK, FIN, PSH, RST, Packet, tcp_packet
from probe.wire.whatsapp.noise import PROLOGUE
from tests.lab.censors.test_censors import NAME, armed, sent
from tests.support.lab.hellos import CLIENT, CLIENT_V6, SERVER, SERVER_V6, browsers_hello, data, hello, syn

OUT, IN = Direction.OUT, Direction.IN
BACK = Packet(tcp_packet(SERVER, CLIENT, 443, 40000, flags=PSH | ACK, seq=5001, payload=b"server hello"))
TIMESTAMPS = bytes.fromhex("0101080a0000000100000000")


def test_a_list_of_names_lets_nothing_else_pass() -> None:
    censor = armed(TLSReset(names=["*"], spare=["*.listed.example"]))
    assert censor.see(data(hello("www.listed.example")), OUT, 0.0) is None
    assert censor.see(data(hello("nobody.invalid"), sport=40001), OUT, 0.0) is not None
    assert censor.see(data(b"\x16\x03no hello", sport=40002), OUT, 0.0) is None  # what shows no name is not meant


def test_a_name_is_meant_at_its_own_addresses_alone() -> None:
    censor = armed(TLSReset(names=[NAME], at=[NAME]))
    assert censor.see(data(hello(NAME)), OUT, 0.0) is not None
    assert censor.see(data(hello(NAME), dst="151.101.1.1", sport=40001), OUT, 0.0) is None
    assert censor.see(data(hello("www.example.org"), sport=40002), OUT, 0.0) is None


def test_a_name_may_be_meant_in_one_family_alone() -> None:
    sixth = data(hello(NAME), src=CLIENT_V6, dst=SERVER_V6)
    for family, acts in ((0, (True, True)), (4, (True, False)), (6, (False, True))):
        censor = armed(TLSReset.model_validate({"names": [NAME], "family": family}))
        assert tuple(censor.see(one, OUT, 0.0) is not None for one in (data(hello(NAME)), sixth)) == acts


@pytest.mark.parametrize(
    "made",
    [
        TLSReset(names=[NAME], ports=[], by_fin=True, on_path=False),
        HTTPReset(names=[NAME], ports=[], by_fin=True, on_path=False),
    ],
    ids=repr,
)
def test_an_orderly_end_comes_from_the_server_and_only_once(made: TLSReset | HTTPReset) -> None:
    said = hello(NAME) if isinstance(made, TLSReset) else request(NAME)
    censor = armed(made)
    actions = censor.see(data(said), OUT, 0.0)
    assert actions is not None and not actions.forward
    (end,) = sent(actions.to_client)
    assert end.tcp_flags == FIN | ACK
    assert (end.src, end.seq, end.ack) == (SERVER, 5001, 1001 + len(said))
    assert all(packet.tcp_flags & RST for packet in sent(actions.to_server))


def request(host: str) -> bytes:
    return f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def test_a_request_for_the_host_is_dropped_with_all_that_follows() -> None:
    censor, said = armed(HTTPDrop(names=[NAME])), request(NAME)
    answer = Packet(tcp_packet(SERVER, CLIENT, 80, 40000, flags=PSH | ACK, seq=5001, payload=b"HTTP/1.1 200 OK"))
    assert censor.see(syn(dport=80), OUT, 0.0) is None
    assert censor.see(data(said[:20], dport=80), OUT, 0.1) is None
    assert censor.see(answer, IN, 0.1) is None
    assert censor.see(data(said[20:], dport=80, at=20), OUT, 0.2) is not None
    assert censor.see(answer, IN, 0.3) is not None
    assert censor.see(data(said, dport=80), OUT, 90.0) is not None
    assert censor.see(syn(dport=80), OUT, 91.0) is None  # the same ports again: a new flow
    assert censor.see(answer, IN, 91.1) is None
    for other in (data(request("fine.example"), sport=40001, dport=80), data(said, sport=40002, dport=8080)):
        assert censor.see(other, OUT, 0.0) is None


@pytest.mark.parametrize("kind", [HTTPReset, HTTPDrop, HTTPBlockpage])
def test_hosts_are_meant_at_their_own_addresses_and_lists_let_some_pass(
    kind: type[HTTPReset | HTTPDrop | HTTPBlockpage],
) -> None:
    here = armed(kind.model_validate({"names": ["*"], "spare": ["listed.example"], "at": [NAME]}))
    assert here.see(data(request("nobody.invalid"), dport=80), OUT, 0.0) is not None
    assert here.see(data(request("listed.example"), sport=40001, dport=80), OUT, 0.0) is None
    assert here.see(data(request("nobody.invalid"), dst="151.101.1.1", sport=40002, dport=80), OUT, 0.0) is None


@pytest.mark.parametrize(("headers", "optioned", "bare"), [("bare", False, True), ("optioned", True, False)])
def test_who_reads_headers_of_one_kind_does_not_see_a_hello_behind_the_other(
    headers: str, optioned: bool, bare: bool
) -> None:
    """With timestamps, and without: a segment's header has 32 bytes then, or the 20 that are always there."""
    censor = armed(TLSReset.model_validate({"names": [NAME], "headers": headers}))
    flow = {"flags": PSH | ACK, "seq": 1001, "ack": 5001, "payload": hello(NAME)}
    with_options = Packet(tcp_packet(CLIENT, SERVER, 40001, 443, options=TIMESTAMPS, **flow))  # type: ignore[arg-type]
    assert with_options.tcp_options and not data(hello(NAME)).tcp_options
    assert (censor.see(with_options, OUT, 0.0) is not None) == optioned
    assert (censor.see(data(hello(NAME)), OUT, 0.0) is not None) == bare


@pytest.mark.parametrize(
    ("longest", "shortest", "meant"), [(0, None, True), (-1, None, False), (None, 0, True), (None, 1, False)]
)
def test_hellos_of_other_lengths_pass(longest: int | None, shortest: int | None, meant: bool) -> None:
    """Limits beside the hello's own length, in bytes."""
    size = len(hello(NAME)) - 5
    limits = [0 if more is None else size + more for more in (longest, shortest)]
    censor = armed(TLSReset(names=[NAME], longest_hello=limits[0], shortest_hello=limits[1]))
    assert (censor.see(data(hello(NAME)), OUT, 0.0) is not None) == meant


@pytest.mark.parametrize("greased", [True, False])
def test_hellos_of_other_makes_pass(greased: bool) -> None:
    censor = armed(TLSDrop(names=[NAME], greased=greased))
    assert (censor.see(data(browsers_hello(NAME)), OUT, 0.0) is not None) == greased
    assert (censor.see(data(hello(NAME), sport=40001), OUT, 0.0) is not None) != greased
    assert censor.see(data(browsers_hello("www.example.org"), sport=40002), OUT, 0.0) is None


@pytest.mark.parametrize(
    ("direction", "out", "back"), [("both", True, True), ("out", True, False), ("in", False, True)]
)
def test_drop_of_one_sides_packets(direction: str, out: bool, back: bool) -> None:
    censor = armed(TLSDrop.model_validate({"names": [NAME], "direction": direction}))
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
def test_a_filter_knows_its_protocols(opening: bytes, listed: bool) -> None:
    assert is_listed(opening) == listed
    censor = armed(ProtocolFilter())
    censor.see(syn(), OUT, 0.0)
    assert (censor.see(data(opening), OUT, 0.1) is None) == listed
    assert (censor.see(BACK, IN, 0.2) is None) == listed
    assert censor.see(data(opening, dport=5222, sport=40001), OUT, 0.1) is None


def test_a_flow_of_no_listed_protocol_stays_dead_for_its_time_and_each_packet_prolongs_it() -> None:
    censor = armed(ProtocolFilter(seconds=60))
    assert censor.see(data(b"\x80" * 20), OUT, 0.0) is not None
    assert censor.see(data(b"\x80" * 20, at=20), OUT, 50.0) is not None
    assert censor.see(BACK, IN, 100.0) is not None
    assert censor.see(BACK, IN, 111.0) is None
    assert censor.see(syn(), OUT, 60.0) is None
    reset = armed(ProtocolFilter(action="reset")).see(data(b"\x80" * 20), OUT, 0.0)
    assert reset is not None and not reset.forward
    assert sent(reset.to_client) and sent(reset.to_server)

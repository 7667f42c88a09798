"""QUICDrop: finds the name in real hellos, whole or in pieces, and silences their flows and no others."""

import itertools
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from probe.lab.censors import Ground, QUICDrop
from probe.lab.censors.kit.flows import Residual
from probe.lab.censors.kit.middlebox import DROP
from probe.lab.censors.kit.server_name import look_inside
from probe.lab.net.layout import Direction
from probe.lab.net.packets import ICMP, ICMPV6, Packet, udp_packet
from probe.wire.tls.quic_initial import ClientInitials
from tests.support.lab.hellos import CLIENT, CLIENT_V6, SERVER, SERVER_V6
from tests.support.lab.on_the_wire import Wire
from tests.wire.tls.test_quic_initial import crypto, initial

OUT, IN = Direction.OUT, Direction.IN
NAME, OTHER = "chat.example", "harmless.example"


def first_flight(name: str | None) -> Iterator[bytes]:
    """The datagrams with which a client of aioquic's begins."""
    client = QuicConnection(configuration=QuicConfiguration(server_name=name, alpn_protocols=["h3"]))
    client.connect((SERVER, 443), 0.0)
    for datagram, _ in client.datagrams_to_send(0.0):
        yield datagram


def hello(name: str) -> bytes:
    """The TLS hello inside."""
    reader = ClientInitials()
    for datagram in first_flight(name):
        reader.feed(datagram)
    return reader.hello


def out(payload: bytes, *, sport: int = 40000, dport: int = 443, sixth: bool = False) -> Packet:
    client, server = (CLIENT_V6, SERVER_V6) if sixth else (CLIENT, SERVER)
    return Packet(udp_packet(client, server, sport, dport, payload))


def back(payload: bytes, *, sport: int = 40000) -> Packet:
    return Packet(udp_packet(SERVER, CLIENT, 443, sport, payload))


def armed(**keys: object) -> QUICDrop:
    censor = QUICDrop.model_validate({"names": [NAME], **keys})
    censor.arm(Ground(hop=4, seed=7))
    return censor


@pytest.mark.parametrize("sixth", [False, True])
def test_a_named_flow_is_silent_from_its_hello_on(sixth: bool) -> None:
    censor = armed()
    assert censor.hop == 4
    for datagram in first_flight(NAME):
        assert censor.see(out(datagram, sixth=sixth), OUT, 0.0) == DROP
    assert censor.see(out(b"\x40later", sixth=sixth), OUT, 100.0) == DROP


@pytest.mark.parametrize(("sixth", "protocol", "told"), [(False, ICMP, b"\x03\x03"), (True, ICMPV6, b"\x01\x04")])
def test_a_named_flow_may_be_told_that_nobody_listens(sixth: bool, protocol: int, told: bytes) -> None:
    censor = armed(refuses=True)
    for said in (*first_flight(NAME), b"\x40later"):
        actions = censor.see(out(said, sixth=sixth), OUT, 0.0)
        assert actions is not None and not actions.forward
        ((_, raw),) = actions.to_client
        error = Packet(raw)
        assert (error.protocol, error.raw[error.offset : error.offset + 2]) == (protocol, told)
        assert error.dst == (CLIENT_V6 if sixth else CLIENT)
    assert censor.see(back(b"answer"), IN, 0.1) == (None if sixth else DROP)


def test_a_list_of_names_lets_nothing_else_pass_in_its_family() -> None:
    censor = armed(names=["*"], spare=[OTHER], family=4)
    assert [censor.see(out(datagram), OUT, 0.0) for datagram in first_flight(NAME)] == [DROP]
    assert [censor.see(out(datagram, sport=40001), OUT, 0.0) for datagram in first_flight(OTHER)] == [None]
    assert [censor.see(out(datagram, sixth=True), OUT, 0.0) for datagram in first_flight(NAME)] == [None]


def test_where_only_rising_ports_are_watched_a_flow_from_a_low_port_passes() -> None:
    censor = armed(rising_ports=True)
    for datagram in first_flight(NAME):
        assert censor.see(out(datagram, sport=443), OUT, 0.0) is None
        assert censor.see(out(datagram, sport=300), OUT, 0.0) is None
        assert censor.see(out(datagram, sport=444), OUT, 0.0) == DROP


def test_answers_die_too_unless_the_scenario_says_otherwise() -> None:
    for both, said in ((True, DROP), (False, None)):
        censor = armed(both_ways=both)
        for datagram in first_flight(NAME):
            censor.see(out(datagram), OUT, 0.0)
        assert censor.see(back(b"answer"), IN, 0.1) == said
        assert censor.see(back(b"answer", sport=40001), IN, 0.1) is None


def test_the_first_datagram_may_pass() -> None:
    censor = armed(first_passes=True)
    for datagram in first_flight(NAME):
        assert censor.see(out(datagram), OUT, 0.0) is None
    assert censor.see(out(b"\x40later"), OUT, 0.1) == DROP


def test_others_pass() -> None:
    censor = armed()
    for name in (OTHER, None, f"not{NAME}"):
        for datagram in first_flight(name):
            assert censor.see(out(datagram), OUT, 0.0) is None
    for datagram in first_flight(NAME):
        assert censor.see(out(datagram, sport=40002, dport=8443), OUT, 0.0) is None
    assert censor.see(out(b"\x40later"), OUT, 0.1) is None


def test_a_hello_in_pieces_and_out_of_order() -> None:
    said, name_at = hello(NAME), hello(NAME).index(NAME.encode())
    cuts = [0, 40, name_at + 4, len(said)]
    pieces = [crypto(start, said[start:end]) for start, end in itertools.pairwise(cuts)]
    packets = [initial(piece, number=number) for number, piece in enumerate(pieces)]
    for order in ((2, 1, 0), (0, 2, 1), (1, 0, 2)):
        censor = armed()
        seen = [censor.see(out(packets[number]), OUT, 0.0) for number in order]
        assert seen[-1] == DROP or order == (1, 0, 2)
        assert censor.see(out(packets[0]), OUT, 0.1) == DROP
    one_datagram = armed()
    assert one_datagram.see(out(b"".join(reversed(packets))), OUT, 0.0) == DROP


def test_wildcards() -> None:
    censor = armed(names=["*.example"])
    assert [censor.see(out(datagram), OUT, 0.0) for datagram in first_flight(NAME)] == [DROP]


def test_residual_punishes_new_ports_for_its_time() -> None:
    censor = armed(residual=Residual(seconds=180, on="src,dst,dport"))
    for datagram in first_flight(NAME):
        censor.see(out(datagram), OUT, 0.0)
    harmless = next(first_flight(OTHER))
    assert censor.see(out(harmless, sport=40001), OUT, 179.0) == DROP
    assert censor.see(out(harmless, sport=40001), OUT, 181.0) is None
    other_port = armed(ports=[], residual=Residual(seconds=180, on="src,dst,dport"))
    for datagram in first_flight(NAME):
        other_port.see(out(datagram), OUT, 0.0)
    assert other_port.see(out(harmless, sport=40001, dport=8443), OUT, 1.0) is None


def test_tcp_is_none_of_its_business() -> None:
    from tests.support.lab.hellos import data
    from tests.support.lab.hellos import hello as tls_hello

    assert armed().see(data(tls_hello(NAME)), OUT, 0.0) is None


def test_a_name_is_seen_as_soon_as_it_is_there() -> None:
    said = hello(NAME)
    end = said.index(NAME.encode()) + len(NAME)
    assert look_inside(said[: end - 1]).name is None
    assert look_inside(said[:end]).name == NAME
    assert not look_inside(b"\x02\x00\x00\x00").is_tls


def test_the_wires_count_sees_quic(tmp_path: Path) -> None:
    """Law 7 is counted outside the probe: a flow is one trigger, however often its hello is repeated."""
    flows = [(40000, first_flight(NAME)), (40001, first_flight(NAME)), (40002, first_flight(OTHER))]
    sent = [out(datagram, sport=sport).raw for sport, flight in flows for datagram in flight]
    pcap = tmp_path / "home.pcap"
    pcap.write_bytes(
        bytes(24) + b"".join(struct.pack("=IIII", 0, 0, len(raw), len(raw)) + raw for raw in [*sent, *sent])
    )
    assert Wire(pcap, {CLIENT}).triggers({NAME}) == {(NAME, SERVER, "udp"): 2}

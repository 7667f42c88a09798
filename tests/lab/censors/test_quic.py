"""Test that QUICDrop finds the name in real hellos, whole or in pieces, and drops only their flows."""

import itertools
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from probe.lab.censors.kit.flows import Residual
from probe.lab.censors.kit.middlebox import DROP, Deployment
from probe.lab.censors.quic_censors import QUICDrop
from probe.lab.net.layout import Direction
from probe.lab.net.packets import ICMP, ICMPV6, Packet, udp_packet
from probe.wire.tls.quic_initial import ClientInitials
from probe.wire.tls.server_name import read_handshake
from tests.support.lab.hellos import CLIENT, CLIENT_V6, SERVER, SERVER_V6
from tests.support.lab.on_the_wire import Wire
from tests.wire.tls.test_quic_initial import crypto, initial

OUT, IN = Direction.OUT, Direction.IN
NAME, OTHER = "chat.example", "innocuous.example"


def first_flight(name: str | None) -> Iterator[bytes]:
    """Yield the first datagrams of a client of aioquic."""
    client = QuicConnection(configuration=QuicConfiguration(server_name=name, alpn_protocols=["h3"]))
    client.connect((SERVER, 443), 0.0)
    for datagram, _ in client.datagrams_to_send(0.0):
        yield datagram


def hello(name: str) -> bytes:
    """Return the TLS hello in the first datagrams."""
    reader = ClientInitials()
    for datagram in first_flight(name):
        reader.feed(datagram)
    return reader.hello


def out(payload: bytes, *, sport: int = 40000, dport: int = 443, sixth: bool = False) -> Packet:
    client, server = (CLIENT_V6, SERVER_V6) if sixth else (CLIENT, SERVER)
    return Packet(udp_packet(client, server, sport, dport, payload))


def back(payload: bytes, *, sport: int = 40000) -> Packet:
    return Packet(udp_packet(SERVER, CLIENT, 443, sport, payload))


def deployed(**keys: object) -> QUICDrop:
    censor = QUICDrop.model_validate({"names": [NAME], **keys})
    censor.deploy(Deployment(hop=4, seed=7))
    return censor


@pytest.mark.parametrize("sixth", [False, True])
def test_flow_is_dropped_from_its_hello_on(sixth: bool) -> None:
    censor = deployed()
    assert censor.hop == 4
    for datagram in first_flight(NAME):
        assert censor.see(out(datagram, sixth=sixth), OUT, 0.0) == DROP
    assert censor.see(out(b"\x40later", sixth=sixth), OUT, 100.0) == DROP


@pytest.mark.parametrize(("sixth", "protocol", "icmp"), [(False, ICMP, b"\x03\x03"), (True, ICMPV6, b"\x01\x04")])
def test_flow_gets_icmp_port_unreachable(sixth: bool, protocol: int, icmp: bytes) -> None:
    censor = deployed(refuses=True)
    for datagram in (*first_flight(NAME), b"\x40later"):
        actions = censor.see(out(datagram, sixth=sixth), OUT, 0.0)
        assert actions is not None and not actions.forward
        ((_, raw),) = actions.to_client
        error = Packet(raw)
        assert (error.protocol, error.raw[error.offset : error.offset + 2]) == (protocol, icmp)
        assert error.dst == (CLIENT_V6 if sixth else CLIENT)
    assert censor.see(back(b"answer"), IN, 0.1) == (None if sixth else DROP)


def test_allowlist_applies_to_its_family() -> None:
    censor = deployed(names=["*"], spare=[OTHER], family=4)
    assert [censor.see(out(datagram), OUT, 0.0) for datagram in first_flight(NAME)] == [DROP]
    assert [censor.see(out(datagram, sport=40001), OUT, 0.0) for datagram in first_flight(OTHER)] == [None]
    assert [censor.see(out(datagram, sixth=True), OUT, 0.0) for datagram in first_flight(NAME)] == [None]


def test_flow_from_a_lower_source_port_passes() -> None:
    censor = deployed(rising_ports=True)
    for datagram in first_flight(NAME):
        assert censor.see(out(datagram, sport=443), OUT, 0.0) is None
        assert censor.see(out(datagram, sport=300), OUT, 0.0) is None
        assert censor.see(out(datagram, sport=444), OUT, 0.0) == DROP


def test_answers_are_dropped_with_both_ways() -> None:
    for both, expected in ((True, DROP), (False, None)):
        censor = deployed(both_ways=both)
        for datagram in first_flight(NAME):
            censor.see(out(datagram), OUT, 0.0)
        assert censor.see(back(b"answer"), IN, 0.1) == expected
        assert censor.see(back(b"answer", sport=40001), IN, 0.1) is None


def test_first_datagram_may_pass() -> None:
    censor = deployed(first_passes=True)
    for datagram in first_flight(NAME):
        assert censor.see(out(datagram), OUT, 0.0) is None
    assert censor.see(out(b"\x40later"), OUT, 0.1) == DROP


def test_other_names_and_ports_pass() -> None:
    censor = deployed()
    for name in (OTHER, None, f"not{NAME}"):
        for datagram in first_flight(name):
            assert censor.see(out(datagram), OUT, 0.0) is None
    for datagram in first_flight(NAME):
        assert censor.see(out(datagram, sport=40002, dport=8443), OUT, 0.0) is None
    assert censor.see(out(b"\x40later"), OUT, 0.1) is None


def test_name_is_found_in_pieces_out_of_order() -> None:
    message, name_at = hello(NAME), hello(NAME).index(NAME.encode())
    cuts = [0, 40, name_at + 4, len(message)]
    pieces = [crypto(start, message[start:end]) for start, end in itertools.pairwise(cuts)]
    packets = [initial(piece, number=number) for number, piece in enumerate(pieces)]
    for order in ((2, 1, 0), (0, 2, 1), (1, 0, 2)):
        censor = deployed()
        seen = [censor.see(out(packets[number]), OUT, 0.0) for number in order]
        assert seen[-1] == DROP or order == (1, 0, 2)
        assert censor.see(out(packets[0]), OUT, 0.1) == DROP
    one_datagram = deployed()
    assert one_datagram.see(out(b"".join(reversed(packets))), OUT, 0.0) == DROP


def test_wildcard_matches() -> None:
    censor = deployed(names=["*.example"])
    assert [censor.see(out(datagram), OUT, 0.0) for datagram in first_flight(NAME)] == [DROP]


def test_residual_block_covers_new_source_ports_until_its_end() -> None:
    censor = deployed(residual=Residual(seconds=180, on="src,dst,dport"))
    for datagram in first_flight(NAME):
        censor.see(out(datagram), OUT, 0.0)
    innocuous = next(first_flight(OTHER))
    assert censor.see(out(innocuous, sport=40001), OUT, 179.0) == DROP
    assert censor.see(out(innocuous, sport=40001), OUT, 181.0) is None
    other_port = deployed(ports=[], residual=Residual(seconds=180, on="src,dst,dport"))
    for datagram in first_flight(NAME):
        other_port.see(out(datagram), OUT, 0.0)
    assert other_port.see(out(innocuous, sport=40001, dport=8443), OUT, 1.0) is None


def test_tcp_passes() -> None:
    from tests.support.lab.hellos import data
    from tests.support.lab.hellos import hello as tls_hello

    assert deployed().see(data(tls_hello(NAME)), OUT, 0.0) is None


def test_name_is_found_once_it_is_complete() -> None:
    message = hello(NAME)
    end = message.index(NAME.encode()) + len(NAME)
    assert read_handshake(message[: end - 1]).name is None
    assert read_handshake(message[:end]).name == NAME
    assert not read_handshake(b"\x02\x00\x00\x00").is_tls


def test_wire_counts_quic_flows_as_triggers(tmp_path: Path) -> None:
    """Test that a flow is one trigger, even if its hello is retransmitted (P7)."""
    flows = [(40000, first_flight(NAME)), (40001, first_flight(NAME)), (40002, first_flight(OTHER))]
    sent = [out(datagram, sport=sport).raw for sport, flight in flows for datagram in flight]
    pcap = tmp_path / "home.pcap"
    pcap.write_bytes(
        bytes(24) + b"".join(struct.pack("=IIII", 0, 0, len(raw), len(raw)) + raw for raw in [*sent, *sent])
    )
    assert Wire(pcap, {CLIENT}).triggers({NAME}) == {(NAME, SERVER, "udp"): 2}

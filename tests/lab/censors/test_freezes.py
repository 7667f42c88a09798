"""Test that the freezing devices count what they say, drop both directions, and leave other flows alone."""

import pytest

from probe.lab.censors.freezes import (
    CutoffAfterSeconds,
    FlowFreeze,
    FreezeAfterBytes,
    FreezeAfterPackets,
    IdleTimeout,
)
from probe.lab.censors.kit.middlebox import DROP, Deployment
from probe.lab.net.layout import Direction
from probe.lab.net.packets import ACK, FIN, PSH, RST, SYN, Packet, tcp_packet, udp_packet
from tests.support.lab.hellos import CLIENT, SERVER, hello
from tests.wire.tls.test_quic_initial import crypto, initial

NAME, OTHER = "web.telegram.org", "www.example.org"
OUT, IN = Direction.OUT, Direction.IN


def deployed(censor: FlowFreeze | IdleTimeout, seed: int = 0) -> FlowFreeze | IdleTimeout:
    censor.deploy(Deployment(zone={NAME: [SERVER]}, seed=seed))
    return censor


def from_client(payload: bytes = b"", *, port: int = 40000, seq: int = 1, flags: int = ACK) -> Packet:
    flags |= PSH if payload else 0
    return Packet(tcp_packet(CLIENT, SERVER, port, 443, seq=seq, ack=1, flags=flags, payload=payload, ttl=60))


def from_server(payload: bytes = b"", *, port: int = 40000) -> Packet:
    return Packet(tcp_packet(SERVER, CLIENT, 443, port, seq=1, ack=1, flags=ACK, payload=payload, ttl=60))


def passes(censor: FlowFreeze | IdleTimeout, packet: Packet, direction: Direction, now: float = 0.0) -> bool:
    return censor.see(packet, direction, now) is not DROP


def begun(censor: FlowFreeze | IdleTimeout, name: str = NAME, port: int = 40000) -> None:
    """Send a SYN and a hello, which are two packets, and require that both pass."""
    assert passes(censor, from_client(seq=0, port=port, flags=SYN), OUT)
    assert passes(censor, from_client(hello(name), port=port), OUT)


def test_packets_of_both_directions_are_counted_and_dropped() -> None:
    censor = deployed(FreezeAfterPackets(after=4))
    begun(censor)
    assert passes(censor, from_server(b"x" * 1400), IN)
    assert passes(censor, from_client(), OUT)
    assert not passes(censor, from_server(b"x"), IN)
    assert not passes(censor, from_client(b"x", seq=2000), OUT)
    begun(censor, port=40001)  # another flow has a count of its own


@pytest.mark.parametrize("dropped", ["out", "in"])
def test_one_direction_alone_can_be_dropped(dropped: str) -> None:
    censor = deployed(FreezeAfterPackets(after=2, direction=dropped))
    begun(censor)
    assert passes(censor, from_server(b"x"), IN) == (dropped == "out")
    assert passes(censor, from_client(b"x", seq=2000), OUT) == (dropped == "in")


def test_limit_between_two_bounds_is_drawn_by_the_seed() -> None:
    limits = set()
    for seed in range(20):
        censor = deployed(FreezeAfterPackets(after=4, most=12), seed=seed)
        limits.add(next(sent for sent in range(20) if not passes(censor, from_client(b"x", seq=sent), OUT)))
    assert len(limits) > 3 and limits <= set(range(4, 13))


def test_bytes_of_both_directions_are_counted() -> None:
    censor = deployed(FreezeAfterBytes(after=len(hello(NAME)) + 1000))
    begun(censor)
    assert passes(censor, from_server(b"x" * 1000), IN)
    assert passes(censor, from_client(), OUT)
    assert not passes(censor, from_server(b"x"), IN)
    assert not passes(censor, from_server(), IN)


@pytest.mark.parametrize("counted", ["out", "in"])
def test_one_direction_alone_can_be_counted(counted: str) -> None:
    censor = deployed(FreezeAfterPackets(after=3, counted=counted))  # type: ignore[arg-type]
    begun(censor)
    passed = [passes(censor, from_server(b"x"), IN) for _ in range(4)]
    assert passed == ([True] * 4 if counted == "out" else [True] * 3 + [False])
    passed = [passes(censor, from_client(b"x", seq=2000), OUT) for _ in range(2)]
    assert passed == ([True, False] if counted == "out" else [False, False])


@pytest.mark.parametrize(
    ("censor", "name", "frozen"),
    [
        (FreezeAfterPackets(after=2, hello_names=[NAME]), NAME, True),
        (FreezeAfterPackets(after=2, hello_names=[NAME]), OTHER, False),
        (FreezeAfterPackets(after=2, hello_spare=[OTHER]), NAME, True),
        (FreezeAfterPackets(after=2, hello_spare=[OTHER]), OTHER, False),
        (FreezeAfterPackets(after=2, names=[NAME]), OTHER, True),
        (FreezeAfterPackets(after=2, addresses=["198.51.100.0/24"]), NAME, False),
        (FreezeAfterPackets(after=2, protocols=["udp"]), NAME, False),
        (FreezeAfterPackets(after=2, spare_flows=[1]), NAME, False),
        (FreezeAfterPackets(after=2, least_payload=1000), NAME, False),
    ],
)
def test_only_chosen_flows_are_frozen(censor: FreezeAfterPackets, name: str, frozen: bool) -> None:
    deployed(censor)
    begun(censor, name)
    assert passes(censor, from_server(b"x" * 900), IN) is not frozen


def test_small_packets_pass_where_they_are_spared() -> None:
    censor = deployed(FreezeAfterPackets(after=2, spares_below=1000))
    begun(censor)
    assert not passes(censor, from_server(b"x" * 1400), IN)
    assert passes(censor, from_server(b"x" * 524), IN)
    assert passes(censor, from_client(), OUT)


def test_share_of_flows_is_about_as_large_as_asked_for() -> None:
    censor = deployed(FreezeAfterPackets(after=2, share=0.4))
    frozen = 0
    for port in range(40000, 40200):
        begun(censor, port=port)
        frozen += not passes(censor, from_server(b"x", port=port), IN)
    assert 60 <= frozen <= 100


def test_limit_of_all_flows_together() -> None:
    censor = deployed(FreezeAfterPackets(after=3, together=True))
    begun(censor)
    assert passes(censor, from_server(b"x"), IN)
    assert passes(censor, from_client(seq=0, port=40001, flags=SYN), OUT)
    assert not passes(censor, from_client(hello(NAME), port=40001), OUT)


def test_datagrams_are_counted_too() -> None:
    censor = deployed(FreezeAfterPackets(after=2, protocols=["udp"]))
    sent = Packet(udp_packet(CLIENT, SERVER, 40000, 443, b"x", ttl=60))
    back = Packet(udp_packet(SERVER, CLIENT, 443, 40000, b"x", ttl=60))
    assert [passes(censor, sent, OUT), passes(censor, back, IN), passes(censor, back, IN)] == [True, True, False]


@pytest.mark.parametrize(
    ("keys", "frozen"),
    [
        ({}, True),
        ({"hello_names": [NAME]}, True),
        ({"hello_names": [OTHER]}, False),
        ({"hello_spare": [OTHER]}, True),
        ({"hello_spare": [NAME]}, False),
    ],
)
def test_quic_flow_is_chosen_by_the_name_in_its_hello(keys: dict[str, list[str]], frozen: bool) -> None:
    censor = deployed(FreezeAfterPackets(after=3, protocols=["udp"], **keys))  # type: ignore[arg-type]
    whole = hello(NAME)[5:]  # without the header of TLS's record
    datagrams = [initial(crypto(0, whole[:40])), initial(crypto(40, whole[40:]), number=1)]
    out = [Packet(udp_packet(CLIENT, SERVER, 40000, 443, datagram, ttl=60)) for datagram in datagrams]
    back = Packet(udp_packet(SERVER, CLIENT, 443, 40000, b"x" * 1200, ttl=60))
    assert [passes(censor, each, OUT) for each in out] == [True, True]
    assert passes(censor, back, IN)
    assert [passes(censor, back, IN), passes(censor, out[0], OUT)] == [not frozen] * 2


def test_clients_datagram_begins_a_forgotten_flow_again() -> None:
    censor = deployed(IdleTimeout(seconds=2.0, protocols=["udp"]))
    sent = Packet(udp_packet(CLIENT, SERVER, 40000, 443, b"x", ttl=60))
    back = Packet(udp_packet(SERVER, CLIENT, 443, 40000, b"x", ttl=60))
    assert passes(censor, sent, OUT) and passes(censor, back, IN, 1.9)
    assert not passes(censor, back, IN, 4.0)
    assert passes(censor, sent, OUT, 4.1) and passes(censor, back, IN, 4.2)
    assert passes(censor, from_client(b"x"), OUT) and passes(censor, from_server(b"x"), IN, 9.0)  # TCP is left alone


def test_idle_flow_is_forgotten() -> None:
    censor = deployed(IdleTimeout(seconds=2.0))
    begun(censor)
    assert passes(censor, from_server(b"x"), IN, 1.9)
    assert passes(censor, from_server(b"x"), IN, 3.8)
    assert not passes(censor, from_server(b"x"), IN, 5.9)
    assert not passes(censor, from_client(b"x", seq=2000), OUT, 6.0)
    assert passes(censor, from_client(seq=0, flags=SYN), OUT, 7.0)


def test_flow_of_a_name_is_dropped_after_a_time_whatever_it_carried() -> None:
    censor = deployed(CutoffAfterSeconds(seconds=5.0, hello_names=[NAME]))
    begun(censor)
    begun(censor, OTHER, port=40001)
    for second in range(1, 5):
        assert passes(censor, from_client(b"x", seq=2000), OUT, float(second))
        assert passes(censor, from_server(b"x" * 1400), IN, float(second))
    assert not passes(censor, from_server(b"x"), IN, 5.1)
    assert not passes(censor, from_client(b"x", seq=2001), OUT, 5.2)
    assert passes(censor, from_server(b"x", port=40001), IN, 5.2)
    assert passes(censor, from_client(seq=0, flags=SYN), OUT, 6.0)  # a SYN begins another flow


@pytest.mark.parametrize(("end", "flag"), [("reset", RST), ("fin", FIN)])
def test_client_of_an_ended_flow_gets_a_reset_or_a_fin(end: str, flag: int) -> None:
    censor = deployed(CutoffAfterSeconds(seconds=5.0, end=end))  # type: ignore[arg-type]
    begun(censor)
    assert not passes(censor, from_server(b"x"), IN, 5.1)
    found = censor.see(from_client(b"xyz", seq=2000), OUT, 5.2)
    assert found is not None and not found.forward and not found.to_server
    ((_, sent),) = found.to_client
    forged = Packet(sent)
    assert (forged.tcp_flags, forged.seq, forged.dst, forged.dport) == (ACK | flag, 1, CLIENT, 40000)

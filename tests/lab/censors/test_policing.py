"""Test that the policing device counts the open flows of each network, and forgets them after the cool-down."""

import pytest

from probe.lab.censors.kit.middlebox import DROP, Deployment
from probe.lab.censors.tls_censors import TLSPolicing
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import ACK, FIN, PSH, SYN, Packet, tcp_packet
from tests.support.lab.hellos import CLIENT, SERVER, hello

NAME, OTHER = "web.telegram.org", "www.example.org"
NEIGHBOUR = SERVER.rpartition(".")[0] + ".77"
STRANGER = "198.51.100.9"
OUT, IN = Direction.OUT, Direction.IN


def deployed(**keys: object) -> TLSPolicing:
    censor = TLSPolicing.model_validate({"names": ["*"], "most": 2, "seconds": 60.0} | keys)
    censor.deploy(Deployment())
    return censor


def sent(
    censor: TLSPolicing, port: int, *, to: str = SERVER, name: str = NAME, now: float = 0.0, flags: int = 0
) -> Actions | None:
    """Send a SYN and a hello, or one packet with the flags. Return what is done with the last one."""
    if flags:
        return censor.see(Packet(tcp_packet(CLIENT, to, port, 443, seq=9, ack=1, flags=flags, ttl=60)), OUT, now)
    begin = Packet(tcp_packet(CLIENT, to, port, 443, seq=0, ack=0, flags=SYN, ttl=60))
    assert censor.see(begin, OUT, now) is None, "no SYN is dropped"
    data = tcp_packet(CLIENT, to, port, 443, seq=1, ack=1, flags=ACK | PSH, payload=hello(name), ttl=60)
    return censor.see(Packet(data), OUT, now)


def answer(port: int, to: str = SERVER) -> Packet:
    return Packet(tcp_packet(to, CLIENT, 443, port, seq=1, ack=1, flags=ACK, payload=b"x", ttl=60))


def test_third_flow_to_one_network_is_dropped_in_both_directions() -> None:
    censor = deployed()
    assert sent(censor, 1) is sent(censor, 2, to=NEIGHBOUR) is None
    assert sent(censor, 3, to=NEIGHBOUR) is DROP
    assert censor.see(answer(3, NEIGHBOUR), IN, 0.0) is DROP
    assert censor.see(answer(1), IN, 0.0) is None, "flows that passed go on"
    assert sent(censor, 4, to=STRANGER) is None, "another network has a count of its own"


def test_single_hellos_are_dropped_until_the_cool_down_is_over() -> None:
    censor = deployed()
    for port in (1, 2, 3):
        sent(censor, port)
        sent(censor, port, flags=FIN | ACK)
    assert sent(censor, 4) is None, "closed flows do not count"
    assert sent(censor, 5) is None
    assert sent(censor, 6) is DROP
    for port in (4, 5, 6):
        sent(censor, port, flags=FIN | ACK, now=1.0)
    assert sent(censor, 7, now=59.0) is DROP
    sent(censor, 7, flags=FIN | ACK, now=59.0)
    assert sent(censor, 8, now=61.0) is None


@pytest.mark.parametrize(("name", "censored"), [(NAME, True), (OTHER, False)])
def test_only_flows_with_its_names_count(name: str, censored: bool) -> None:
    censor = deployed(names=[NAME])
    results = [sent(censor, port, name=name) for port in (1, 2, 3)]
    assert (results[-1] is DROP) == censored


def test_flows_are_reset_if_it_says_so() -> None:
    censor = deployed(most=0, action="reset")
    actions = sent(censor, 1)
    assert actions is not None
    assert actions is not DROP
    assert actions.to_client

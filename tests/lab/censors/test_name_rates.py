"""Test that TLSRate and HTTPRate limit what servers send on connections with their names, and nothing else."""

import pytest

from probe.lab.censors.address_censors import IPRate
from probe.lab.censors.kit.middlebox import Deployment
from probe.lab.censors.name_rates import HTTPRate, TLSRate
from probe.lab.net.packets import ACK, Packet, tcp_packet
from tests.lab.censors.test_censors import IN, OUT, deployed
from tests.support.lab.hellos import CLIENT, SERVER, data, hello, syn

NAMED, OTHER = hello("www.blocked.example"), hello("www.other.example")
Limiting = TLSRate | HTTPRate | IPRate
SIZE = 1400  # bytes of an IP packet from the server


def limiting(**keys: object) -> TLSRate:
    return deployed(TLSRate.model_validate({"names": ["*.blocked.example"], "rate_kbit": 64.0, **keys}))


def begin(censor: Limiting, first: bytes, sport: int = 40000) -> None:
    for packet in (syn(sport=sport), data(first, sport=sport)):
        assert censor.see(packet, OUT, 0.0) is None


def waits(censor: Limiting, count: int, every: float = 0.02, sport: int = 40000) -> list[float | None]:
    """Return the delay of each packet of a server, None for dropped ones."""
    packet = Packet(tcp_packet(SERVER, CLIENT, 443, sport, flags=ACK, seq=5001, ack=1001, payload=bytes(SIZE - 40)))
    found: list[float | None] = []
    for number in range(count):
        actions = censor.see(packet, IN, number * every)
        if actions is None:
            found.append(0.0)
            continue
        assert not actions.forward and not actions.to_server
        found += [seconds for seconds, _ in actions.to_client] or [None]
    return found


@pytest.mark.parametrize("kbit", [64.0, 128.0])
def test_policer_passes_its_rate_and_drops_the_rest(kbit: float) -> None:
    begin(censor := limiting(rate_kbit=kbit), NAMED)
    passed = [wait for wait in waits(censor, 5000) if wait is not None]
    assert set(passed) == {0.0} and len(passed) * SIZE * 8 / 100 == pytest.approx(kbit * 1000, rel=0.03)


def test_shaper_delays_up_to_its_queue() -> None:
    begin(censor := limiting(queue_ms=2000.0), NAMED)
    found = waits(censor, 500)
    delays = [wait for wait in found if wait is not None]
    assert delays[0] == 0.0 and 1.7 < max(delays) <= 2.0 and None in found
    assert len(delays) * SIZE * 8 / 10 == pytest.approx(64_000, rel=0.35)  # with the burst and the queue


def test_other_names_and_ports_are_not_limited() -> None:
    begin(censor := limiting(), OTHER)
    assert waits(censor, 200) == [0.0] * 200
    censor.see(syn(dport=8443), OUT, 0.0)
    assert censor.see(data(NAMED, dport=8443), OUT, 0.0) is None
    assert waits(censor, 200) == [0.0] * 200


def test_new_connection_from_the_same_port_is_free_until_its_hello() -> None:
    begin(censor := limiting(), NAMED)
    assert None in waits(censor, 50)
    begin(censor, OTHER)
    assert waits(censor, 50) == [0.0] * 50


@pytest.mark.parametrize(("per", "passed"), [("flow", 2), ("censor", 1)])
def test_bucket_is_of_each_flow_or_of_all(per: str, passed: int) -> None:
    censor = limiting(per=per, burst_bytes=SIZE, rate_kbit=0.01)
    for sport in (40000, 40001):
        begin(censor, NAMED, sport)
    found = [waits(censor, 3, sport=sport) for sport in (40000, 40001)]
    assert sum(wait is not None for each in found for wait in each) == passed


@pytest.mark.parametrize(("host", "limited"), [("www.blocked.example", True), ("www.other.example:443", False)])
def test_host_header_decides_over_http(host: str, limited: bool) -> None:
    keys = {"names": ["*.blocked.example"], "rate_kbit": 64.0, "ports": [443]}
    censor = deployed(HTTPRate.model_validate(keys))
    begin(censor, f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert (None in waits(censor, 200)) is limited
    begin(censor, NAMED)  # a new connection from the same port, with a name in TLS
    assert waits(censor, 200) == [0.0] * 200


def limiting_address(address: str, per: str) -> IPRate:
    keys = IPRate.model_validate(
        {"addresses": [address], "per": per, "rate_kbit": 0.01, "burst_bytes": 2 * SIZE, "queue_ms": 0.0}
    )
    return deployed(keys)


@pytest.mark.parametrize(("per", "passed"), [("flow", 4), ("censor", 2)])
def test_address_is_limited_whatever_the_name_is(per: str, passed: int) -> None:
    censor = limiting_address(SERVER, per)
    found = list[float | None]()
    for sport, first in ((40000, NAMED), (40001, OTHER)):
        begin(censor, first, sport)
        found += waits(censor, 3, sport=sport)
    assert sum(wait is not None for wait in found) == passed
    other = limiting_address("192.0.2.1", per)
    begin(other, NAMED)
    assert waits(other, 50) == [0.0] * 50


def test_rate_and_queue_can_be_drawn_by_seed() -> None:
    """Check that a share of seeds drops, the others queue, and that all rates are between the two ends."""
    passed, dropping = set(), 0
    for seed in range(20):
        censor = limiting(rate_kbit=40.0, most_kbit=180.0, queue_ms=400.0, queue_drawn=True, burst_bytes=SIZE)
        censor.deploy(Deployment(seed=seed))
        begin(censor, NAMED)
        found = waits(censor, 50, every=0.1)
        came = sum(one is not None for one in found)
        assert 40 * 125 * 5 / SIZE - 2 <= came <= 50
        passed.add(came)
        dropping += all(one in {None, 0.0} for one in found)
    assert len(passed) > 3 and 0 < dropping < 20

"""Test that PayloadRate limits and PayloadDelay delays their protocols, and that other datagrams pass at once."""

from itertools import pairwise

import pytest

from probe.lab.censors.kit.middlebox import Deployment
from probe.lab.censors.payload_rates import APART, PayloadDelay, PayloadRate
from probe.lab.net.fabric import FabricConfig
from probe.lab.net.layout import Direction, PathConfig
from probe.lab.net.packets import Packet, udp_packet
from tests.support.lab.hellos import CLIENT, CLIENT_V6, SERVER, SERVER_V6
from tests.support.lab.virtual import SERVER as HOST
from tests.support.lab.virtual import VirtualLab

OUT, IN = Direction.OUT, Direction.IN
RTP, RANDOM = bytes.fromhex("806f0001") + bytes(156), bytes(160)
IP_BYTES = 188  # of a packet with 160 bytes of payload over IPv4
EVERY = 0.02


def rate(**keys: object) -> PayloadRate:
    censor = PayloadRate.model_validate({"protocols": ["rtp"], **keys})
    censor.deploy(Deployment(hop=4))
    return censor


def delay(**keys: object) -> PayloadDelay:
    censor = PayloadDelay.model_validate({"protocols": ["rtp"], **keys})
    censor.deploy(Deployment(hop=4))
    return censor


def out(payload: bytes, dst: str = SERVER) -> Packet:
    return Packet(udp_packet(CLIENT_V6 if ":" in dst else CLIENT, dst, 40000, 50000, payload, ttl=60))


def waits(censor: PayloadRate | PayloadDelay, count: int, packet: Packet | None = None) -> list[float | None]:
    """Return the delay of each packet of a flow of 50 packets per second, None for dropped ones."""
    found: list[float | None] = []
    for number in range(count):
        actions = censor.see(packet or out(RTP), OUT, number * EVERY)
        if actions is None:
            found.append(0.0)
            continue
        assert not actions.forward and not actions.to_client
        found += [seconds for seconds, _ in actions.to_server] or [None]
    return found


@pytest.mark.parametrize("kbit", [16.0, 32.0, 64.0])
def test_policer_passes_its_rate_and_drops_the_rest(kbit: float) -> None:
    passed = [wait for wait in waits(rate(rate_kbit=kbit), 5000) if wait is not None]
    assert set(passed) == {0.0}
    assert len(passed) * IP_BYTES * 8 / (5000 * EVERY) == pytest.approx(kbit * 1000, rel=0.02)


def test_burst_passes_at_once() -> None:
    found = waits(rate(rate_kbit=1.0, burst_bytes=10 * IP_BYTES), 100)
    assert found[:10] == [0.0] * 10 and found[12:20] == [None] * 8


def test_shaper_delays_up_to_its_queue() -> None:
    found = waits(rate(rate_kbit=64.0, queue_ms=500.0), 2000)
    delays = [wait for wait in found if wait is not None]
    assert None not in found[:200] and None in found and 0.45 < max(delays) <= 0.5
    assert delays[:100] == sorted(delays[:100])


def test_rate_above_that_of_the_flow_changes_nothing() -> None:
    assert waits(rate(rate_kbit=80.0), 500) == [0.0] * 500
    assert waits(rate(rate_kbit=1.0), 500, out(RANDOM)) == [0.0] * 500


def test_each_direction_has_a_rate_of_its_own() -> None:
    censor = rate(rate_kbit=1.0, burst_bytes=IP_BYTES)
    answer = Packet(udp_packet(SERVER, CLIENT, 50000, 40000, RTP))
    assert waits(censor, 2) == [0.0, None]
    assert censor.see(answer, IN, 0.0) is None and censor.see(answer, IN, 0.0) is not None


def test_delays_differ_and_packets_keep_their_order() -> None:
    found = [wait for wait in waits(delay(least_ms=10.0, most_ms=90.0), 1000) if wait is not None]
    assert len(found) == 1000 and 0.01 <= min(found) < 0.03 and 0.08 < max(found) < 0.092
    leaves = [number * EVERY + wait for number, wait in enumerate(found)]
    assert all(later - leave > 0.99 * APART for leave, later in pairwise(leaves))
    assert waits(delay(most_ms=90.0), 10, out(RANDOM)) == [0.0] * 10


@pytest.mark.parametrize("server", [SERVER, SERVER_V6])
def test_delayed_packet_loses_one_hop_as_any_other(server: str) -> None:
    actions = delay(least_ms=50.0, most_ms=50.0).see(out(RTP, server), OUT, 0.0)
    assert actions is not None
    ((seconds, raw),) = actions.to_server
    assert seconds == pytest.approx(0.05)
    assert (Packet(raw).ttl, Packet(raw).payload) == (59, RTP)


def test_delayed_packet_arrives_later_with_the_usual_ttl() -> None:
    """Test a packet that a censor delays beside one that it does not know, on the way through the whole fabric."""
    arrived = {}
    for payload in (RTP, RANDOM):
        lab = VirtualLab(FabricConfig(servers=[HOST], path=PathConfig(), censors=[delay(least_ms=50.0, most_ms=50.0)]))
        lab.send("home", udp_packet(lab.config.home_address, HOST, 40000, 50000, payload))
        ((at, packet),) = lab.wires["outside"].got
        arrived[payload] = at, packet.ttl
    assert arrived[RTP][0] - arrived[RANDOM][0] == pytest.approx(0.05, abs=1e-6)
    assert arrived[RTP][1] == arrived[RANDOM][1]

"""Test searches for interference that shows late, and searches on lines with a long round trip."""

from pathlib import Path
from typing import Any

import pytest

from probe.followups.flow import FlowRunner
from probe.followups.hops import hop_search
from probe.followups.hops.attempt_cases import reaction_of
from probe.followups.hops.hop_search import FLOWS_STANDARD, HopSearch
from probe.followups.hops.limited_payloads import LONGEST_REACTION
from probe.formats import failures as f
from probe.formats.exchanges.hops import Distance, LimitedPayload
from probe.formats.exchanges.tls import TLSHandshake
from probe.session.pacing import Pace
from probe.session.trace import Trace, TransactionFacts
from probe.signatures.ttl_distance import LEAST_SENT
from probe.steps.path.limited_ttl import SENT_TWICE, listening_time
from tests.followups.hops.test_hop_search import IP, NAME, failed_attempts
from tests.support.simulated_path import SimulatedPath
from tests.support.world import World

LONG, DEVICE, ROUTERS = 0.45, 11, 14


class LossyPath(SimulatedPath):
    """Represent a device that resets from `DEVICE` on. The packets of `lost` (flow and TTL) do not arrive.

    Routers' reports are hidden, as they are over IPv4 while resets with a copied TTL are ignored.
    """

    def __init__(self, *lost: tuple[int, int]) -> None:
        super().__init__(ROUTERS)
        self.lost, self.flows = lost, list[list[int]]()
        self.how: list[dict[str, Any]] = []

    async def limited_payload_tcp(
        self, tx: Any, conn: Any, payload: bytes, kind: Any, ttls: list[int], **how: Any
    ) -> LimitedPayload:
        self.flows.append(ttls)
        self.how.append(how)
        entry = LimitedPayload(address=conn.address, transport="tcp", payload=kind)
        async with tx.step(entry, 5.0):
            for ttl in ttls:
                arrived = how["most"] > 1 or (len(self.flows), ttl) not in self.lost
                acted = arrived and ttl >= DEVICE
                entry.distances.append(Distance(ttl=ttl, sent=how["most"], outcome="reset" if acted else "silent"))
                if acted:
                    break
        return entry


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def searched(world: World, path: LossyPath, monkeypatch: pytest.MonkeyPatch, round_trip: float = LONG) -> int:
    """Return the hop that was found, 0 without any."""
    world.session.pace.saw_round_trip(round_trip)
    path.install(monkeypatch, "limited_payload_tcp")
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    await failed_attempts(trace, where)
    await where.find({NAME})
    assert trace.bugs == []
    return world.session.located["tls"].high if "tls" in world.session.located else 0


async def test_on_a_long_line_each_distance_gets_one_packet_and_both_ends_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = LossyPath()
    assert await searched(world, path, monkeypatch) == DEVICE
    assert {how["most"] for how in path.how} == {1} and path.flows[-1] == [DEVICE - 1, DEVICE]
    assert world.session.pace.triggers == FLOWS_STANDARD + 1


async def test_on_a_short_line_each_distance_gets_two_packets(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = LossyPath()
    assert await searched(world, path, monkeypatch, 0.03) == DEVICE
    assert {how["most"] for how in path.how} == {SENT_TWICE} and len(path.flows) == FLOWS_STANDARD


@pytest.mark.parametrize("lost", [(2, 12), (3, 11), (1, 10)])
async def test_lost_packet_names_no_wrong_hop(
    world: World, monkeypatch: pytest.MonkeyPatch, lost: tuple[int, int]
) -> None:
    assert await searched(world, LossyPath(lost), monkeypatch) in {0, DEVICE}


async def test_no_hop_is_kept_without_a_trigger_for_the_second_packet(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: Any) -> None:
        return None

    monkeypatch.setattr(hop_search.HopSearch, "_meet_again", nothing)
    assert await searched(world, LossyPath(), monkeypatch) == 0


async def attempt(trace: Trace, seconds: float) -> Any:
    async with trace.transaction(TransactionFacts("first", address=IP, port=443)) as tx:
        entry = TLSHandshake(address=f"{IP}:443", server_name=NAME)
        async with tx.step(entry, 5.0):
            pass
        entry.t = entry.t0 + seconds
    tx.record.failed_operation, tx.record.failure = "tls_handshake", f.RESET
    return tx.record


async def test_wait_after_a_packet_is_longer_than_the_interference_took(world: World) -> None:
    trace = Trace()
    took = reaction_of(trace, await attempt(trace, 0.9), await attempt(trace, 0.7))
    assert took == pytest.approx(0.7) and listening_time(Pace(), took) > 0.7 + 0.3
    assert reaction_of(trace, await attempt(trace, 9.0)) == LONGEST_REACTION


async def test_cases_take_the_time_of_both_flows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = LossyPath()
    monkeypatch.setattr(hop_search, "SLOWEST", 0.0)
    monkeypatch.setattr("probe.followups.hops.hop_cases.reaction_of", lambda trace, *records: 0.35 * len(records))
    await searched(world, path, monkeypatch)
    assert {how["slowest"] for how in path.how} == {0.7}


def test_two_packets_are_the_least() -> None:
    assert LEAST_SENT == SENT_TWICE

"""Test that silence is confirmed before a hop is named, on simulated paths whose routers answer at random."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.followups.flow import FlowRunner
from probe.followups.hops import hop_search
from probe.followups.hops.hop_search import CONFIRMING, FLOWS_STANDARD, HopSearch
from probe.formats import failures as f
from probe.formats.exchanges.hops import Distance, LimitedPayload
from probe.session.pacing import TRIGGERS_STANDARD, Pace
from probe.session.trace import Trace
from probe.signatures.ttl_distance import Interval
from probe.steps.path.limited_ttl import SENT_TWICE
from tests.followups.hops.test_hop_search import IP, NAME, PORT, failed_attempts
from tests.support.simulated_path import SimulatedPath
from tests.support.world import World

SEARCHES = 200


class DroppingPath(SimulatedPath):
    """Represent routers that report expired packets, and a device at `device` that drops the hello."""

    def __init__(self, device: int, routers: int, answers: Callable[[int], bool]) -> None:
        super().__init__(routers)
        self.device, self.answers = device, answers
        self.sent: list[tuple[list[int], int]] = []  # TTLs and packets of each flow with the hello
        self.beside: list[int] = []  # TTLs of other packets
        self.entries: list[LimitedPayload] = []

    def reports(self, ttl: int) -> bool:
        return self.answers(ttl)

    async def limited_payload_tcp(
        self, tx: Any, conn: Any, payload: bytes, kind: Any, ttls: list[int], *, most: int, **how: Any
    ) -> LimitedPayload:
        self.sent.append((ttls, most))
        entry = LimitedPayload(address=conn.address, transport="tcp", payload=kind)
        self.entries.append(entry)
        async with tx.step(entry, 5.0):
            for ttl in ttls:
                expired = ttl < self.device and any(self.reports(ttl) for _ in range(most))
                entry.distances.append(Distance(ttl=ttl, sent=most, outcome="expired" if expired else "silent"))
        return entry

    async def count_answered(
        self, tx: Any, ip: str, port: int, transport: str, ttl: int, packets: int, **how: Any
    ) -> int:
        self.beside += [ttl] * packets
        return sum(self.reports(ttl) for _ in range(packets))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def found_hop(
    world: World, path: DroppingPath, monkeypatch: pytest.MonkeyPatch, *, spent: int = 0, guess: int = 0
) -> int:
    """Return the hop that one search found, 0 without any. `spent`: triggers that were sent before."""
    path.install(monkeypatch, "limited_payload_tcp", "count_answered")
    world.session.pace, world.session.located = Pace(), {}
    for _ in range(spent):
        world.session.pace.spend_trigger(NAME, IP, "tcp", PORT)
    if guess:
        world.session.located["http"] = Interval(guess - 1, guess, 1)
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    await failed_attempts(trace, where, again=f.TIMEOUT)
    for record in trace.transactions[1:]:
        record.failure = f.TIMEOUT
    await where.find({NAME})
    assert trace.bugs == []
    return world.session.located["tls"].high if "tls" in world.session.located else 0


async def hops_of(world: World, monkeypatch: pytest.MonkeyPatch, share: float, seed: int = 16) -> Counter[str]:
    """Count right, wrong and missing hops of searches on paths whose routers report this share of expired packets."""
    rng, counts = random.Random(seed), Counter[str]()
    for _ in range(SEARCHES):
        routers = rng.randint(6, 14)
        path = DroppingPath(rng.randint(2, routers), routers, lambda ttl: rng.random() < share)
        hop = await found_hop(world, path, monkeypatch)
        counts["none" if not hop else "right" if hop == path.device else "wrong"] += 1
    return counts


@pytest.mark.parametrize(
    ("share", "wrong", "right_kept"), [(0.5, (20, 1), 0.1), (0.8, (5, 0), 0.6), (0.95, (0, 0), 0.9)]
)
async def test_routers_that_answer_at_random_give_no_wrong_hop(
    world: World, monkeypatch: pytest.MonkeyPatch, share: float, wrong: tuple[int, int], right_kept: float
) -> None:
    """Test two hundred searches with and without the confirmation."""
    after = await hops_of(world, monkeypatch, share)
    monkeypatch.setattr(hop_search, "_needs_confirmation", lambda case: False)
    before = await hops_of(world, monkeypatch, share)
    print(share, dict(before), dict(after))
    assert before["wrong"] >= wrong[0] and after["wrong"] <= wrong[1]
    assert after["right"] >= right_kept * before["right"]


async def test_steady_routers_give_the_hop_with_one_trigger_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = DroppingPath(5, 8, lambda ttl: True)
    assert await found_hop(world, path, monkeypatch) == 5
    *searching, last = path.sent
    assert len(searching) <= FLOWS_STANDARD and {most for _, most in searching} == {SENT_TWICE}
    assert last == ([5], CONFIRMING["tcp"]) and set(path.beside) == {5} and len(path.beside) == 5
    assert [entry.compared for entry in path.entries] == [[]] * len(searching) + [[5]]
    assert world.session.pace.triggers == len(path.sent)


async def test_router_that_falls_silent_for_other_packets_too_confirms_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test a router behind a limit of ICMP errors, which the search itself reaches."""
    path = DroppingPath(7, 8, lambda ttl: ttl != 6 or not path.sent)
    assert await found_hop(world, path, monkeypatch) == 0
    assert path.sent[-1][0] == [6] and path.entries[-1].compared == []


@pytest.mark.parametrize(("answers", "hop"), [(lambda path: True, 5), (lambda path: not path.sent, 0)])
async def test_last_trigger_searches_and_confirms_in_one_flow(
    world: World, monkeypatch: pytest.MonkeyPatch, answers: Callable[[DroppingPath], bool], hop: int
) -> None:
    """Test a guess that is right, with a router that answers other packets too, and one that does so no longer."""
    path = DroppingPath(5, 8, lambda ttl: ttl != 5 or answers(path))
    assert await found_hop(world, path, monkeypatch, spent=TRIGGERS_STANDARD - 1, guess=5) == hop
    assert path.sent == [([4, 5], CONFIRMING["tcp"])] and path.beside == [5] * 5
    assert [entry.compared for entry in path.entries] == [[5] if hop else []]

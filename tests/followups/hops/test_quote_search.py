"""Test searches for the hop that changes datagrams: never a wrong hop, and within the budget of triggers."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.followups.flow import FlowRunner
from probe.followups.hops import hop_search as location
from probe.followups.hops import quote_search
from probe.followups.hops.hop_search import HopSearch
from probe.followups.hops.quote_search import FLOWS, QuotePlan
from probe.formats import failures as f
from probe.formats.exchanges.calls import EchoPayload, UDPEcho
from probe.formats.exchanges.hops import Distance, Hop, LimitedPayload, PathSweep
from probe.session.session import HELPER
from probe.session.trace import Trace, TransactionFacts
from probe.signatures.ttl_distance import Interval
from probe.steps.path.quoted_datagrams import MOST_DATAGRAMS
from probe.targets.target import parse_endpoint
from tests.support.world import World

IP, PORT = "198.51.100.7", 3478
ENDPOINT = parse_endpoint(f"stun://stun.example:{PORT}")
HOP, HOPS = 5, 8


class QuotingPath:
    """Represent a path of routers, some of which quote too little, with a device that exchanges the ends on `hop`."""

    def __init__(
        self, hops: int = HOPS, hop: int = HOP, short: set[int] | None = None, rewriting: bool = False
    ) -> None:
        self.hops, self.hop, self.short, self.rewriting = hops, hop, short or set(), rewriting
        self.flows: list[list[int]] = []

    def result(self, ttl: int) -> Distance:
        """Return what a datagram with this TTL leads to. The server answers behind the last router."""
        if ttl > self.hops:
            return Distance(ttl=ttl, sent=1, outcome="silent" if self.hop else "answered", quote="none")
        spoilt = self.hop and ttl >= self.hop
        quote: Any = "swapped" if spoilt else "same"
        quote = "changed" if self.rewriting else "short" if ttl in self.short else quote
        return Distance(ttl=ttl, sent=1, outcome="expired", quote=quote)

    def flow(self, choose: Any) -> list[Distance]:
        """Carry out one flow as the step does."""
        found: list[Distance] = []
        while len(found) < MOST_DATAGRAMS and (ttl := choose(found)):
            found.append(self.result(ttl))
            if found[-1].outcome != "expired":
                break
        self.flows.append([distance.ttl for distance in found])
        return found


def searched(path: QuotingPath, guess: Interval | None = None) -> QuotePlan:
    plan = QuotePlan(range(1, path.hops + 1), guess)
    for _ in range(FLOWS):
        if plan.is_complete():
            break
        path.flow(plan.choose)
    return plan


def test_two_flows_name_the_hop() -> None:
    path = QuotingPath()
    assert searched(path).found() == Interval(HOP - 1, HOP, 2)
    assert path.flows[1:] == [[HOP - 1, HOP]]


@pytest.mark.parametrize("guess", [Interval(HOP - 1, HOP, 2), Interval(2, 3, 2), Interval(20, 21, 2)])
def test_search_begins_at_an_earlier_result_and_does_not_trust_it(guess: Interval) -> None:
    path = QuotingPath()
    assert searched(path, guess).found() == Interval(HOP - 1, HOP, 2)
    assert path.flows[0][0] == (guess.low if guess.high <= HOPS else path.flows[0][0])


def test_payload_that_no_router_sees_changed_is_answered_by_the_server() -> None:
    path = QuotingPath(hop=0)
    assert searched(path).found() is None
    assert [flow[-2:] for flow in path.flows] == [[HOPS, HOPS + 1]] * 2


def test_device_on_the_first_hop_is_not_distinguished_from_the_users_own_computer() -> None:
    path = QuotingPath(hop=1)
    searched(path)
    assert len(path.flows) == 1


def test_payload_that_the_home_router_rewrites_shows_no_place() -> None:
    path = QuotingPath(rewriting=True)
    assert searched(path).found() is None and len(path.flows) <= 2


@given(
    st.integers(0, 25).flatmap(lambda hops: st.tuples(st.just(hops), st.integers(0, hops))), st.sets(st.integers(1, 25))
)
def test_no_wrong_hop_on_any_path(lengths: tuple[int, int], short: set[int]) -> None:
    path = QuotingPath(*lengths, short=short)
    plan = searched(path)
    found = plan.found()
    named = found.high if found and found.exact and found.low and found.agreeing >= 2 else 0
    can_be_known = path.hop > 1 and not short & {path.hop - 1, path.hop}
    assert named in {0, path.hop}
    assert named or not can_be_known or len(short) > MOST_DATAGRAMS - 5
    assert len(path.flows) <= FLOWS and all(0 < len(flow) <= MOST_DATAGRAMS for flow in path.flows)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> QuotingPath:
    found = QuotingPath()

    async def sweep_path(tx: Any, ip: str, port: int, *, transport: Any, **how: Any) -> PathSweep:
        hops = [Hop(ttl=ttl, answered=True) for ttl in range(1, HOPS + 1)]
        entry = PathSweep(address=f"{ip}:{port}", transport=transport, hops=hops)
        async with tx.step(entry, 5.0):
            return entry

    async def quoted_datagrams(
        tx: Any, ip: str, port: int, kind: Any, build: Any, choose: Any, **how: Any
    ) -> LimitedPayload:
        entry = LimitedPayload(address=f"{ip}:{port}", transport="udp", payload=kind)
        async with tx.step(entry, 5.0):
            assert build() != build()
            entry.distances = found.flow(choose)
        return entry

    monkeypatch.setattr(location, "sweep_path", sweep_path)
    monkeypatch.setattr(location, "tells_icmp_errors", lambda: True)
    monkeypatch.setattr(quote_search, "quoted_datagrams", quoted_datagrams)
    return found


async def failed(trace: Trace, where: HopSearch, *, ends_swapped: int | None, other_changed: bool = False) -> None:
    """Record two silent requests, and an echo pair whose first datagram came back with exchanged ends."""

    async def echo(payload: EchoPayload, swapped: int | None, *, changed: bool) -> None:
        entry = UDPEcho(
            port=PORT, payload=payload, size=20, x_sent=1, echoed=True, changed=changed, ends_swapped=swapped
        )
        async with trace.transaction(TransactionFacts("followup", address=HELPER)) as tx, tx.step(entry, 1.0):
            pass

    records = []
    for _ in range(2):
        facts = TransactionFacts("first", service="s", endpoint=ENDPOINT.url, address=IP, port=PORT, family=4)
        async with trace.transaction(facts) as tx:
            pass
        tx.record.failed_operation, tx.record.failure = "stun_exchange", f.TIMEOUT
        records.append(tx.record)
    await echo("stun", ends_swapped, changed=ends_swapped is not None)
    await echo("other", None, changed=other_changed)
    where.cases.note(records[0], records[1], ENDPOINT)


async def test_spoilt_datagrams_are_searched_with_two_triggers(world: World, path: QuotingPath) -> None:
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    await failed(trace, where, ends_swapped=3)
    await where.find(set())
    assert len(path.flows) == 2 == world.session.pace.triggers and trace.bugs == []
    assert [r.trigger for r in trace.transactions if r.followup == "limited_payload"] == [True, True]


@pytest.mark.parametrize(("ends_swapped", "other_changed"), [(None, False), (3, True)])
async def test_quotes_are_compared_only_if_the_echo_pair_shows_tampering(
    world: World, path: QuotingPath, ends_swapped: int | None, other_changed: bool
) -> None:
    where = HopSearch(FlowRunner(trace := Trace(), world.session))
    await failed(trace, where, ends_swapped=ends_swapped, other_changed=other_changed)
    assert [(case.kind, case.by_quote) for case in where.cases.of(set())] == [("datagram", False)]

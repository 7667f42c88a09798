"""Test searches for the hop that stops connects: when they run, and with which packets."""

from pathlib import Path
from typing import Any

import pytest

from probe.followups.flow import FlowRunner
from probe.followups.hops import connect_search
from probe.followups.hops import hop_search as location
from probe.followups.hops.connect_search import COMPARISONS
from probe.followups.hops.hop_search import HopSearch
from probe.formats import failures as f
from probe.formats.exchanges.hops import Hop, LimitedPayload, PathSweep
from probe.session.trace import Trace, TransactionFacts
from probe.targets.target import Endpoint, parse_endpoint
from tests.support.world import World

IP, PORT = "198.51.100.7", 5222
ENDPOINT = parse_endpoint(f"tcp://{IP}:{PORT}")
NEUTRAL = [("198.51.100.20", parse_endpoint("https://one.example:443")), ("198.51.100.21", ENDPOINT)]


class Recorder:
    """Answer a sweep with three routers and the end that is set. Keep what the steps were asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.end: Any = ""
        self.end_ttl = 4
        self.passes = False
        self.sweeps: list[str] = []
        self.compared: list[tuple[Any, ...]] = []
        self.repeated: list[tuple[list[int], bool]] = []
        monkeypatch.setattr(location, "sweep_path", self.sweep_path)
        monkeypatch.setattr(location, "tells_icmp_errors", lambda: True)
        monkeypatch.setattr(connect_search, "compared_silence", self.compared_silence)
        monkeypatch.setattr(connect_search, "limited_packets", self.limited_packets)

    async def sweep_path(self, tx: Any, ip: str, port: int, *, transport: Any, **how: Any) -> PathSweep:
        self.sweeps.append(transport)
        hops = [Hop(ttl=ttl, answered=True) for ttl in (1, 2, 3)]
        end_ttl = self.end_ttl if self.end else None
        entry = PathSweep(address=f"{ip}:{port}", transport=transport, hops=hops, end=self.end, end_ttl=end_ttl)
        async with tx.step(entry, 5.0):
            return entry

    async def compared_silence(self, tx: Any, *asked: Any, **how: Any) -> LimitedPayload:
        self.compared.append(asked)
        entry = await self._entry(tx)
        entry.compared = [4] if self.passes else None
        return entry

    async def limited_packets(
        self, tx: Any, ip: str, port: int, transport: Any, ttls: list[int], **how: Any
    ) -> LimitedPayload:
        self.repeated.append((ttls, how["by_reset"]))
        return await self._entry(tx)

    async def _entry(self, tx: Any) -> LimitedPayload:
        entry = LimitedPayload(address=f"{IP}:{PORT}", transport="tcp", payload="syn")
        async with tx.step(entry, 5.0):
            return entry


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    return Recorder(monkeypatch)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.session.neutral_addresses = list(NEUTRAL)
    return made


async def searched(
    world: World, first: str, again: str, *, endpoint: Endpoint = ENDPOINT, operation: str = "connect"
) -> Trace:
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    records = []
    for failure in (first, again):
        facts = TransactionFacts("first", service="dc", endpoint=endpoint.url, address=IP, port=endpoint.port, family=4)
        async with trace.transaction(facts) as tx:
            pass
        tx.record.failed_operation, tx.record.failure = operation, failure
        records.append(tx.record)
    where.cases.note(records[0], records[1], endpoint)
    await where.find(set())
    assert trace.bugs == []
    return trace


async def test_silence_is_compared_with_two_neutral_hosts(world: World, path: Recorder) -> None:
    trace = await searched(world, f.TIMEOUT, f.TIMED_OUT)
    assert path.sweeps == ["tcp"] and len(path.compared) == COMPARISONS and path.repeated == []
    assert path.compared[0] == (IP, PORT, "tcp", [("198.51.100.20", 443), ("198.51.100.21", PORT)], 3)
    assert world.session.pace.triggers == 0 and not any(record.trigger for record in trace.transactions)


async def test_silence_without_two_neutral_hosts_is_not_compared(world: World, path: Recorder) -> None:
    world.session.neutral_addresses = [NEUTRAL[0], (IP, ENDPOINT)]
    await searched(world, f.TIMEOUT, f.TIMEOUT)
    assert path.compared == []


async def test_server_that_answers_by_now_is_not_compared(world: World, path: Recorder) -> None:
    path.end = "connected"
    await searched(world, f.TIMEOUT, f.TIMEOUT)
    assert path.compared == [] and path.repeated == []


@pytest.mark.parametrize(
    ("failure", "end", "by_reset", "sweeps"),
    [(f.REFUSED, "refused", True, ["tcp", "udp"]), (f.HOST_UNREACHABLE, "unreachable", False, ["tcp"])],
)
async def test_answer_to_a_syn_is_repeated_at_both_sides_of_its_distance(
    world: World, path: Recorder, failure: str, end: str, by_reset: bool, sweeps: list[str]
) -> None:
    path.end = end
    await searched(world, failure, failure)
    assert path.repeated == [([3, 4], by_reset)] * 2 and path.sweeps == sweeps


async def test_silence_after_an_icmp_error_is_compared_or_repeated(world: World, path: Recorder) -> None:
    """Test a router that limits the rate of its errors. It was silent the second time, or during the search."""
    await searched(world, f.HOST_UNREACHABLE, f.TIMEOUT)
    assert len(path.compared) == COMPARISONS and path.repeated == []
    path.end = "unreachable"
    await searched(world, f.TIMEOUT, f.HOST_UNREACHABLE)
    assert len(path.compared) == COMPARISONS and path.repeated == [([3, 4], False)] * 2


@pytest.mark.parametrize("again", [f.REFUSED, f.RESET, f.INTERRUPTED])
async def test_two_different_failures_of_a_connect_are_not_searched(world: World, path: Recorder, again: str) -> None:
    await searched(world, f.TIMEOUT, again)
    assert path.sweeps == []


STUN = parse_endpoint(f"stun://{IP}:3478")
SAME = [(IP, 3478), (IP, 443)]


async def searched_datagrams(world: World, failure: str) -> Trace:
    return await searched(world, failure, failure, endpoint=STUN, operation="stun_exchange")


async def test_silent_datagrams_are_compared_with_syns_to_the_same_address(world: World, path: Recorder) -> None:
    path.passes = True
    await searched_datagrams(world, f.TIMEOUT)
    assert path.sweeps == ["udp"] and path.compared == [(IP, 3478, "udp", SAME, 3)] * COMPARISONS
    assert world.session.pace.triggers == 0


async def test_silent_address_is_compared_with_neutral_hosts(world: World, path: Recorder) -> None:
    await searched_datagrams(world, f.TIMEOUT)
    assert [asked[3] for asked in path.compared][:2] == [SAME, [("198.51.100.20", 443), ("198.51.100.21", PORT)]]
    assert len(path.compared) == 1 + COMPARISONS


async def test_icmp_error_about_datagrams_is_repeated(world: World, path: Recorder) -> None:
    path.end = "unreachable"
    await searched_datagrams(world, f.HOST_UNREACHABLE)
    assert path.repeated == [([3, 4], False)] * 2 and path.sweeps == ["udp"]


HTTPS = parse_endpoint("https://service.example:443/")
QUIC = parse_endpoint("quic://service.example:443/")


async def forged(world: World, endpoint: Endpoint, operation: str) -> Trace:
    return await searched(
        world, f.SSL_UNKNOWN_AUTHORITY, f.SSL_UNKNOWN_AUTHORITY, endpoint=endpoint, operation=operation
    )


async def test_redirected_syns_are_compared_with_neutral_hosts(
    world: World, path: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HopSearch, "_search", skipped)
    path.end, path.end_ttl = "connected", 7
    await forged(world, HTTPS, "tls_handshake")
    others = [("198.51.100.20", 443), ("198.51.100.21", PORT)]
    assert path.compared == [(IP, 443, "tcp", others, 3)] * COMPARISONS
    assert path.sweeps == ["tcp", "udp"] and path.repeated == []


async def test_server_behind_the_last_router_is_not_redirected(
    world: World, path: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HopSearch, "_search", skipped)
    path.end = "connected"
    await forged(world, HTTPS, "tls_handshake")
    assert path.sweeps == ["tcp"] and path.compared == []


@pytest.mark.parametrize("passes", [True, False])
async def test_redirected_datagrams_are_compared_with_syns_to_the_same_address_only(
    world: World, path: Recorder, passes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HopSearch, "_search", skipped)
    path.passes = passes
    await forged(world, QUIC, "quic_handshake")
    assert path.compared == [(IP, 443, "udp", [(IP, 443), (IP, 443)], 3)] * (COMPARISONS if passes else 1)


async def skipped(search: HopSearch, case: Any) -> None:
    """Leave out the search with hellos."""

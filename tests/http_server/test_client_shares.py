"""Test how places and packets are shared between clients and networks."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.http_server import client_shares
from probe.http_server.client_shares import (
    A_PAIR,
    ClientCounts,
    ClientShares,
    PacketShares,
    PortKind,
    PortPlace,
    RecentUse,
    differing_level,
)
from probe.http_server.peers import Client, client_at

KIND = PortKind(96, 8, silent=3.0)
CROWD = [client_at(f"10.{number % 20}.0.{number // 20}") for number in range(1000)]
CROWD_IPV6 = [client_at(f"2001:db8:{number % 20:x}:{number // 20:x}00::1") for number in range(1000)]


class Held:
    """Take places with a clock that the test moves, and note which are taken away."""

    def __init__(self, kind: PortKind = KIND) -> None:
        self.now = 0.0
        self.shares = ClientShares(kind, lambda: self.now)
        self.places: list[PortPlace] = []
        self.dropped: list[Client] = []

    def take(self, client: Client, size: int = 1) -> bool:
        place = self.shares.take(client, lambda: self.dropped.append(client), size)
        if place is not None:
            self.places.append(place)
        return place is not None

    def fill(self, clients: list[Client], rounds: int = 8) -> None:
        for _ in range(rounds):
            for client in clients:
                self.take(client)


@pytest.mark.parametrize("crowd", [CROWD, CROWD_IPV6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("kind", [PortKind(96, 8), PortKind(48, 4), PortKind(192, 8)])
def test_crowd_of_20_networks_leaves_a_pair_for_others(crowd: list[Client], kind: PortKind) -> None:
    held = Held(kind)
    held.fill(crowd)
    assert len(held.shares) > kind.places / 2
    assert held.take(client_at("192.0.2.1")) and held.take(client_at("192.0.2.1"))
    assert held.take(client_at("2001:db8:ffff::1"))


def test_one_client_and_its_networks_have_limits() -> None:
    held = Held(PortKind(1000, 8))
    held.fill([client_at("192.0.2.1")], 20)
    assert len(held.shares) == 8
    held.fill([client_at(f"192.0.2.{number}") for number in range(20)], 8)
    assert len(held.shares) == 32, "the limit of the /24"
    held.fill([client_at(f"192.0.{number}.1") for number in range(40)], 8)
    assert len(held.shares) == 128, "the limit of the /16"


def test_who_had_places_gets_fewer_for_some_time() -> None:
    """Let a network take and leave places all the time, until half is taken. Others come first then."""
    held = Held()
    busy, new = client_at("10.1.0.1"), client_at("10.2.0.1")
    for _ in range(40):
        assert held.take(busy)
        held.shares.free(held.places.pop())
    held.fill([client_at(f"172.{number}.0.1") for number in range(60)], 1)
    assert not held.take(busy) and held.take(new)
    held.now += 300.0
    assert held.take(busy)


def test_silent_place_is_given_to_a_client_with_less() -> None:
    held = Held(PortKind(4, 4, silent=3.0))
    clients = [client_at(f"10.{number}.0.1") for number in range(4)]
    held.fill(clients, 1)
    assert not held.take(client_at("192.0.2.1"))
    held.now += 3.1
    held.shares.use(held.places[0])
    assert held.take(client_at("192.0.2.1")) and held.dropped == [clients[1]]
    held.shares.keep(held.places[2])
    held.now += 100.0
    for number in range(9):
        held.take(client_at(f"192.{number + 1}.0.1"))
    assert clients[2] not in held.dropped, "a place that is in use is never taken away"


def test_silent_places_are_not_passed_around_in_a_crowd() -> None:
    """Let the crowd ask again and again. A new client gets a place in seconds, although all of them are taken."""
    held, waits = Held(PortKind(24, 2, silent=3.0)), list[float]()
    for step in range(300):
        held.now = step / 5
        held.fill(CROWD[step % 50 * 20 : step % 50 * 20 + 20], 1)
        if step >= 100 and step % 20 == 0:
            waits.append(held.now)
        if waits and waits[-1] > 0 and held.take(client_at(f"192.{step // 20}.2.1")):
            waits[-1] -= held.now
    assert len(waits) == 10 and all(-3.2 < wait <= 0 for wait in waits), waits


def test_place_is_given_back_once() -> None:
    held = Held()
    held.take(CROWD[0], 2)
    (place,) = held.places
    for _ in range(2):
        held.shares.free(place)
    held.shares.use(place)
    assert len(held.shares) == 0 and held.shares._counts.held(CROWD[0]) == (0, 0, 0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 2), st.floats(0, 5), st.booleans()), max_size=200))
def test_places_are_never_more_than_there_are(steps: list[tuple[int, int, float, bool]]) -> None:
    held = Held(PortKind(12, 4, silent=2.0))
    for number, size, pause, give_back in steps:
        held.now += pause
        held.take(CROWD[number], size)
        if give_back and held.places:
            held.shares.free(held.places.pop(0))
        assert len(held.shares) == sum(place.size for place in held.shares._places) <= 12
        assert held.shares._counts.held(CROWD[number])[0] <= 4


def test_levels_are_compared_from_the_broadest() -> None:
    one = client_at("10.1.2.3")
    assert differing_level(one, client_at("10.2.2.3")) == -1
    assert differing_level(one, client_at("10.1.3.3")) == -2
    assert differing_level(one, client_at("10.1.2.4")) == -3
    assert differing_level(one, one) is None


def test_counts_know_the_heaviest_network() -> None:
    counts = ClientCounts()
    for client in (CROWD[0], CROWD[20], CROWD[1]):
        counts.add(client)
    assert counts.heaviest() == CROWD[0][-1] and counts.of_network(CROWD[1][-1]) == 1
    for client in (CROWD[0], CROWD[20]):
        counts.add(client, -1)
    assert list(counts.networks()) == [CROWD[1][-1]]


def test_recent_use_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_shares, "MOST_NETWORKS", 6)
    recent = RecentUse(30.0)
    recent.add(CROWD[0], 8.0, 0.0)
    assert recent.of(CROWD[0], 30.0) == pytest.approx((4.0, 4.0, 4.0))
    for number in range(1, 5):
        recent.add(CROWD[number], 1.0, 30.0)
    assert len(recent._used) == 6 and recent.of(CROWD[0], 30.0) == (0.0, 0.0, 0.0)


# -- packets -----------------------------------------------------------------------------------------------------------


def test_flood_of_a_network_leaves_packets_for_a_flow() -> None:
    """Send ten times as many packets as there are, from 20 networks, and an honest flow of 50 a second beside it."""
    now = [0.0]
    shares, flow, came = PacketShares(5000.0, 1000.0, lambda: now[0]), client_at("192.0.2.1"), 0
    for number in range(100_000):
        now[0] = number / 50_000
        shares.take(CROWD[number % 1000])
        came += number % 1000 == 0 and shares.take(flow)
    assert came >= 98


def test_packets_of_one_client_are_limited_by_the_rate_alone() -> None:
    now = [0.0]
    shares = PacketShares(100.0, 100.0, lambda: now[0])
    sent = 0
    for number in range(2000):
        now[0] = number / 20
        sent += shares.take(CROWD[0])
    assert sent == 2000


@contextmanager
def _timed(seconds: list[float]) -> Iterator[None]:
    began = time.process_time()
    yield
    seconds.append(time.process_time() - began)


def test_work_does_not_grow_with_the_number_of_clients() -> None:
    def seconds(clients: int) -> float:
        held, taken = Held(PortKind(10_000, 8)), list[float]()
        for number in range(clients):
            held.take(client_at(f"10.{number % 250}.{number // 250}.1"))
        with _timed(taken):
            for number in range(1000):
                held.take(client_at(f"172.16.{number % 250}.{number // 250}"))
        return taken[0]

    assert min(seconds(9_000) for _ in range(3)) < 20 * min(seconds(100) for _ in range(3))


def test_a_pair_is_the_least() -> None:
    assert A_PAIR > 2

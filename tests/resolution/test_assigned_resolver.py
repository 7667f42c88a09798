"""Test when the resolver that the network assigned is another one than that in use."""

from datetime import date
from pathlib import Path

import pytest

from probe.resolution import assigned_resolver as module
from probe.resolution.assigned_resolver import assigned_resolver, learn_assigned_resolvers, may_be_the_cause
from probe.targets.filter_file import ListedFilter, NameFilters
from probe.targets.target import Service, Target, parse_endpoint
from tests.support.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    made.install(monkeypatch)
    monkeypatch.setattr(module, "source_addresses", lambda destinations: ["192.168.1.7"])
    monkeypatch.setattr(module, "interface_of", lambda source: "eth0")
    return made


def system(monkeypatch: pytest.MonkeyPatch, used: str, *assigned: str, routes: tuple[str, ...] = ("eth0",)) -> None:
    monkeypatch.setattr(module, "system_resolvers", lambda: [used] if used else [])
    monkeypatch.setattr(module, "default_interfaces", lambda: list(routes))
    monkeypatch.setattr(module, "assigned_resolvers", lambda names: list(assigned))


@pytest.mark.parametrize(
    ("used", "assigned", "found"),
    [
        ("1.1.1.3", ["192.168.1.1"], "192.168.1.1"),
        ("192.168.1.1", ["192.168.1.1"], ""),  # in use
        ("192.168.1.1", ["203.0.113.53", "192.168.1.1"], ""),
        ("1.1.1.3", [], ""),  # the system does not tell
        ("", ["192.168.1.1"], ""),
        ("2606:4700:4700::1113", ["192.168.1.1"], ""),  # an advertisement that is not known may have assigned it
        ("127.0.0.1", ["192.168.1.1"], "192.168.1.1"),
    ],
)
async def test_resolver_of_the_same_family_that_is_not_in_use(
    world: World, monkeypatch: pytest.MonkeyPatch, used: str, assigned: list[str], found: str
) -> None:
    system(monkeypatch, used, *assigned)
    await learn_assigned_resolvers(world.session)
    assert assigned_resolver(world.session) == found


async def test_nothing_is_known_with_a_second_default_route_or_in_a_helper(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def found() -> str:
        await learn_assigned_resolvers(world.session)
        return assigned_resolver(world.session)

    system(monkeypatch, "1.1.1.3", "192.168.1.1", routes=("eth0", "wwan0"))
    assert await found() == ""
    system(monkeypatch, "1.1.1.3", "192.168.1.1")
    world.session.ipv4 = False
    assert await found() == ""
    world.session.ipv4, world.session.as_control, world.session.assigned_resolvers = True, True, []
    assert await found() == ""


@pytest.mark.parametrize(
    ("used", "expected"),
    [("192.0.2.53", True), ("127.0.0.1", True), ("8.8.8.8", False), ("1.1.1.3", False), ("", False)],
)
async def test_a_known_resolver_is_not_excused_by_the_assigned_one(
    world: World, monkeypatch: pytest.MonkeyPatch, used: str, expected: bool
) -> None:
    system(monkeypatch, used, "192.168.1.1")
    endpoints = (parse_endpoint("dns+udp://8.8.8.8:53"),)
    world.session.resolvers = Target(
        "resolvers", "dnscheck", "", "", date(2026, 1, 1), {"google": Service("google", "all", endpoints)}, ""
    )
    world.session.filters = NameFilters(resolvers=(ListedFilter("Family", ("1.1.1.3",)),))
    await learn_assigned_resolvers(world.session)
    assert may_be_the_cause(world.session) == expected

"""Test whether the system's resolver filters names: what is asked, where it is, and what is recorded."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from probe.resolution import assigned_resolver
from probe.resolution.filter_checks import check_name_filter
from probe.targets.filter_file import ListedFilter, NameFilters
from probe.targets.target import Service, Target, parse_endpoint
from tests.support.world import World

ADS = ("ads.example", "count.example")
CHOSEN = ListedFilter("Family", ("9.9.9.11",), ("test.example",), "null")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    made.encrypted = {name: ["8.8.8.8"] for name in (*ADS, "test.example")}
    made.install(monkeypatch)
    made.session.filters = NameFilters(ADS, (CHOSEN,))
    monkeypatch.setattr("probe.resolution.filter_checks.query_udp", made.query_udp)
    made.session.resolvers = resolvers("8.8.8.8")
    at(monkeypatch, "192.168.1.1")
    return made


def resolvers(address: str) -> Target:
    endpoints = (parse_endpoint(f"dns+udp://{address}:53"),)
    return Target("resolvers", "dnscheck", "", "", date(2026, 1, 1), {"one": Service("one", "all", endpoints)}, "")


def at(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    for module in ("filter_checks", "assigned_resolver"):
        monkeypatch.setattr(f"probe.resolution.{module}.system_resolvers", lambda: [server] if server else [])


async def found(world: World) -> dict[str, Any]:
    await check_name_filter(world.session)
    assert world.session.name_filter is not None
    return world.session.name_filter


async def test_names_of_advertising_are_asked_once_in_a_run(world: World) -> None:
    world.system = {"ads.example": ["0.0.0.0"], "count.example": "dns_nxdomain_error"}
    facts = await found(world)
    assert {one["name"]: (one["kind"], one["answer"], one["known"]) for one in facts["controls"]} == {
        "ads.example": ("advertisement", "null", True),
        "count.example": ("advertisement", "nxdomain", True),
    }
    asked = list(world.lookups)
    assert sorted(asked) == sorted((s, n) for n in ADS for s in ("192.168.1.1", "dot"))
    await check_name_filter(world.session)
    assert world.lookups == asked


async def test_only_public_addresses_are_kept(world: World) -> None:
    world.system = {"ads.example": ["192.168.1.2"], "count.example": ["8.8.4.4"]}
    controls = {one["name"]: one for one in (await found(world))["controls"]}
    assert (controls["ads.example"]["answer"], controls["ads.example"]["addresses"]) == ("private", [])
    assert controls["count.example"]["addresses"] == ["8.8.4.4"]


async def test_a_name_that_is_gone_is_known_to_no_resolver(world: World) -> None:
    world.encrypted = {"ads.example": ["8.8.8.8"], "count.example": ["0.0.0.0"]}
    assert [one["known"] for one in (await found(world))["controls"]] == [True, False]


@pytest.mark.parametrize(
    ("server", "place", "title"),
    [
        ("192.168.1.1", "local_network", None),
        ("fe80::1%eth0", "local_network", None),
        ("127.0.0.1", "this_computer", None),
        ("8.8.8.8", "public", None),
        ("84.200.69.80", "elsewhere", None),
        ("9.9.9.11", "listed", "Family"),
    ],
)
async def test_place_of_the_resolver(
    world: World, monkeypatch: pytest.MonkeyPatch, server: str, place: str, title: str | None
) -> None:
    at(monkeypatch, server)
    facts = await found(world)
    assert (facts["resolver"], facts["title"]) == (place, title)
    kinds = {one["kind"] for one in facts["controls"]}
    assert kinds == ({"advertisement", "test"} if title else {"advertisement"})


async def test_block_pages_of_a_listed_resolver_are_recorded_and_not_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = ListedFilter("Family", ("9.9.9.11",), pages=("146.112.61.106", "::ffff:146.112.61.106"))
    world.session.filters = NameFilters(ADS, (listed,))
    at(monkeypatch, "9.9.9.11")
    pages = [one for one in (await found(world))["controls"] if one["kind"] == "page"]
    assert [one["addresses"] for one in pages] == [["146.112.61.106"], ["::ffff:146.112.61.106"]]
    assert pages[0]["answer"] == "address" and all(one["known"] for one in pages)
    assert {name for _, name in world.lookups} == set(ADS)


@pytest.mark.parametrize(("server", "kept"), [("192.168.1.1", 1), ("9.9.9.12", 0)])
async def test_router_may_ask_any_listed_filter_and_a_listed_one_is_none_but_itself(
    world: World, monkeypatch: pytest.MonkeyPatch, server: str, kept: int
) -> None:
    filters = (ListedFilter("Family", ("9.9.9.11",), pages=("146.112.61.106",)), ListedFilter("Other", ("9.9.9.12",)))
    world.session.filters = NameFilters(ADS, filters)
    at(monkeypatch, server)
    assert [one["kind"] for one in (await found(world))["controls"]].count("page") == kept


async def test_systemds_stub_has_the_place_of_the_resolver_behind_it(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "resolv.conf"
    monkeypatch.setattr("probe.platforms.configured_resolvers.SYSTEMD_RESOLV_CONF", path)
    at(monkeypatch, "127.0.0.53")
    assert assigned_resolver.resolver_in_use() == "127.0.0.53"
    path.write_text("nameserver 9.9.9.11\n")
    assert (await found(world))["resolver"] == "listed"
    assert {server for server, _ in world.lookups} == {"127.0.0.53", "dot"}


async def test_nothing_is_asked_without_names_by_a_helper_or_without_a_resolver(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, "")
    assert (await found(world))["resolver"] == "none"
    world.session.name_filter = None
    world.session.as_control = True
    await check_name_filter(world.session)
    world.session.as_control, world.session.filters = False, NameFilters()
    await check_name_filter(world.session)
    assert world.session.name_filter is None and world.lookups == []

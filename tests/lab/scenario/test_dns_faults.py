"""Test faults of names: rotation, published private addresses, broken AAAA and portals."""

from pathlib import Path

from probe.lab.net.dns_packets import AAAA, NXDOMAIN, A
from probe.lab.scenario.faults import BrokenAAAA, FilteringResolver, IPv6Only, Portal, PublishedBogon, Rotating
from probe.lab.scenario.scenario import Scenario
from probe.lab.scenario.scenario_keys import Page
from probe.lab.services.dns.resolver import Zone
from probe.lab.services.web import Request, answer
from probe.lab.world.emulated_world import World, build_world
from probe.lab.world.hosts import PORTAL, Host
from probe.signatures.bogons import is_bogon
from tests.support.lab.dig import addresses_in, query


def host(world: World, name: str) -> Host:
    return next(found for found in world.hosts if name in found.names or name in found.addresses)


def addresses_in_answer(zone: Zone, name: str, kind: int = A) -> list[str]:
    message = zone.answer(query(name, kind))
    assert message is not None
    return addresses_in(message)


def test_rotating_name_has_several_networks_and_one_address_per_answer(folder: Path) -> None:
    scenario = Scenario("mine", "A test", faults=(Rotating(services=["telegram/web"]),))
    world = build_world(folder, scenario, 3)
    every = host(world, "web.telegram.org").addresses
    assert len({address.rpartition(".")[0] for address in every if "." in address}) >= 4
    assert len(set(every)) == len(every)
    assert host(world, "web.whatsapp.com").rotates is False
    zones = {address: Zone(world, address=address) for address in ("192.88.99.53", "9.9.9.9", "192.88.99.153")}
    answers = {
        address: [addresses_in_answer(zone, "web.telegram.org") for _ in range(8)] for address, zone in zones.items()
    }
    assert all(len(one) == 1 for turns in answers.values() for one in turns)
    assert all(
        {one for turn in turns for one in turn} == {ip for ip in every if "." in ip} for turns in answers.values()
    )
    assert len({turns[0][0] for turns in answers.values()}) > 1
    assert len(addresses_in_answer(zones["9.9.9.9"], "web.telegram.org", AAAA)) == 1


def test_published_private_address_is_unreachable(folder: Path) -> None:
    faults = (PublishedBogon(names=["web.telegram.org"]), PublishedBogon(services=["whatsapp/web"], beside=True))
    world = build_world(folder, Scenario("mine", "A test", faults=faults), 0)
    (alone,) = world.zone["web.telegram.org"]
    private, *public = world.zone["web.whatsapp.com"]
    assert is_bogon(alone)
    assert is_bogon(private)
    assert public
    assert not any(map(is_bogon, public))
    assert world.silent == [alone, private] or world.silent == [private, alone]


def test_ipv6_only_host_has_no_ipv4_address(folder: Path) -> None:
    world = build_world(folder, Scenario("mine", "A test", faults=(IPv6Only(names=["web.telegram.org"]),)), 0)
    zone = Zone(world)
    assert [":" in address for address in host(world, "web.telegram.org").addresses] == [True]
    assert addresses_in_answer(zone, "web.telegram.org") == []
    assert addresses_in_answer(zone, "web.telegram.org", AAAA) == host(world, "web.telegram.org").addresses
    assert addresses_in_answer(zone, "web.whatsapp.com")


def test_page_for_all_is_given_for_every_host(folder: Path) -> None:
    pages = (
        Page(url="http://notice.example/", body="<p>Forbidden</p>", for_all=True, measured=False),
        Page(url="http://banned.example/", title="Banned"),
    )
    world = build_world(folder, Scenario("mine", "A test", pages=pages), 0)
    asked = Request("GET", "/", "banned.example", b"", True)
    responses = [answer(asked, host(world, name), world, secure=False) for name in ("notice.example", "banned.example")]
    assert ["Forbidden" in one.body.decode() for one in responses] == [True, False]
    assert "Banned" in responses[1].body.decode()
    assert answer(asked, host(world, "web.telegram.org"), world, secure=False).status == 404
    other = Request("GET", "/any?thing", "else.example", b"", True)
    assert "Forbidden" in answer(other, host(world, "notice.example"), world, secure=False).body.decode()


def test_aaaa_queries_fail(folder: Path) -> None:
    scenario = Scenario("mine", "A test", faults=(BrokenAAAA(services=["telegram/web"], rcode="nxdomain"),))
    zone = Zone(build_world(folder, scenario, 0))
    answer = zone.answer(query("web.telegram.org", AAAA))
    assert answer is not None
    assert answer[3] & 0x0F == NXDOMAIN
    assert addresses_in_answer(zone, "web.telegram.org")
    assert addresses_in_answer(zone, "web.whatsapp.com", AAAA)


def test_filtering_resolver_denies_its_names_only(folder: Path) -> None:
    faults = (FilteringResolver(services=["resolvers/quad"], denies=["*.telegram.org"]),)
    world = build_world(folder, Scenario("mine", "A test", faults=faults), 0)
    filtering, unfiltered = Zone(world, address="9.9.9.9"), Zone(world, address="192.88.99.53")
    response = filtering.answer(query("web.telegram.org"))
    assert response is not None and response[3] & 0x0F == NXDOMAIN
    assert addresses_in_answer(filtering, "web.whatsapp.com")
    assert addresses_in_answer(unfiltered, "web.telegram.org")


def test_dns_portal_has_a_server_with_one_page(folder: Path) -> None:
    assert PORTAL not in build_world(folder, Scenario("mine", "A test", faults=(Portal(),)), 0).servers
    world = build_world(folder, Scenario("mine", "A test", faults=(Portal(by=["dns"]),)), 0)
    assert PORTAL in world.servers
    page = answer(Request("GET", "/success.txt", "check.example", b"", True), host(world, PORTAL), world, secure=False)
    assert page.status == 200
    assert page.body != b"success"

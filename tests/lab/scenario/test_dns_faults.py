"""What goes wrong with names without anybody's intent: rotation, published private addresses, broken AAAA, portals."""

from pathlib import Path

from probe.lab.net.dns_packets import AAAA, NXDOMAIN, A
from probe.lab.scenario.faults import BrokenAAAA, FilteringResolver, IPv6Only, Portal, PublishedBogon, Rotating
from probe.lab.scenario.scenario import Page, Scenario
from probe.lab.services.dns.resolver import Zone
from probe.lab.services.web import Request, answer
from probe.lab.world.world import PORTAL, Host, World, build_world
from probe.signatures.bogons import is_bogon
from tests.support.lab.dig import addresses_in, query


def host(world: World, name: str) -> Host:
    return next(found for found in world.hosts if name in found.names or name in found.addresses)


def addresses_told(zone: Zone, name: str, kind: int = A) -> list[str]:
    message = zone.answer(query(name, kind))
    assert message is not None
    return addresses_in(message)


def test_names_that_rotate_have_addresses_in_several_networks_and_each_resolver_tells_of_one(folder: Path) -> None:
    scenario = Scenario("mine", "A test", faults=(Rotating(services=["telegram/web"]),))
    world = build_world(folder, scenario, 3)
    every = host(world, "web.telegram.org").addresses
    assert len({address.rpartition(".")[0] for address in every if "." in address}) >= 4
    assert len(set(every)) == len(every)
    assert host(world, "web.whatsapp.com").rotates is False
    desks = {desk: Zone(world, desk=desk) for desk in ("192.88.99.53", "9.9.9.9", "192.88.99.153")}
    told = {desk: [addresses_told(zone, "web.telegram.org") for _ in range(8)] for desk, zone in desks.items()}
    assert all(len(one) == 1 for turns in told.values() for one in turns)
    assert all({one for turn in turns for one in turn} == {ip for ip in every if "." in ip} for turns in told.values())
    assert len({turns[0][0] for turns in told.values()}) > 1
    assert len(addresses_told(desks["9.9.9.9"], "web.telegram.org", AAAA)) == 1


def test_a_private_address_that_is_published_leads_nowhere(folder: Path) -> None:
    faults = (PublishedBogon(names=["web.telegram.org"]), PublishedBogon(services=["whatsapp/web"], beside=True))
    world = build_world(folder, Scenario("mine", "A test", faults=faults), 0)
    (alone,) = world.zone["web.telegram.org"]
    private, *public = world.zone["web.whatsapp.com"]
    assert is_bogon(alone)
    assert is_bogon(private)
    assert public
    assert not any(map(is_bogon, public))
    assert world.dead == [alone, private] or world.dead == [private, alone]


def test_a_host_with_ipv6_alone_has_no_other_address(folder: Path) -> None:
    world = build_world(folder, Scenario("mine", "A test", faults=(IPv6Only(names=["web.telegram.org"]),)), 0)
    zone = Zone(world)
    assert [":" in address for address in host(world, "web.telegram.org").addresses] == [True]
    assert addresses_told(zone, "web.telegram.org") == []
    assert addresses_told(zone, "web.telegram.org", AAAA) == host(world, "web.telegram.org").addresses
    assert addresses_told(zone, "web.whatsapp.com")


def test_a_page_for_all_is_shown_whoever_is_asked_for_and_others_only_at_home(folder: Path) -> None:
    pages = (
        Page(url="http://notice.example/", body="<p>Forbidden</p>", for_all=True, measured=False),
        Page(url="http://banned.example/", title="Banned"),
    )
    world = build_world(folder, Scenario("mine", "A test", pages=pages), 0)
    asked = Request("GET", "/", "banned.example", b"", True)
    said = [answer(asked, host(world, name), world, secure=False) for name in ("notice.example", "banned.example")]
    assert ["Forbidden" in one.body.decode() for one in said] == [True, False]
    assert "Banned" in said[1].body.decode()
    assert answer(asked, host(world, "web.telegram.org"), world, secure=False).status == 404
    other = Request("GET", "/any?thing", "else.example", b"", True)
    assert "Forbidden" in answer(other, host(world, "notice.example"), world, secure=False).body.decode()


def test_questions_for_aaaa_break_off(folder: Path) -> None:
    scenario = Scenario("mine", "A test", faults=(BrokenAAAA(services=["telegram/web"], rcode="nxdomain"),))
    zone = Zone(build_world(folder, scenario, 0))
    answer = zone.answer(query("web.telegram.org", AAAA))
    assert answer is not None
    assert answer[3] & 0x0F == NXDOMAIN
    assert addresses_told(zone, "web.telegram.org")
    assert addresses_told(zone, "web.whatsapp.com", AAAA)


def test_a_resolver_that_filters_denies_some_names_and_no_other_resolver_does(folder: Path) -> None:
    faults = (FilteringResolver(services=["resolvers/quad"], denies=["*.telegram.org"]),)
    world = build_world(folder, Scenario("mine", "A test", faults=faults), 0)
    filtering, honest = Zone(world, desk="9.9.9.9"), Zone(world, desk="192.88.99.53")
    said = filtering.answer(query("web.telegram.org"))
    assert said is not None and said[3] & 0x0F == NXDOMAIN
    assert addresses_told(filtering, "web.whatsapp.com")
    assert addresses_told(honest, "web.telegram.org")


def test_a_portal_by_dns_has_a_server_that_says_the_same_to_all(folder: Path) -> None:
    assert PORTAL not in build_world(folder, Scenario("mine", "A test", faults=(Portal(),)), 0).servers
    world = build_world(folder, Scenario("mine", "A test", faults=(Portal(by=["dns"]),)), 0)
    assert PORTAL in world.servers
    page = answer(Request("GET", "/success.txt", "check.example", b"", True), host(world, PORTAL), world, secure=False)
    assert page.status == 200
    assert page.body != b"success"

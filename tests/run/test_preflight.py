"""Test the preflight: what makes a network fit or a measurement invalid, and how soon a dead network is known."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from probe.formats import failures as f
from probe.formats.entries import DNSQuery
from probe.resolution.encrypted_dns import WarmResolver
from probe.run.network import neutral_host
from probe.run.network import preflight as checking
from probe.run.network.check_results import CheckResults, families_with_proof, fill_session, portal_verdict
from probe.run.network.neutral_host import NeutralResult
from probe.run.network.preflight import preflight
from probe.session.session import RunSettings
from probe.steps.tls import certificate_checks
from probe.targets.target import Endpoint, Service, parse_endpoint
from probe.targets.translator_prefix import prefix_in
from tests.support.loop_clock import LoopClock
from tests.support.servers.authority import issue
from tests.support.world import Box, World

HOST, HERE, PORTAL = "neutral.example", "127.0.5.1", "127.0.5.2"
KEYS = {
    *("network", "neutral", "portal", "clock_skew", "vpn", "tls_interception", "ipv4", "ipv6", "udp", "udp_public"),
    *("proxy_environment", "resolver_class", "runtime", "ipv4_proven", "ipv6_proven"),
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    made.system[HOST] = [HERE]
    made.without_resolvers(monkeypatch)
    return made


def neutral_at(world: World, box: Box) -> Endpoint:
    endpoint = parse_endpoint(f"https://{HOST}:{box.port}/")
    world.session.neutral = replace(world.session.neutral, endpoints=(endpoint,))
    return endpoint


def reply(date: datetime, status: str = "200 OK", body: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status}\r\nDate: {format_datetime(date, usegmt=True)}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def facts(world: World) -> dict[str, Any]:
    await asyncio.wait_for(preflight(world.session, world.roots), 10)
    assert set(world.session.preflight) == KEYS and world.session.bugs == []
    return world.session.preflight


async def test_working_network_is_fit(world: World) -> None:
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box:
        endpoint = neutral_at(world, box)
        over_quic = parse_endpoint(f"quic://{HOST}:{box.port}")  # not contacted until a name has failed over QUIC
        world.session.neutral = replace(world.session.neutral, endpoints=(endpoint, over_quic))
        found = await facts(world)
    assert found["network"] is True and found["ipv4"] is True and found["ipv6"] is False
    assert found["neutral"] == [
        {"endpoint": endpoint.url, "address": HERE, "family": 4, "failure": None, "trusted_by_machine": None}
    ]
    assert found["clock_skew"] == 0.0 and found["portal"] is None and found["tls_interception"] is None
    assert found["udp"] is True and found["udp_public"] is None and found["resolver_class"] == "private"
    assert world.session.neutral_addresses == [(HERE, endpoint)]
    assert world.session.pace.triggers == 0  # no target's name was sent


async def test_preflight_waits_for_no_host_by_address_once_a_name_has_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Show that the time for a dead resolver is no part of a run in a network that works."""
    for name in ("NAMELESS_AFTER", "PATIENCE"):
        monkeypatch.setattr(checking, name, 3600.0)
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box:
        neutral_at(world, box)
        assert (await facts(world))["network"] is True


@pytest.mark.parametrize("public", [True, False])
async def test_answer_of_local_resolver_proves_no_network(
    world: World, monkeypatch: pytest.MonkeyPatch, public: bool
) -> None:
    async def query_udp(tx: Any, server: str, *_: Any, **__: Any) -> None:
        if server != "192.168.1.1" and not public:
            async with tx.step(DNSQuery(engine="udp", hostname=HOST, query_type="A"), 5.0):
                raise TimeoutError

    service = Service("public", "all", (parse_endpoint("dns+udp://192.0.2.53:53"),))
    world.session.resolvers = replace(world.session.resolvers, services={"public": service})
    monkeypatch.setattr(checking, "query_udp", query_udp)
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box:
        neutral_at(world, box)
        found = await facts(world)
    assert (found["udp"], found["udp_public"]) == (True, public)


async def test_wrong_clock_is_distinguished_from_forged_certificate(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = datetime.now(UTC)

    class Late(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real + timedelta(days=400)

    monkeypatch.setattr(certificate_checks, "datetime", Late)
    monkeypatch.setattr(neutral_host, "datetime", Late)
    async with world.box(HERE, [HOST], reply=reply(real)) as box:
        neutral_at(world, box)
        found = await facts(world)
    assert found["network"] is True and found["clock_skew"] == -400 * 86400
    assert found["neutral"][0]["failure"] == f.SSL_INVALID_CERTIFICATE
    assert world.session.neutral_addresses == []  # nothing is verified by our clock


async def test_forged_certificate_proves_no_network(world: World) -> None:
    async with world.box(HERE, reply=reply(datetime.now(UTC))) as box:
        neutral_at(world, box)
        found = await facts(world)
    assert found["network"] is False and found["neutral"][0]["failure"] in f.CERTIFICATE_FAILURES
    assert found["clock_skew"] is None and world.session.neutral_addresses == []


async def test_interception_by_root_of_machine_is_recorded(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = issue("Office CA", authority=True)
    pem = tmp_path / "office.pem"
    pem.write_bytes(office.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    world.ca = office
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box:
        neutral_at(world, box)
        found = await facts(world)
    assert found["tls_interception"] == "all" and found["network"] is True
    assert found["neutral"][0]["trusted_by_machine"] is True
    assert world.session.neutral_addresses == []


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (reply(datetime.now(UTC), body=b"all is well"), None),
        (reply(datetime.now(UTC), status="302 Found"), "redirect"),
        (reply(datetime.now(UTC), body=b"please log in"), "content"),
    ],
    ids=["as expected", "redirect", "another page"],
)
async def test_portal_is_recognised_by_its_answer(world: World, answer: bytes, verdict: str | None) -> None:
    async with world.box(HERE, otherwise="reset") as blocked, world.box(PORTAL, reply=answer) as portal:
        neutral_at(world, blocked)
        world.system["portal.example"] = [PORTAL]
        check = parse_endpoint(f"http://portal.example:{portal.port}/check")
        world.session.neutral = replace(world.session.neutral, portal=((check, 200, "all is well"),))
        found = await facts(world)
    assert found["portal"] == verdict
    assert found["network"] is True and found["ipv4_proven"] is False


def test_verified_neutral_host_refutes_portal() -> None:
    found = CheckResults(portal=["redirect"])
    assert portal_verdict(found) == "redirect"
    found.neutral = [NeutralResult(parse_endpoint(f"https://{HOST}:443/"), HERE, proven=True, home=True)]
    assert portal_verdict(found) == "redirect"  # an account without credit may reach hosts in the country
    found.neutral.append(NeutralResult(parse_endpoint(f"https://{HOST}:443/"), HERE, proven=True))
    assert portal_verdict(found) is None


async def silence(*_: Any, **__: Any) -> Any:
    await asyncio.sleep(60)


@pytest.fixture
def without_names(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Let no resolver answer, and one server accept connections at HERE."""
    monkeypatch.setattr(checking, "PATIENCE", 0.5)
    monkeypatch.setattr(checking, "NAMELESS_AFTER", 0.1)
    monkeypatch.setattr(checking, "SILENT_RESOLVER", 0.1)
    monkeypatch.setattr(checking, "resolve_system", silence)
    world.session.neutral = replace(world.session.neutral, endpoints=(parse_endpoint(f"https://{HOST}:443/"),))
    return world


async def test_home_host_with_published_address_needs_no_resolver(without_names: World) -> None:
    world = without_names
    async with world.box(HERE, ["home.ru.example"], reply=reply(datetime.now(UTC))) as own:
        at_home = parse_endpoint(f"https://home.ru.example:{own.port}/")
        world.session.neutral = replace(
            world.session.neutral, home=(("RU", at_home),), published={at_home.url: (HERE,)}
        )
        world.session.country = "RU"
        found = await facts(world)
    (host,) = found["neutral"]
    assert (host["address"], host["failure"], host["home"]) == (HERE, None, True)
    assert found["network"] is True and world.session.home_addresses == [(HERE, at_home)]


@pytest.mark.parametrize("resolved", [False, True])
async def test_hosts_with_known_addresses_are_tried_if_no_neutral_host_has_one(
    without_names: World, monkeypatch: pytest.MonkeyPatch, resolved: bool
) -> None:
    world, far = without_names, "127.0.5.3"
    if resolved:
        monkeypatch.setattr(checking, "resolve_system", world.resolve_system)
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box, world.box(far) as root:
        neutral_at(world, box)
        by_address = (parse_endpoint(f"dns+tcp://{far}:{root.port}"),)
        world.session.neutral = replace(world.session.neutral, by_address=by_address)
        found = await facts(world)
        await asyncio.sleep(0.05)
        seen = list(root.seen)
    tested = {host["address"]: host for host in found["neutral"]}
    assert set(tested) == ({HERE} if resolved else {far}) and seen == ([] if resolved else ["connect"])
    if not resolved:
        assert tested[far]["connect_only"] is True and tested[far]["failure"] is None
    assert found["network"] is resolved  # a connect alone proves none (P4)


async def test_encrypted_resolver_is_asked_if_that_of_the_system_is_silent(
    without_names: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Warm:
        engine, ip, port = "dot", "192.0.2.1", 853

        async def ask(self, tx: Any, hostname: str, query_type: str) -> Any:
            return await world.query_udp(tx, "dot", hostname, query_type)

    async def warm(*_: Any) -> Warm:
        return Warm()

    world = without_names
    monkeypatch.setattr(checking, "first_warm_resolver", warm)
    world.session.settings = RunSettings(families=frozenset({4}))
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box:
        neutral_at(world, box)
        found = await facts(world)
    assert [(host["address"], host["failure"]) for host in found["neutral"]] == [(HERE, None)]


@pytest.mark.parametrize("family", [4, None])
async def test_answer_of_the_providers_resolver_shows_a_network(
    without_names: World, monkeypatch: pytest.MonkeyPatch, family: int | None
) -> None:
    monkeypatch.setattr(checking.NeutralLookups, "providers_resolver_family", lambda _: family)
    found = await facts(without_names)
    assert (found["network"], found["ipv4"], found["ipv4_proven"]) == (family == 4, family == 4, False)


async def test_missing_network_is_known_in_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "PATIENCE", 0.3)

    async def never(*_: Any, **__: Any) -> list[str]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(checking, "resolve_system", never)
    monkeypatch.setattr(checking, "query_udp", never)
    world.session.neutral = replace(world.session.neutral, endpoints=(parse_endpoint(f"https://{HOST}:443/"),))
    clock = LoopClock()
    found = await facts(world)
    assert await clock.stop() < 2
    assert found["network"] is False and found["ipv4"] is False and found["udp"] is None


async def test_false_answers_for_neutral_names_are_replaced_by_encrypted_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Warm:
        engine, ip, port = "dot", "192.0.2.1", 853

        async def ask(self, tx: Any, hostname: str, query_type: str) -> Any:
            world.system[hostname] = [HERE]
            return await world.query_udp(tx, "dot", hostname, query_type)

    async def warm(*_: Any) -> Warm:
        return Warm()

    monkeypatch.setattr(checking, "first_warm_resolver", warm)
    world.session.settings = RunSettings(families=frozenset({4}))
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box:
        neutral_at(world, box)
        world.system[HOST] = f.DNS_NXDOMAIN
        found = await facts(world)
    assert found["neutral"][0]["failure"] is None and found["network"] is True


async def test_encrypted_resolver_alone_proves_network(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Warm:
        ip = "192.0.2.1"

        async def ask(self, *_: Any) -> Any:
            raise AssertionError

    async def warm(*_: Any) -> Warm:
        return Warm()

    monkeypatch.setattr(checking, "first_warm_resolver", warm)
    async with world.box(HERE, otherwise="reset") as box:
        neutral_at(world, box)
        found = await facts(world)
    assert found["network"] is True and found["ipv4"] is True and found["neutral"][0]["failure"] == f.RESET


async def test_answered_connect_shows_a_family_and_proves_no_host(world: World) -> None:
    async with world.box(HERE, otherwise="reset") as box:
        neutral_at(world, box)
        found = await facts(world)
    assert (found["network"], found["ipv4"], found["ipv4_proven"]) == (True, True, False)
    assert (found["neutral"][0]["failure"], found["neutral"][0]["failed_operation"]) == (f.RESET, "tls_handshake")


async def test_helper_needs_a_proven_family(world: World) -> None:
    world.session.as_control = True
    async with world.box(HERE, otherwise="reset") as box:
        neutral_at(world, box)
        found = await facts(world)
    assert (found["network"], found["ipv4"]) == (False, False)


@pytest.mark.parametrize("proven", [True, False])
async def test_translator_is_used_only_if_a_neutral_host_proves_itself_through_it(world: World, proven: bool) -> None:
    prefix = prefix_in(["64:ff9b::c000:aa"])
    world.session.pace.translator = prefix
    host = NeutralResult(parse_endpoint(f"https://{HOST}:443/"), HERE, connected=True)
    host.failure = None if proven else f.TIMEOUT
    host.proven = proven
    found = fill_session(world.session, CheckResults(neutral=[host], heard={4}))
    assert world.session.pace.translator == (prefix if proven else None)
    assert (found.ipv4, found.ipv4_translated) == ((True, "nat64") if proven else (False, None))


async def test_refused_connect_shows_no_family(world: World) -> None:
    async with world.box(HERE, [HOST]) as box:
        neutral_at(world, box)
    found = await facts(world)  # its port is closed now, and a router at home may refuse as well
    assert (found["network"], found["ipv4"]) == (False, False)
    assert (found["neutral"][0]["failure"], found["neutral"][0]["failed_operation"]) == (f.REFUSED, "connect")


async def test_host_for_reachability_gets_a_connect_and_no_hello(world: World) -> None:
    far = "127.0.5.3"
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box, world.box(far, ["far.example"]) as other:
        endpoint, distant = neutral_at(world, box), parse_endpoint(f"https://far.example:{other.port}/help")
        world.system["far.example"] = [far]
        world.session.neutral = replace(world.session.neutral, reachability=(distant,))
        found = await facts(world)
        await asyncio.sleep(0.05)
        assert other.seen == ["connect"]
    (host,) = [host for host in found["neutral"] if host["address"] == far]
    assert host["failure"] is None and host["connect_only"] is True
    assert world.session.neutral_addresses == [(HERE, endpoint)]  # no name of a target is sent to the other


@pytest.mark.parametrize("country", ["RU", "IR", ""])
async def test_home_host_is_tested_from_its_country_only_and_is_no_neutral_host(world: World, country: str) -> None:
    home = "127.0.5.4"
    async with (
        world.box(HERE, [HOST]) as box,
        world.box(home, ["home.ru.example"], reply=reply(datetime.now(UTC))) as own,
    ):
        neutral_at(world, box)
        world.system["home.ru.example"] = [home]
        at_home = parse_endpoint(f"https://home.ru.example:{own.port}/")
        world.session.neutral = replace(world.session.neutral, home=(("RU", at_home),))
        world.session.country = country
        found = await facts(world)
        seen = list(own.seen)
    hosts = {host["address"]: host for host in found["neutral"]}
    assert bool(seen) == (home in hosts) == (country == "RU")
    if country == "RU":
        assert hosts[home]["home"] is True and hosts[home]["failure"] is None
    assert HERE in hosts and hosts[HERE].get("home") is None
    assert home not in {ip for ip, _ in world.session.neutral_addresses}


async def test_bug_in_check_is_recorded_and_others_continue(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise KeyError("x")

    monkeypatch.setattr(checking, "query_udp", broken)
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box:
        neutral_at(world, box)
        await asyncio.wait_for(preflight(world.session, world.roots), 10)
    assert world.session.preflight["network"] is True
    assert [bug.split(" ")[0] for bug in world.session.bugs] == ["KeyError"]


@pytest.mark.parametrize(("ips", "verdict"), [(["10.0.0.1"], "dns"), (["10.0.0.1", "10.0.0.2"], None)])
def test_names_of_three_operators_at_one_address_are_dns_portal(ips: list[str], verdict: str | None) -> None:
    found = CheckResults(led_to={f"{number}.example": [ips[number % len(ips)]] for number in range(3)}, portal=[None])
    assert portal_verdict(found) == verdict
    found.neutral = [NeutralResult(parse_endpoint("https://0.example:443/"), ips[0], proven=True)]
    assert portal_verdict(found) is None  # a verified host was not replaced by a portal


def test_two_names_at_one_address_are_no_portal() -> None:
    assert portal_verdict(CheckResults(led_to={"a.example": ["10.0.0.1"], "b.example": ["10.0.0.1"]})) is None


@pytest.mark.parametrize(
    ("hosts", "warm", "proven"),
    [
        ({4: "proven", 6: "cut off"}, 6, {4}),  # a fault of all TLS with names over one family
        ({4: "proven", 6: "cut off"}, 4, {4}),
        ({4: "cut off", 6: "cut off"}, 6, {6}),  # a censor of all names
        ({4: "proven"}, 6, {4, 6}),
        ({4: "proven", 6: "proven"}, None, {4, 6}),
    ],
)
def test_resolver_without_a_name_proves_no_family_in_which_names_fail(
    hosts: dict[int, str], warm: int | None, proven: set[int]
) -> None:
    found = CheckResults()
    for family, state in hosts.items():
        ip = {4: "192.0.2.1", 6: "2001:db8::1"}[family]
        host = NeutralResult.unanswered(parse_endpoint("https://neutral.example:443/"), ip)
        host.connected, host.proven = True, state == "proven"
        found.neutral.append(host)
    if warm is not None:
        found.warm = cast(WarmResolver, SimpleNamespace(ip={4: "192.0.2.9", 6: "2001:db8::9"}[warm]))
    assert families_with_proof(found) == proven

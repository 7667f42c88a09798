"""Test queries to other resolvers: once per name, over each protocol, and to addresses that run no resolver."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from probe.followups.flow import FlowRunner
from probe.followups.other_resolvers import OtherResolvers
from probe.formats import failures as f
from probe.formats.entries import DNSQuery
from probe.resolution.lookup import Name
from probe.session.trace import StepFailed, Trace
from probe.targets.target import NeutralHosts, Service, Target, parse_endpoint
from tests.support.world import INNOCUOUS, World

NAME = "service.example"


def resolvers(*providers: str) -> Target:
    services = {}
    for number, provider in enumerate(providers, 1):
        urls = (
            f"dns+udp://192.0.2.{number}:53",
            f"dns+udp://[2001:db8::{number}]:53",
            f"dot://{provider}.example:853",
            f"doh://{provider}.example:443/dns-query",
        )
        services[provider] = Service(provider, "all", tuple(map(parse_endpoint, urls)))
    return Target("resolvers", "dnscheck", "", "", date(2026, 1, 1), services, "")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    made.install(monkeypatch)
    made.system[NAME] = ["198.51.100.1"]
    made.session.resolvers = resolvers("one", "two", "three")
    made.session.neutral = NeutralHosts((INNOCUOUS,), "none.invalid", (), (), "203.0.113.1", "")

    class Channel:
        async def query(self, tx: Any, hostname: str, query_type: str) -> Any:
            made.encrypted = {NAME: ["198.51.100.9"]}
            return await warm.ask(tx, hostname, query_type)

    async def connect(resolver: Any, *_: Any) -> Channel:
        if resolver.provider == "broken":
            raise StepFailed("connect", f.REFUSED)
        return Channel()

    warm = made.session.encrypted
    assert warm is not None
    monkeypatch.setattr("probe.resolution.encrypted_dns.Resolver.connect", connect)
    return made


async def test_two_resolvers_over_udp_one_over_tls_one_over_https_and_an_address_that_runs_none(world: World) -> None:
    trace, name = Trace(), Name(NAME)
    others = OtherResolvers(FlowRunner(trace, world.session), world.roots)
    await others.ask(name, 7)
    await others.ask(name, 8)
    asked = sorted((t.followup, t.address, t.port) for t in trace.transactions)
    assert asked == [
        ("dark_resolver", "203.0.113.1", 53),
        ("resolver_doh", "192.0.2.2", 443),
        ("resolver_dot", "192.0.2.1", 853),
        ("resolver_udp", "192.0.2.1", 53),
        ("resolver_udp", "192.0.2.2", 53),
    ]
    assert {(t.cause, t.hostname, t.sent_name) for t in trace.transactions} == {(7, NAME, NAME)}
    assert {t.followup for t in trace.transactions if t.trigger} == {"resolver_udp", "dark_resolver"}
    assert name.sources == {"198.51.100.1": ["udp"], "198.51.100.9": ["dot", "doh"]}


async def test_provider_that_answered_before_is_not_queried_again_if_there_are_others(world: World) -> None:
    assert world.session.encrypted is not None
    world.session.encrypted.host = "one.example"
    trace = Trace()
    await OtherResolvers(FlowRunner(trace, world.session), world.roots).ask(Name(NAME), 7)
    asked = {t.followup: t.address for t in trace.transactions if t.followup in {"resolver_dot", "resolver_doh"}}
    assert asked == {"resolver_dot": "192.0.2.2", "resolver_doh": "192.0.2.3"}


async def test_answer_of_a_non_resolver_is_no_source(world: World) -> None:
    world.session.resolvers = resolvers()
    name = Name(NAME)
    await OtherResolvers(FlowRunner(Trace(), world.session), world.roots).ask(name, None)
    assert ("203.0.113.1", NAME) in world.lookups and name.sources == {}


async def test_helpers_closed_port_gets_the_name_and_an_innocuous_one(world: World) -> None:
    world.session.resolvers = resolvers()
    world.session.neutral = NeutralHosts((INNOCUOUS,), "none.invalid", (), (), None, "")
    world.session.settings = replace(
        world.session.settings, control=("https://helper.example/", "https://198.51.100.200:8443/")
    )
    trace = Trace()
    await OtherResolvers(FlowRunner(trace, world.session), world.roots).ask(Name(NAME), 7)
    asked = {(t.followup, t.address, t.port, t.hostname, t.trigger) for t in trace.transactions}
    assert asked == {
        ("dark_resolver", "helper", 53, NAME, True),
        ("dark_innocuous", "helper", 53, INNOCUOUS, False),
    }
    assert sorted(world.lookups) == [("198.51.100.200", INNOCUOUS), ("198.51.100.200", NAME)]
    assert world.session.pace.triggers == 1
    assert {entry.resolver_address for entry in trace.entries if isinstance(entry, DNSQuery)} == {"helper"}


@pytest.mark.parametrize("control", [(), ("https://helper.example/", "not a url")])
async def test_helper_with_a_name_is_not_queried(world: World, control: tuple[str, ...]) -> None:
    """Send nothing, because a forged answer may lead the name to a third party's machine (P7)."""
    world.session.resolvers = resolvers()
    world.session.settings = replace(world.session.settings, control=control)
    await OtherResolvers(FlowRunner(Trace(), world.session), world.roots).ask(Name(NAME), 7)
    assert world.lookups == [("203.0.113.1", NAME)]


async def test_blocked_resolver_is_recorded_as_a_failure(world: World) -> None:
    world.session.resolvers = resolvers("broken")
    trace = Trace()
    await OtherResolvers(FlowRunner(trace, world.session), world.roots).ask(Name(NAME), None)
    failures = {t.followup: t.failure for t in trace.transactions}
    assert failures["resolver_dot"] == failures["resolver_doh"] == f.REFUSED
    assert trace.bugs == []


async def test_nothing_is_asked_once_the_run_is_stopping(world: World) -> None:
    world.session.stopping.set()
    trace = Trace()
    await OtherResolvers(FlowRunner(trace, world.session), world.roots).ask(Name(NAME), None)
    assert trace.transactions == [] and world.lookups == []


async def test_assigned_resolver_is_asked_once_and_its_address_is_not_recorded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.followups.other_resolvers.assigned_resolver", lambda session: "192.0.2.77")
    world.session.resolvers = resolvers()
    world.session.neutral = NeutralHosts((INNOCUOUS,), "none.invalid", (), (), None, "")
    trace, name = Trace(), Name(NAME)
    others = OtherResolvers(FlowRunner(trace, world.session), world.roots)
    await others.ask(name, 7)
    await others.ask(name, 8)
    (asked,) = trace.transactions
    assert (asked.followup, asked.address, asked.cause, asked.trigger) == ("resolver_assigned", "assigned", 7, True)
    assert world.lookups == [("192.0.2.77", NAME)] and name.sources == {}
    assert {entry.resolver_address for entry in trace.entries if isinstance(entry, DNSQuery)} == {"assigned"}

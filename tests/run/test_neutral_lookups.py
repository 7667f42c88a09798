"""Test innocuous lookups: facts about the system's resolver and about the non-resolver."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probe.formats import failures as f
from probe.formats.entries import DNSAnswer, DNSQuery, DNSResponse
from probe.formats.facts import ResolverFacts
from probe.run.network.neutral_lookups import NeutralLookups
from probe.session.trace import Trace
from probe.targets.target import Service, parse_endpoint
from tests.support.world import World

HOST, DARK, RESOLVER = "neutral.example", "203.0.113.1", "192.168.1.1"
ADDRESS = DNSAnswer(answer_type="A", ipv4="198.51.100.1")


def response(*answers: DNSAnswer, failure: str | None = None) -> DNSResponse:
    return DNSResponse(t=0.1, ip_ttl=58, flags=["QR", "RD", "RA"], answers=list(answers), failure=failure)


class Asked:
    """Replace query_udp: what each server sends, and whether it delays afterwards."""

    def __init__(self, **responses: DNSResponse | None) -> None:
        self.responses, self.questions = responses, list[tuple[str, str]]()

    async def __call__(self, tx: Any, server: str, hostname: str, query_type: str, **_: Any) -> DNSQuery:
        self.questions.append((server, hostname))
        answer = self.responses["dark" if server == DARK else "resolver"]
        entry = DNSQuery(engine="udp", hostname=hostname, query_type=query_type, x_responses=[answer] if answer else [])
        async with tx.step(entry, 5.0):
            if answer is None:
                await asyncio.sleep(5)
        return entry


async def questions(world: World, monkeypatch: pytest.MonkeyPatch, asked: Asked, dark: str | None = DARK) -> Any:
    endpoints = (parse_endpoint(f"https://{HOST}:443/"),)
    world.session.neutral = replace(world.session.neutral, endpoints=endpoints, dark=dark)
    monkeypatch.setattr("probe.run.network.neutral_lookups.query_udp", asked)
    monkeypatch.setattr("probe.run.network.neutral_lookups.system_resolvers", lambda: [RESOLVER, "192.168.1.2"])
    trace = Trace()
    made = NeutralLookups(world.session, trace)
    task = asyncio.create_task(made.ask())
    await asyncio.wait([task], timeout=0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert trace.bugs == []
    return made


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_referral_is_no_answer_and_resolver_facts_are_recorded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(resolver=response(ADDRESS), dark=response(failure=f.DNS_NO_ANSWER))
    made = await questions(world, monkeypatch, asked)
    assert made.resolver() == ResolverFacts(
        ip_ttl=64, flags=["QR", "RD", "RA"]
    )  # of any resolver, so that it shows none
    assert made.resolver_ttl() == 58
    assert made.dark_answers() is False
    assert sorted(asked.questions) == [(RESOLVER, HOST), (DARK, HOST)]
    assert world.session.pace.triggers == 0


async def test_address_from_non_resolver_is_recorded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await questions(world, monkeypatch, Asked(resolver=response(ADDRESS), dark=response(ADDRESS)))
    assert made.dark_answers() is True


async def test_silence_until_end_of_preflight_is_no_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await questions(world, monkeypatch, Asked(resolver=None, dark=None))
    assert made.resolver() is None
    assert made.dark_answers() is False


async def test_unknown_non_resolver_gives_no_fact(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(resolver=response(failure=f.DNS_SERVFAIL))
    made = await questions(world, monkeypatch, asked, dark=None)
    assert made.dark_answers() is None
    assert made.resolver() is None  # a failure has no address and is no normal answer
    assert asked.questions == [(RESOLVER, HOST)]


@pytest.mark.parametrize(("ttl", "families"), [(58, {4, 6}), (62, {4, 6}), (63, set()), (64, set()), (None, set())])
async def test_answer_from_beyond_the_local_network_shows_its_family(
    world: World, monkeypatch: pytest.MonkeyPatch, ttl: int | None, families: set[int]
) -> None:
    urls = ("dns+udp://192.0.2.53:53", "dns+udp://192.0.2.54:53", "dns+udp://[2001:db8::53]:53")
    service = Service("public", "all", tuple(map(parse_endpoint, urls)))
    world.session.resolvers = replace(world.session.resolvers, services={"public": service})
    answer = response(ADDRESS)
    answer.ip_ttl = ttl
    asked = Asked(resolver=answer, dark=None)
    made = await questions(world, monkeypatch, asked)
    assert made.families_heard() == families
    assert {server for server, _ in asked.questions} == {RESOLVER, DARK, "192.0.2.53", "2001:db8::53"}
    assert world.session.pace.triggers == 0


async def test_silent_resolver_shows_no_family(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service("public", "all", (parse_endpoint("dns+udp://[2001:db8::53]:53"),))
    world.session.resolvers = replace(world.session.resolvers, services={"public": service})
    made = await questions(world, monkeypatch, Asked(resolver=None, dark=None))
    assert made.families_heard() == set()


@pytest.mark.parametrize(
    ("server", "ttl", "family"),
    [
        ("8.8.9.9", 58, 4),
        ("2a00::53", 58, 6),
        ("8.8.9.9", 63, None),
        ("8.8.9.9", None, None),
        ("192.168.1.1", 58, None),
    ],
    ids=["IPv4", "IPv6", "router at home", "no TTL", "private"],
)
async def test_failure_from_the_providers_resolver_shows_the_access_line(
    world: World, monkeypatch: pytest.MonkeyPatch, server: str, ttl: int | None, family: int | None
) -> None:
    failed = response(failure=f.DNS_SERVFAIL).model_copy(update={"ip_ttl": ttl})
    made = await questions(world, monkeypatch, Asked(resolver=failed, dark=None))
    monkeypatch.setattr("probe.run.network.neutral_lookups.system_resolvers", lambda: [server])
    assert made.providers_resolver_family() == family


async def test_well_known_or_silent_resolver_shows_no_access_line(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service("public", "all", (parse_endpoint("dns+udp://8.8.9.9:53"),))
    failed = response(failure=f.DNS_SERVFAIL)
    for services, answer in (({"public": service}, failed), ({}, None)):
        world.session.resolvers = replace(world.session.resolvers, services=services)
        made = await questions(world, monkeypatch, Asked(resolver=answer, dark=None))
        monkeypatch.setattr("probe.run.network.neutral_lookups.system_resolvers", lambda: ["8.8.9.9"])
        assert made.providers_resolver_family() is None

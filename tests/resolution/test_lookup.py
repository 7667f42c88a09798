"""Test lookups: the sources of addresses, corroboration, suspect answers, and what a helper's answer may change."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.formats import failures as f
from probe.formats.entries import DNSAnswer, DNSQuery, DNSResponse
from probe.resolution.lookup import MOST_ADDRESSES, Name, Names, conflicting, control_addresses
from probe.session.pacing import LOOKUPS_SIDE_BY_SIDE
from probe.session.trace import Trace
from probe.signatures.bogons import is_bogon
from probe.signatures.resolver_fingerprint import ResolverPrint
from probe.targets.target import parse_endpoint
from tests.support.world import World

NAME = "service.example"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    made.system[NAME] = ["198.18.0.1", "198.18.0.2"]
    made.encrypted = {NAME: ["198.18.0.2", "198.18.0.3"]}
    made.install(monkeypatch)
    return made


def query_with(*answers: list[str], failures: tuple[str | None, ...] = ()) -> DNSQuery:
    query = DNSQuery(engine="udp", hostname=NAME, query_type="A")
    query.x_responses = [
        DNSResponse(t=0.1, answers=[DNSAnswer(answer_type="A", ipv4=ip) for ip in ips]) for ips in answers
    ] + [DNSResponse(t=0.2, failure=failure) for failure in failures]
    return query


async def test_every_address_has_its_sources(world: World) -> None:
    trace = Trace()
    names = Names(trace, world.session)
    name = await names.of(NAME)
    await trace.finish()
    assert {ip: sorted(sources) for ip, sources in name.sources.items()} == {
        "198.18.0.1": ["system", "udp"],
        "198.18.0.2": ["dot", "system", "udp"],
        "198.18.0.3": ["dot"],
    }
    assert name.given_by({"system"}) == ["198.18.0.1", "198.18.0.2"]
    kinds = {(t.kind, t.address, t.port) for t in trace.transactions}
    assert kinds == {("lookup", "system", 0), ("lookup", "system", 53), ("lookup", "192.0.2.1", 853)}
    assert all(entry.resolver_address for entry in trace.entries if isinstance(entry, DNSQuery))


async def test_name_is_looked_up_once(world: World) -> None:
    trace = Trace()
    names = Names(trace, world.session)
    assert await names.of(NAME) is await names.of(NAME)
    await trace.finish()
    assert world.lookups.count(("system", NAME)) == 1


async def test_lookups_stay_within_the_budget(world: World) -> None:
    world.session.ipv6 = True
    trace = Trace()
    await Names(trace, world.session).of(NAME)
    await trace.finish()
    assert world.session.pace.triggers == 4  # A and AAAA by the library, A and AAAA by the own socket, none by DoT
    assert {t.address for t in trace.transactions if t.trigger} == {"system"}


async def test_later_round_prefers_the_librarys_query_to_the_own_one(world: World) -> None:
    world.session.ipv6 = True
    for triggers in (4, 6, 6):
        trace = Trace()
        name = await Names(trace, world.session).of(NAME)
        await trace.finish()
        assert world.session.pace.triggers == triggers
    assert world.lookups.count(("192.0.2.53", NAME)) == 2 and world.lookups.count(("system", NAME)) == 2
    assert name.failure == f.BUDGET and not name.is_suspect()  # the probe's limit is no property of the network


async def test_two_targets_that_share_a_name_both_get_the_systems_answer(world: World) -> None:
    world.session.ipv6 = True
    traces = [Trace(), Trace()]
    async with AsyncExitStack() as others:
        for _ in range(LOOKUPS_SIDE_BY_SIDE - 1):
            await others.enter_async_context(world.session.pace.lookup_slot())
        found = await asyncio.gather(*(Names(trace, world.session).of(NAME) for trace in traces))
    for trace in traces:
        await trace.finish()
    assert [name.given_by({"system"}) for name in found] == [["198.18.0.1", "198.18.0.2"]] * 2
    asked = [(t.port, t.failure) for trace in traces for t in trace.transactions if t.address == "system"]
    assert sorted(asked, key=str) == [(0, None), (0, None), (53, None)]
    assert world.session.pace.triggers == 6


async def test_control_asks_no_public_resolver_and_takes_the_probes_addresses(world: World) -> None:
    world.session.as_control = True
    trace = Trace()
    name = await Names(trace, world.session, {NAME: ["198.18.0.9"]}).of(NAME)
    await trace.finish()
    assert name.sources["198.18.0.9"] == ["probe"]
    assert "dot" not in {engine for engine, _ in world.lookups}


async def test_failed_lookup_makes_the_name_suspect(world: World) -> None:
    world.system[NAME] = f.DNS_NXDOMAIN
    trace = Trace()
    name = await Names(trace, world.session).of(NAME)
    await trace.finish()
    assert name.failure == f.DNS_NXDOMAIN and name.is_suspect()
    assert name.given_by({"system"}) == [] and name.given_by({"dot"})
    blamed = next(t for t in trace.transactions if t.transaction_id == name.suspect_cause())
    assert blamed.failure == f.DNS_NXDOMAIN


@pytest.mark.parametrize(
    ("failure", "compared"),
    [
        (f.DNS_REFUSED, True),
        (f.DNS_SERVFAIL, True),
        (f.DNS_MISBEHAVING, True),
        (f.FILES_EXHAUSTED, False),
    ],
)
async def test_failed_lookup_is_compared_with_an_innocuous_name(world: World, failure: str, compared: bool) -> None:
    world.system[NAME], world.session.neutral = failure, replace(world.session.neutral, innocuous=("harmless.example",))
    assert await asked_for_innocuous(world, Names(Trace(), world.session)) == compared


@pytest.mark.parametrize(
    ("failure", "again"),
    [(f.DNS_REFUSED, 1), (f.DNS_SERVFAIL, 1), (f.TIMEOUT, 1), (f.DNS_NXDOMAIN, 0), (f.FILES_EXHAUSTED, 0)],
)
async def test_failed_lookup_is_repeated_alone_after_a_rest(
    world: World, monkeypatch: pytest.MonkeyPatch, failure: str, again: int
) -> None:
    monkeypatch.setattr("probe.resolution.lookup.REST", 0.05)
    monkeypatch.setattr("probe.resolution.lookup.ALONE", 0.0)
    world.system[NAME], trace = failure, Trace()
    await Names(trace, world.session).of(NAME)
    await trace.finish()
    repeated = [t for t in trace.transactions if t.followup == "same_name_system_resolver"]
    assert len(repeated) == again
    assert all(t.trigger and t.address == "system" and t.hostname == NAME for t in repeated)


async def test_lookup_is_not_repeated_by_a_helper_a_stopping_run_or_without_budget(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.resolution.lookup.REST", 0.05)
    world.system[NAME] = f.DNS_REFUSED
    for change in ("as_control", "stopping", "budget"):
        world.session.as_control = change == "as_control"
        trace = Trace()
        await Names(trace, world.session).of(NAME)
        if change == "stopping":
            world.session.stopping.set()
        while change == "budget" and world.session.pace.triggers_left(NAME, "system", "udp"):
            world.session.pace.spend_trigger(NAME, "system", "udp", 53)
        await trace.finish()
        assert not [t for t in trace.transactions if t.followup == "same_name_system_resolver"]
        world.session.stopping.clear()
        world.session.pace.next_round()


@pytest.mark.parametrize(
    ("answer", "compared"),
    [(f.DNS_NXDOMAIN, True), (f.DNS_NO_ANSWER, True), (["10.10.34.34"], True), (["8.8.8.8"], False)],
)
async def test_denial_and_bogon_are_compared_with_a_neutral_host(
    world: World, monkeypatch: pytest.MonkeyPatch, answer: list[str] | str, compared: bool
) -> None:
    monkeypatch.setattr("probe.resolution.lookup.is_bogon", is_bogon)
    endpoint = parse_endpoint("https://neutral.example:443/")
    world.session.neutral = replace(world.session.neutral, endpoints=(endpoint,), innocuous=("harmless.example",))
    world.system[NAME], trace = answer, Trace()
    await Names(trace, world.session).of(NAME)
    await trace.finish()
    beside = {name for server, name in world.lookups if server == "system"} - {NAME}
    assert beside == ({"neutral.example"} if compared else set())


async def test_late_answer_is_compared_with_an_innocuous_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.session.neutral = replace(world.session.neutral, innocuous=("harmless.example",))
    quick = world.resolve_system

    async def late(*args: Any, **how: Any) -> list[str]:
        await asyncio.sleep(0.1)
        return await quick(*args, **how)

    assert not await asked_for_innocuous(world, Names(Trace(), world.session))
    world.session.pace.next_round()
    monkeypatch.setattr("probe.resolution.lookup.resolve_system", late)
    monkeypatch.setattr("probe.resolution.lookup.ANSWER_DUE", 0.01)
    assert await asked_for_innocuous(world, Names(Trace(), world.session))
    world.session.pace.next_round()
    world.session.as_control = True
    assert not await asked_for_innocuous(world, Names(Trace(), world.session))


async def asked_for_innocuous(world: World, names: Names) -> bool:
    """Look the name up, and return whether the system's resolver was asked for the innocuous name, without trigger."""
    world.lookups.clear()
    trace = names._trace
    await names.of(NAME)
    await trace.finish()
    compared = [t for t in trace.transactions if t.followup == "innocuous_name_system_resolver"]
    assert not any(t.trigger for t in compared)
    asked = ("system", "harmless.example") in world.lookups
    assert asked == bool(compared)
    return asked


def test_same_address_or_same_known_network_corroborates() -> None:
    name = Name(NAME)
    name.add(["192.0.2.1"], "system")
    name.add(["192.0.2.1", "198.51.100.1"], "udp")
    assert not name.corroborates("192.0.2.1", lambda ip: 0)  # a device on the path can forge UDP
    assert not name.corroborates("192.0.2.1", lambda ip: 64500)
    name.add(["198.51.100.7"], "doh")
    assert not name.corroborates("192.0.2.1", lambda ip: 0)
    assert name.corroborates("192.0.2.1", lambda ip: 64500)
    assert not name.corroborates("192.0.2.1", lambda ip: 64500 if ip == "192.0.2.1" else 64501)
    name.asked = [query_with(["192.0.2.1"], ["198.51.100.7"])]
    assert not name.corroborates("192.0.2.1", lambda ip: 64500)  # forged answers use other services' addresses
    name.add(["192.0.2.1"], "control")
    assert name.corroborates("192.0.2.1", lambda ip: 0)


def test_contradictions_make_the_name_suspect(monkeypatch: pytest.MonkeyPatch) -> None:
    name = Name(NAME)
    name.add(["8.8.8.8"], "system")
    assert not name.is_suspect()
    name.asked = [query_with(["8.8.8.8"], ["8.8.8.8"])]
    assert not name.is_suspect()  # the same answer twice
    name.asked = [query_with(["8.8.8.8"], ["9.9.9.9"])]
    assert name.is_suspect()
    bogon = Name(NAME)
    bogon.add(["10.10.34.36"], "system")
    assert bogon.is_suspect()
    bogon.add(["10.10.34.36"], "dot")
    assert not bogon.is_suspect()  # its owner really publishes it (polito.it)
    interrupted = Name(NAME, failure=f.INTERRUPTED)
    assert not interrupted.is_suspect()


def test_answer_unlike_the_resolvers_makes_the_name_suspect() -> None:
    name = Name("service.example", normal=ResolverPrint(58, frozenset({"QR", "RD", "RA"})))
    name.add(["198.51.100.1"], "system")
    name.add(["198.51.100.1"], "dot")
    for ip_ttl, flags, doubtful in ((58, ["QR", "RD", "RA"], False), (98, ["QR", "RD", "RA"], True)):
        question = query_with(["198.51.100.1"])
        assert question.x_responses
        question.x_responses[0].ip_ttl, question.x_responses[0].flags = ip_ttl, flags
        name.asked = [question]
        assert name.is_suspect() is doubtful
    name.normal = None  # the resolver was not asked, or did not answer, before
    assert not name.is_suspect()


def test_datagrams_conflict_by_content_and_not_by_order_or_ttl() -> None:
    assert not conflicting(query_with())
    assert not conflicting(query_with(["192.0.2.1", "192.0.2.2"], ["192.0.2.2", "192.0.2.1"]))
    assert conflicting(query_with(["192.0.2.1"], failures=(f.DNS_NXDOMAIN,)))


def test_answer_with_hundreds_of_addresses_is_cut() -> None:
    name = Name(NAME)
    name.add([f"192.0.2.{n}" for n in range(200)], "system")
    assert len(name.sources) == MOST_ADDRESSES


def test_helpers_addresses_are_read_from_its_lists() -> None:
    answered = query_with().model_dump(mode="json") | {"answers": [{"answer_type": "A", "ipv4": "192.0.2.1"}]}
    nonsense: list[Any] = [7, None, {}, {"hostname": NAME}, answered | {"answers": [{"answer_type": "A", "ipv4": "x"}]}]
    keys = {"queries": [*nonsense, answered], "x_endpoints": {"queries": [answered | {"hostname": "b.example"}]}}
    keys |= {"bootstrap": {"queries": [answered | {"hostname": "c.example"}]}}  # dnscheck's place for them
    everywhere = [NAME, "b.example", "c.example"]
    assert control_addresses({"test_keys": keys}) == {name: ["192.0.2.1"] for name in everywhere}


KEYS = ["queries", "answers", "lookups", "x"]
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["queries", "answers", "lookups", "x"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["test_keys", "failure"]), json))
def test_any_answer_of_the_helper_is_read(answer: dict[str, Any]) -> None:
    assert isinstance(control_addresses(answer), dict)


async def test_private_addresses_of_the_helper_are_ignored(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    names = Names(Trace(), world.session)
    names.known[NAME] = Name(NAME)
    names.learn_from_control({NAME: ["192.168.1.1", "127.0.0.1", "8.8.8.8"], "other.example": ["8.8.4.4"]})
    assert list(names.known[NAME].sources) == ["8.8.8.8"]
    assert "other.example" not in names.known
    assert names.control_answered.is_set()

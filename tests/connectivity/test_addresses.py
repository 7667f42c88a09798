"""Test at which addresses an endpoint is tried: verified ones, unverified ones and those of trusted sources (P7)."""

from dataclasses import replace
from typing import Any

import pytest

from probe.formats import failures as f
from probe.formats.entries import DNSAnswer, DNSResponse
from probe.steps.tls.certificate_checks import load_roots
from tests.connectivity.one_endpoint import (
    DIFFERENTIAL,
    HERE,
    NAME,
    NEUTRAL,
    OTHER_HELLOS,
    THERE,
    kinds,
    resolves,
    run,
    the,
)
from tests.support.world import INNOCUOUS, World


async def test_unverified_address_gets_one_connect_and_one_hello_in_the_whole_run(world: World) -> None:
    """Check P7 for a forged answer that many endpoints and names get."""
    async with world.box(HERE) as box, world.box(THERE, [NAME, "b.example"]) as true_server:
        world.system = {NAME: [HERE], "b.example": [HERE]}
        world.encrypted = {NAME: [THERE], "b.example": [THERE]}
        urls = [f"https://{NAME}:{box.port}/", f"https://{NAME}:{box.port}/b", f"https://b.example:{box.port}/"]
        trace = await run(world, world.target(*urls))
        await run(world, world.target(*urls))
        assert box.seen.count("connect") == 1
        assert len([seen for seen in box.seen if seen.startswith("hello")]) == 1
        assert true_server.seen == []
    assert INNOCUOUS not in str(box.seen)
    (first,) = [r for r in trace.transactions if r.kind == "first"]
    assert first.failure in f.CERTIFICATE_FAILURES and not first.corroborated
    assert trace.not_visited == {url: first.failure for url in urls if url != first.endpoint}  # OONI goes there


async def test_forged_answer_leads_to_the_addresses_of_trusted_sources(world: World) -> None:
    async with world.box(THERE, [NAME]) as true_server, world.box(HERE, port=true_server.port) as forged:
        resolves(world, HERE, trusted=(THERE,))
        trace = await run(world, world.target(f"https://{NAME}:{true_server.port}/"))
    assert kinds(trace, address=HERE) == ["first"]
    assert kinds(trace, address=THERE) == ["innocuous", "alternative_address"]
    alternative = the(trace, "alternative_address")
    assert alternative.failure is None and alternative.corroborated and alternative.address_sources == ["dot"]
    assert alternative.cause == the(trace, "first").transaction_id
    assert forged.flows(INNOCUOUS) == 0


@pytest.mark.parametrize("contradicted", [True, False])
async def test_page_that_proves_nothing_makes_the_name_suspect_where_trusted_sources_contradict_it(
    world: World, contradicted: bool
) -> None:
    async with world.box(THERE) as true_server, world.box(HERE, port=true_server.port):
        resolves(world, HERE, trusted=(THERE,) if contradicted else ())
        trace = await run(world, world.target(f"http://{NAME}:{true_server.port}/"))
    assert the(trace, "first").failure is None
    assert ("resolver_dot" in kinds(trace) or "alternative_address" in kinds(trace)) == contradicted
    if contradicted:
        alternative = the(trace, "alternative_address")
        assert (alternative.address, alternative.failure) == (THERE, None)
        assert alternative.cause == the(trace, "first").transaction_id


async def test_name_blocked_at_two_layers_gets_the_differential_at_the_true_address(world: World) -> None:
    async with (
        world.box(THERE, [NAME], names={NAME: "reset"}) as true_server,
        world.box(NEUTRAL, ["neutral.example"], names={NAME: "reset"}) as neutral,
    ):
        world.system[NAME] = "dns_nxdomain_error"
        world.encrypted = {NAME: [THERE]}
        world.neutral(neutral)
        trace = await run(world, world.target(f"https://{NAME}:{true_server.port}/"))
    tried = kinds(trace)
    assert tried[:3] == ["innocuous", "alternative_address", "confirm"]
    assert sorted(tried[3:-2]) == DIFFERENTIAL and sorted(tried[-2:]) == OTHER_HELLOS
    alternative = the(trace, "alternative_address")
    lookup = next(r for r in trace.transactions if r.kind == "lookup" and r.failure == f.DNS_NXDOMAIN)
    assert alternative.cause in {r.transaction_id for r in trace.transactions if r.hostname == NAME}
    assert lookup.hostname == NAME
    assert the(trace, "confirm").cause == alternative.transaction_id
    assert the(trace, "other_name_same_address").cause == alternative.transaction_id


async def test_certificate_verifies_an_address_that_no_trusted_source_gave(world: World) -> None:
    world.session.encrypted = None
    async with world.box(HERE, [NAME]) as box:
        world.system[NAME] = [HERE]
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/", f"https://{NAME}:{box.port}/b"))
    assert kinds(trace) == ["first", "first"]
    assert [r.failure for r in trace.transactions if r.endpoint] == [None, None]
    assert not any(r.corroborated for r in trace.transactions)


async def test_reset_at_an_unverified_address_gets_a_second_flow_only_at_a_neutral_host(world: World) -> None:
    world.session.encrypted = None
    async with (
        world.box(HERE, [NAME], names={NAME: "reset"}) as box,
        world.box(NEUTRAL, ["neutral.example"], names={NAME: "reset"}) as neutral,
    ):
        world.system[NAME] = [HERE]
        world.neutral(neutral)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace) == ["first", "same_name_neutral_host", "nonexistent_name_neutral_host"]
    assert box.seen == ["connect", f"hello {NAME}"]


async def test_address_in_the_same_autonomous_system_is_verified(world: World) -> None:
    world.session.asn_of = lambda ip: 64500 if ip in {HERE, THERE} else 0
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE, trusted=(THERE,))
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace) == ["innocuous", "first"]
    world.session.asn_of = lambda ip: 0
    async with world.box(HERE, [NAME]) as box:
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace) == ["first"]  # unknown systems are not the same system


async def test_bad_certificate_at_a_verified_address_is_confirmed(world: World) -> None:
    async with world.box(HERE) as box:
        resolves(world, HERE)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace) == ["innocuous", "first", "confirm", "other_name_same_address"]
    assert the(trace, "first").failure == the(trace, "confirm").failure
    assert the(trace, "first").failure in f.CERTIFICATE_FAILURES


async def test_conflicting_datagrams_ask_other_resolvers_even_where_the_endpoint_works(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def ask(_: Any, name: Any, cause: int | None) -> None:
        asked.append(name.hostname)

    monkeypatch.setattr("probe.followups.other_resolvers.OtherResolvers.ask", ask)
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        await run(world, world.target(f"https://{NAME}:{box.port}/"))
        assert asked == []
        world.responses = [
            DNSResponse(t=0.1, answers=[DNSAnswer(answer_type="A", ipv4=ip)]) for ip in ("192.0.2.7", HERE)
        ]
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert asked == [NAME]
    assert "alternative_address" not in kinds(trace)


async def test_target_has_its_own_authorities(world: World) -> None:
    """Verify a server that only the target's own authority certifies, as Signal's."""
    own = world.ca.pem.decode()
    world.roots = load_roots()  # the public ones do not know it
    async with world.box(HERE, [NAME, INNOCUOUS]) as box:
        resolves(world, HERE)
        target = world.target(f"https://{NAME}:{box.port}/")
        trusted = await run(world, replace(target, roots=own))
        assert the(trusted, "first").failure is None
        refused = await run(world, target)
        assert the(refused, "first").failure == f.SSL_UNKNOWN_AUTHORITY


async def test_family_that_does_not_work_is_not_tried(world: World) -> None:
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE, "::1")
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/", f"tcp://[::1]:{box.port}"))
    assert {r.family for r in trace.transactions if r.endpoint} == {4}

"""Test which endpoints and addresses come first on an access line that cannot carry all."""

import asyncio
from dataclasses import replace
from typing import Any

from probe.connectivity.priorities import address_priority, confirmation_priority, endpoint_priorities
from probe.session.flow_slots import Priority
from probe.session.trace import Trace
from probe.targets.target import Service, Target, parse_endpoint
from tests.connectivity.one_endpoint import HERE, NAME, NEUTRAL, THERE, resolves, run
from tests.support.world import World

LEADING, NEEDED, FURTHER, LATER = Priority


def priorities(works_if: Any, *urls: str) -> list[Priority]:
    endpoints = tuple(map(parse_endpoint, urls))
    service = Service("web", works_if, endpoints)
    found = endpoint_priorities([(service, endpoint) for endpoint in endpoints])
    return [found["web", endpoint.url] for endpoint in endpoints]


def test_deepest_proof_leads() -> None:
    urls = ("tcp://a.example:443", "https://a.example:443/", "tls://a.example:443")
    assert priorities("all", *urls) == [NEEDED, LEADING, NEEDED]
    assert priorities("any", *urls) == [FURTHER, LEADING, FURTHER]


def test_one_of_equal_endpoints_leads() -> None:
    assert priorities("any", *[f"mtproto://192.0.2.{n}:443" for n in range(3)]) == [LEADING, FURTHER, FURTHER]


def test_every_service_has_a_leading_endpoint() -> None:
    pairs = [(Service(role, "any", ()), parse_endpoint(f"tls://{role}.example:443")) for role in ("web", "chat")]
    assert set(endpoint_priorities(pairs).values()) == {LEADING}


def test_first_address_has_the_priority_of_the_endpoint() -> None:
    assert [address_priority(LEADING, number) for number in range(3)] == [LEADING, FURTHER, FURTHER]


def test_confirmation_comes_before_alternatives_and_after_leading_endpoints() -> None:
    assert [confirmation_priority(first) for first in (LEADING, NEEDED, FURTHER)] == [NEEDED, NEEDED, FURTHER]


async def test_leading_endpoint_and_first_address_start_first(world: World) -> None:
    """Test one slot for all flows: the alternatives and the second address wait until the others have ended."""
    async with world.box(HERE, [NAME]) as first, world.box(THERE, [NAME], port=first.port) as second:
        resolves(world, HERE, THERE)
        target = world.target(f"tls://{NAME}:{first.port}", f"https://{NAME}:{first.port}/")
        service = replace(target.services["web"], works_if="any")
        world.session.pace.flows.limit = 1
        trace = Trace()
        await asyncio.wait_for(run(world, only(target, service), trace), 20)
    begun = [(r.kind, r.endpoint.partition(":")[0], r.address) for r in trace.transactions if r.kind != "lookup"]
    assert begun[0][2] == HERE and ("first", "https", HERE) in begun[:2]
    leading = begun.index(("first", "https", HERE))
    assert all(begun.index(other) > leading for other in begun if other[2] == THERE or other[1] == "tls")
    assert second.flows(NAME) and first.flows(NAME)


async def test_leading_endpoint_of_another_target_comes_before_an_alternative(world: World) -> None:
    """Test one slot, which is free once the flows of both targets wait for it."""
    async with world.box(HERE) as first, world.box(THERE) as second, world.box(NEUTRAL) as third:
        alternatives = world.target(f"tcp://{HERE}:{first.port}", f"tcp://{THERE}:{second.port}")
        alternatives = only(alternatives, replace(alternatives.services["web"], works_if="any"))
        pace, traces = world.session.pace, (Trace(), Trace())
        pace.flows.limit = 1
        held = await pace.flows.take()
        running = [asyncio.create_task(run(world, alternatives, traces[0]))]
        await asyncio.sleep(0.05)
        running.append(asyncio.create_task(run(world, world.target(f"tcp://{NEUTRAL}:{third.port}"), traces[1])))
        await asyncio.sleep(0.05)
        held.give_back()
        await asyncio.gather(*running)
    begun = sorted((trace.zero + record.t0, record.address) for trace in traces for record in trace.transactions)
    leading, other = begun[0][1], {HERE: THERE, THERE: HERE}[begun[0][1]]
    assert [address for _, address in begun] == [leading, NEUTRAL, other]


def only(target: Target, service: Service) -> Target:
    return replace(target, services={"web": service})

"""Test what verifies an address, and that a visit always ends."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from probe.connectivity.attempt import AttemptRunner
from probe.connectivity.attempt_state import AttemptState, MeasurementState
from probe.connectivity.endpoint import Reach
from probe.connectivity.planner import plan
from probe.followups.planned_flow import PlannedFlow
from probe.resolution.address_trust import AddressAttempt, AddressTrust
from probe.resolution.lookup import Name, Names
from probe.session.trace import Trace
from probe.targets.target import parse_endpoint
from tests.support.world import World

NAME, IP = "service.example", "127.0.3.1"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    made.install(monkeypatch)
    return made


async def test_visit_verifies_an_address_for_every_attempt(world: World) -> None:
    name = Name(NAME)
    name.add([IP], "system")
    attempt = AddressAttempt("web", parse_endpoint(f"https://{NAME}:443/"), IP, name)
    trust = AddressTrust(world.session)
    assert (trust.is_verified(attempt), trust.visit_state(IP)) == (False, "none")
    trust.begin_visit(IP)
    assert (trust.is_verified(attempt), trust.visit_state(IP)) == (False, "under_way")
    trust.end_visit(IP, verified=True)
    trust.end_visit(IP, verified=False)
    assert (trust.is_verified(attempt), trust.visit_state(IP)) == (True, "verified")
    assert not trust.is_corroborated(attempt)


async def test_literal_and_trusted_source_verify_an_address(world: World) -> None:
    trust, endpoint, name = AddressTrust(world.session), parse_endpoint(f"https://{NAME}:443/"), Name(NAME)
    assert trust.sources(AddressAttempt("web", endpoint, IP, None)) == ["literal"]
    assert trust.is_verified(AddressAttempt("web", endpoint, IP, None))
    name.add([IP], "dot")
    assert trust.is_verified(AddressAttempt("web", endpoint, IP, name))


@pytest.mark.parametrize("after", [0, 1, 50])
async def test_cancelled_visit_ends(world: World, after: int) -> None:
    world.session.encrypted = None
    async with world.box(IP, [NAME], otherwise="silent") as box:
        world.system[NAME] = [IP]
        trace = Trace()
        names = Names(trace, world.session)
        names.control_answered.set()
        reach = Reach(trace, world.session, names, world.roots)
        running = asyncio.create_task(reach.services(world.target(f"https://{NAME}:{box.port}/"), ["web"]))
        while IP not in world.session.approached:
            await asyncio.sleep(0)
        for _ in range(after):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.sleep(0)
        assert world.session.approached[IP].result() is False
        await names.finish()


async def test_visit_that_is_cancelled_before_its_first_step_ends(world: World) -> None:
    trace, name = Trace(), Name(NAME)
    name.add([IP], "system")
    measurement = MeasurementState(trace, world.session, AddressTrust(world.session))
    attempts = AttemptRunner(measurement, Names(trace, world.session), world.roots)
    state = AttemptState(AddressAttempt("web", parse_endpoint(f"https://{NAME}:443/"), IP, name), measurement)
    (flow,) = cast(tuple[PlannedFlow], plan(state.facts()))
    attempts._begin(flow, state)
    await state.abandon()
    await asyncio.sleep(0)
    assert world.session.approached[IP].result() is False and trace.transactions == []

"""Test which flows begin a check of the network: those whose failure may accuse, and no others."""

from typing import Any

import pytest

from probe.followups.flow import FlowFacts, FlowRunner
from probe.formats.followups import FollowUp
from probe.formats.transactions import Kind
from probe.session.trace import Trace, Transaction, TransactionFacts
from tests.connectivity.one_endpoint import HERE, NAME, NEUTRAL, resolves, run
from tests.support.world import World


class CountingWatch:
    """Count the flows that ask for a check of the network."""

    def __init__(self) -> None:
        self.asked, self.neutral = 0, set[str]()

    def beside(self, neutral: str = "") -> None:
        self.asked += 1
        self.neutral |= {neutral} - {""}

    async def settle(self, patience: float) -> None:
        pass

    def lost_since(self, when: float, family: int) -> bool:
        return False

    def since(self, zero: float) -> list[dict[str, Any]]:
        return []


async def test_working_endpoint_needs_no_check(world: World) -> None:
    world.session.watch = watch = CountingWatch()
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert watch.asked == 0


async def test_confirmation_and_flows_to_neutral_hosts_begin_checks(world: World) -> None:
    world.session.watch = watch = CountingWatch()
    async with (
        world.box(HERE, [NAME], names={NAME: "reset"}) as box,
        world.box(NEUTRAL, ["neutral.example"], names={NAME: "reset"}) as neutral,
    ):
        resolves(world, HERE)
        world.neutral(neutral)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    confirmed = [record for record in trace.transactions if record.kind == "confirm"]
    at_neutral = [record for record in trace.transactions if record.address == NEUTRAL]
    assert confirmed and at_neutral and watch.asked == len(confirmed) + len(at_neutral)
    assert watch.neutral == {NEUTRAL}


@pytest.mark.parametrize(
    ("kind", "followup", "asks"),
    [("followup", "resolver_udp", 1), ("followup", "resolver_doh", 0), ("confirm", "", 1), ("first", "", 0)],
)
async def test_questions_about_a_suspect_name_begin_checks(
    world: World, kind: Kind, followup: FollowUp, asks: int
) -> None:
    async def nothing(tx: Transaction) -> None:
        pass

    world.session.watch = watch = CountingWatch()
    runner = FlowRunner(Trace(), world.session)
    await runner.carry_out(FlowFacts(TransactionFacts(kind, followup=followup, address=HERE)), nothing)
    assert watch.asked == asks

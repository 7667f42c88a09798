"""Run a target with one endpoint, and read what was tried from its trace."""

import asyncio

from probe.connectivity.endpoint import Reach
from probe.formats.transactions import TransactionRecord
from probe.resolution.lookup import Names
from probe.session.trace import Trace
from probe.targets.target import Target
from tests.support.world import World

NAME = "service.example"
HERE, THERE, NEUTRAL = "127.0.1.1", "127.0.1.2", "127.0.1.9"
DIFFERENTIAL = [
    "nonexistent_name_neutral_host",
    "nonexistent_name_same_address",
    "other_name_same_address",
    "same_name_neutral_host",
]
OTHER_HELLOS = ["browser_hello", "other_size_hello"]  # at the neutral host, where the name failed too


async def run(world: World, target: Target, trace: Trace | None = None) -> Trace:
    """Try the target's endpoints without a helper."""
    trace = trace or Trace()
    names = Names(trace, world.session)
    names.control_answered.set()
    await asyncio.wait_for(Reach(trace, world.session, names, world.roots).services(target, ["web"]), 30)
    await trace.finish()
    await names.finish()
    return trace


def kinds(trace: Trace, *, address: str | None = None) -> list[str]:
    """Return what was tried, in order, without lookups, as "first", "confirm" or "other_name_same_address"."""
    return [
        record.followup or record.kind
        for record in trace.transactions
        if record.endpoint and (address is None or record.address == address)
    ]


def the(trace: Trace, kind: str) -> TransactionRecord:
    """Return the only transaction of this kind or follow-up."""
    (record,) = (r for r in trace.transactions if r.endpoint and (r.followup or r.kind) == kind)
    return record


def resolves(world: World, *ips: str, trusted: tuple[str, ...] | None = None) -> None:
    """Let the resolvers answer with these addresses. `trusted`: those of the encrypted resolver, if they differ."""
    world.system[NAME] = list(ips)
    assert world.encrypted is not None
    world.encrypted[NAME] = list(ips if trusted is None else trusted)

"""Send packets with TTL 1 to an address that failed, to see whether this computer or the first hop stops them."""

import asyncio

from probe.followups.flow import FlowFacts
from probe.followups.flow_context import FollowUpContext
from probe.followups.planned_flow import PlannedFlow
from probe.formats.transactions import TransactionRecord
from probe.session.trace import Transaction
from probe.steps.path.near_reaction import near_reaction
from probe.targets.target import family_of


async def send_with_ttl_1(context: FollowUpContext, flow: PlannedFlow) -> TransactionRecord | None:
    """Send the packets. None without a verified neutral host of the family, since nothing could be compared."""
    runner, session = context.runner, context.runner.session
    neutral = [
        (ip, at.port) for ip, at in session.neutral_addresses if family_of(ip) == context.family and ip != flow.address
    ]
    if not neutral:
        return None

    def turn_for_burst() -> asyncio.Lock | None:
        runner.bursts_left -= 1
        return session.one_burst if runner.bursts_left >= 0 else None

    async def steps(tx: Transaction) -> None:
        await near_reaction(
            tx,
            flow.address,
            flow.port,
            context.endpoint.carrier,
            neutral[0],
            pace=session.pace,
            turn_for_burst=turn_for_burst,
        )

    return await runner.carry_out(FlowFacts(context.transaction(flow)), steps)


CARRIES_OUT = {"near_reaction": send_with_ttl_1}

"""Send random bytes to a neutral host at the same port, to see whether unlisted protocols are blocked."""

from probe.followups.flow import FlowFacts
from probe.followups.flow_context import FollowUpContext
from probe.followups.planned_flow import PlannedFlow
from probe.formats.transactions import TransactionRecord
from probe.session.trace import Transaction
from probe.steps.random_bytes import random_bytes
from probe.steps.tcp import tcp_connect


async def send_random_bytes(context: FollowUpContext, flow: PlannedFlow) -> TransactionRecord | None:
    pace = context.runner.session.pace

    async def steps(tx: Transaction) -> None:
        conn = await tcp_connect(tx, flow.address, flow.port, pace=pace)
        await random_bytes(tx, conn, pace=pace)

    return await context.runner.carry_out(FlowFacts(context.transaction(flow), residual="at_start"), steps)


CARRIES_OUT = {"random_bytes_neutral_host": send_random_bytes}

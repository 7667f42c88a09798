"""Send a DTLS hello in another program's form, to see whether a censor reads the form or drops all of DTLS.

Russia drops hellos with the bytes of one library and lets those of browsers pass
(https://github.com/net4people/bbs/issues/603 and https://github.com/pion/dtls/pull/474, opened 2026-11-27).
"""

from probe.followups.flow import FlowFacts
from probe.followups.flow_context import FollowUpContext
from probe.followups.planned_flow import PlannedFlow
from probe.formats.followups import FollowUp
from probe.formats.transactions import TransactionRecord
from probe.session.trace import Transaction
from probe.steps.calls.dtls import dtls_hello
from probe.wire.dtls.client_hello import Shape

DTLS_HELLOS: dict[FollowUp, Shape] = {
    "firefox_dtls_hello": "firefox",
    "dtls13_hello": "dtls13",
    "same_dtls_hello_again": "openssl",
}
"""The form of the hello of each kind."""


async def send_dtls_hello(context: FollowUpContext, flow: PlannedFlow) -> TransactionRecord | None:
    """Send a hello in the form of the flow's kind to the endpoint's address."""
    runner, pace = context.runner, context.runner.session.pace
    trigger = context.trigger(flow, context.endpoint.carrier)

    async def steps(tx: Transaction) -> None:
        if trigger:
            runner.count(tx, trigger)
        await dtls_hello(tx, flow.address, flow.port, pace=pace, shape=DTLS_HELLOS[flow.followup])

    return await runner.carry_out(FlowFacts(context.transaction(flow), trigger, again=True), steps)


CARRIES_OUT = dict.fromkeys(DTLS_HELLOS, send_dtls_hello)

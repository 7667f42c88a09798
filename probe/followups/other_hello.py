"""Send a name in another TLS hello, to see whether the censor also reads the form of the hello.

Some middleboxes recognise programs by their hello (cipher suites, order of the extensions). Some do not reassemble a
hello that is longer than one segment. Some drop every hello with Encrypted ClientHello, or with it and a certain name
(https://github.com/net4people/bbs/issues/417, opened 2026-11-26).
"""

from collections.abc import Callable

from probe.followups.flow import FlowFacts
from probe.followups.flow_context import FollowUpContext
from probe.followups.planned_flow import PlannedFlow
from probe.formats.followups import FollowUp
from probe.formats.transactions import TransactionRecord
from probe.session.trace import Transaction
from probe.steps.tcp import tcp_connect
from probe.steps.tls.client_hello import OWN, RESIZED, WITH_ECH, Hello, browser_hello, browser_hello_without_ech
from probe.steps.tls.tls import tls_handshake

HELLOS: dict[FollowUp, Callable[[], Hello]] = {
    "browser_hello": browser_hello,
    "harmless_browser_hello": browser_hello,
    "other_size_hello": lambda: RESIZED,
    "same_hello_again": lambda: OWN,
    "browser_hello_without_ech": browser_hello_without_ech,
    "neutral_browser_hello": browser_hello,
    "neutral_browser_hello_without_ech": browser_hello_without_ech,
    "neutral_hello_with_ech": lambda: WITH_ECH,
    "hello_with_ech_neutral_host": lambda: WITH_ECH,
}
"""What makes the hello of each kind."""


async def send_hello(context: FollowUpContext, flow: PlannedFlow) -> TransactionRecord | None:
    """Send the flow's name in the hello of its kind.

    A browser's hello must get the endpoint's certificate at the endpoint's address. Elsewhere any answer is a success.
    """
    runner, pace = context.runner, context.runner.session.pace
    trigger = context.trigger(flow, context.endpoint.carrier)

    async def steps(tx: Transaction) -> None:
        hello = HELLOS[flow.followup]()  # before the connect: without the library nothing is sent
        conn = await tcp_connect(tx, flow.address, flow.port, pace=pace)
        if trigger:
            runner.count(tx, trigger)
        await tls_handshake(
            tx,
            conn,
            flow.sent_name,
            pace=pace,
            roots=context.roots,
            alpn=context.endpoint.facts.alpn_offered,
            check=flow.followup == "browser_hello" and flow.at_endpoint,
            hello=hello,
        )

    return await runner.carry_out(FlowFacts(context.transaction(flow), trigger, again=True), steps)


CARRIES_OUT = dict.fromkeys(HELLOS, send_hello)

"""Look up the key that DNS publishes for Encrypted ClientHello, and send a hello that is encrypted with it.

The run's encrypted resolver is asked, because a middlebox could remove the key from another answer. OONI's echcheck
does the same, opened 2026-11-28:
https://github.com/ooni/probe-cli/blob/7cb22410c98db6dbc801887d93b65c8a5318ad07/internal/experiment/echcheck/measure.go
"""

import base64

from probe.followups.flow import FlowFacts
from probe.followups.flow_context import FollowUpContext
from probe.followups.planned_flow import PlannedFlow
from probe.formats.entries import DNSQuery
from probe.formats.transactions import TransactionRecord
from probe.session.trace import Transaction
from probe.steps.tcp import tcp_connect
from probe.steps.tls.client_hello import browser_hello_with_key
from probe.steps.tls.tls import tls_handshake
from probe.targets.dialects import DIALECTS
from probe.wire.dns.dns_message import ech_configs

USUAL_PORT = DIALECTS["https"].default_port


async def send_hello_with_key(context: FollowUpContext, flow: PlannedFlow) -> TransactionRecord | None:
    """Send the name in a hello that is encrypted for the server. Without a published key only the lookup is made.

    Return None without an encrypted resolver.
    """
    runner, resolver = context.runner, context.runner.session.encrypted
    if resolver is None:
        return None
    pace, trigger = runner.session.pace, context.trigger(flow, context.endpoint.carrier)

    async def steps(tx: Transaction) -> None:
        answer = await resolver.ask(tx, record_owner(flow.sent_name, flow.port), "HTTPS")
        configs = published(answer)
        if configs is None:
            return
        hello = browser_hello_with_key(configs)  # before the connect: without the library nothing is sent
        conn = await tcp_connect(tx, flow.address, flow.port, pace=pace)
        if trigger:
            runner.count(tx, trigger)
        alpn = context.endpoint.facts.alpn_offered
        await tls_handshake(tx, conn, flow.sent_name, pace=pace, roots=context.roots, alpn=alpn, hello=hello)

    return await runner.carry_out(FlowFacts(context.transaction(flow), trigger, again=True), steps)


def record_owner(host: str, port: int) -> str:
    """Return the name at which the HTTPS record of a host and port stands (RFC 9460 section 9.1)."""
    return host if port == USUAL_PORT else f"_{port}._https.{host}"


def published(answer: DNSQuery) -> bytes | None:
    """Return the list of configurations in an answer, None without one."""
    return ech_configs(base64.b64decode(answer.raw_response or ""))


CARRIES_OUT = {"hello_with_ech_key": send_hello_with_key}

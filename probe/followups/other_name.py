"""Send another name to the endpoint's address, or a name to a neutral host, to see which of the two is blocked."""

from dataclasses import replace

from probe.followups.flow import FlowFacts, ResidualMark, Trigger
from probe.followups.flow_context import FollowUpContext
from probe.followups.planned_flow import PlannedFlow
from probe.formats.transactions import TransactionRecord
from probe.session.flow_slots import Priority
from probe.session.innocuous_resets import InnocuousName
from probe.session.trace import Transaction
from probe.steps.http.http import http_request
from probe.steps.quic.quic import need_quic, quic_handshake
from probe.steps.tcp import tcp_connect
from probe.steps.tls.client_hello import OWN
from probe.steps.tls.tls import tls_handshake

_INNOCUOUS = frozenset({"", "other_name_same_address"})  # follow-ups with an innocuous name, and the flow before


async def send_name(context: FollowUpContext, flow: PlannedFlow) -> TransactionRecord | None:
    """Open the connection as the endpoint's is opened, with the flow's name.

    Success is any well-formed TLS record, any HTTP response, or a QUIC handshake that the server completes or refuses.
    An innocuous name that fails after a recent trigger, or during one, is marked `in_residual`: it proves nothing (P8).
    """
    transport = "udp" if context.endpoint.scheme == "quic" else "tcp"
    trigger = context.trigger(flow, transport)
    about = context.transaction(flow)
    if flow.at_endpoint:
        about = replace(about, address_sources=context.address_sources, corroborated=context.corroborated)

    async def steps(tx: Transaction) -> None:
        await _open(tx, context, flow, trigger)

    residual: ResidualMark = "at_start" if trigger else "until_failure"
    priority = context.priority if flow.kind == "innocuous" else Priority.LATER
    facts = FlowFacts(about, trigger, priority, residual, again=True)
    record = await context.runner.carry_out(facts, steps)
    if record is not None and flow.followup in _INNOCUOUS and transport == "tcp":
        _count(record, context)
    return record


def _count(record: TransactionRecord, context: FollowUpContext) -> None:
    """Count the flow with an innocuous name for the test whether the network resets connections at random."""
    session, trace = context.runner.session, context.runner.trace
    place = InnocuousName(record.address, record.port, record.sent_name, context.target)
    named = session.pace.was_named(record.address)
    session.innocuous_resets.note(place, record, trace.entries_of(record), named=named)


async def _open(tx: Transaction, context: FollowUpContext, flow: PlannedFlow, trigger: Trigger | None) -> None:
    """Send the name over QUIC, HTTP or TLS. Raises StepFailed and LocalFailure."""
    pace, scheme, name = context.runner.session.pace, context.endpoint.scheme, flow.sent_name
    if scheme == "quic":
        need_quic()
        if trigger:
            context.runner.count(tx, trigger)
        limit = pace.innocuous_timeout() if flow.kind == "innocuous" else None
        await quic_handshake(
            tx, flow.address, flow.port, name, pace=pace, roots=context.public_roots, check=False, timeout=limit
        )
        return
    if scheme == "https" and not flow.at_endpoint:
        await tx.connections.enter_async_context(pace.hellos.turn(flow.address, OWN.engine))
    conn = await tcp_connect(tx, flow.address, flow.port, pace=pace)
    if trigger:
        context.runner.count(tx, trigger)
    if scheme == "http":
        # The path "/" instead of the endpoint's: a server may have put data about the user into a query (P6).
        await http_request(tx, conn, "GET", f"http://{name}/", pace=pace, host=name)
    else:
        await tls_handshake(tx, conn, name, pace=pace, roots=context.public_roots, check=False)


CARRIES_OUT = dict.fromkeys(
    (
        "other_name_same_address",
        "same_name_neutral_host",
        "nonexistent_name_same_address",
        "nonexistent_name_neutral_host",
        "neutral_name_neutral_host",
    ),
    send_name,
)

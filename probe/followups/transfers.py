"""Transfer a page again after its connection fell silent in the middle of the answer.

One property is changed each time: the size of the segments, the name in the hello, or the server. Some middleboxes drop
a connection after a number of bytes or packets of both directions (https://github.com/net4people/bbs/issues/490, opened
2026-11-28). A path with lost large packets (RFC 2923, 2.1) looks the same, except with small segments. Over QUIC the
segments cannot be made small, because a datagram limit below 1200 bytes is not valid (RFC 9000, 18.2). PING frames
before the request add packets there.
"""

from contextlib import suppress
from dataclasses import replace

from probe.dialogue.web import reading_on, written_url
from probe.followups.flow import FlowFacts
from probe.followups.flow_context import FollowUpContext
from probe.followups.planned_flow import PlannedFlow
from probe.formats.followups import FollowUp
from probe.formats.transactions import TransactionRecord
from probe.session.trace import Transaction
from probe.signatures.silent_streams import COMPARED_BYTES, PINGS, PINGS_AT_ONCE, SMALL_SEGMENT
from probe.steps.connection import Connection
from probe.steps.http.http import http_request
from probe.steps.http.http_answer import CLEAR_TEXT_BODY, VERIFIED_BODY
from probe.steps.quic.http3 import http3_request
from probe.steps.quic.quic import quic_handshake
from probe.steps.tcp import TCPConnection, tcp_connect
from probe.steps.tls.tls import tls_handshake

TRANSFERS: tuple[FollowUp, ...] = (
    "same_transfer_again",
    "small_segments_transfer",
    "pings_before_transfer",
    "innocuous_name_transfer",
    "neutral_host_transfer",
)
MOST_REQUESTS = 12  # requests on one connection to a neutral host with a short page


async def send_transfer(context: FollowUpContext, flow: PlannedFlow) -> TransactionRecord | None:
    """Ask for the endpoint's page as the endpoint's own flow does, or for a neutral host's page.

    An innocuous name is sent in the hello alone. The request inside TLS has the endpoint's name. Any answer is a
    success.
    """
    runner, about = context.runner, context.transaction(flow)
    trigger = context.trigger(flow, context.endpoint.carrier)
    if flow.at_endpoint:
        about = replace(about, address_sources=context.address_sources, corroborated=context.corroborated)

    async def quic_steps(tx: Transaction) -> None:
        if trigger:
            runner.count(tx, trigger)
        await _ask_over_quic(tx, context, flow)

    async def steps(tx: Transaction) -> None:
        size = SMALL_SEGMENT if flow.followup == "small_segments_transfer" else None
        tcp = await tcp_connect(tx, flow.address, flow.port, pace=runner.session.pace, segment_size=size)
        if trigger:
            runner.count(tx, trigger)
        conn = await _secured(tx, context, flow, tcp)
        if flow.at_endpoint:
            await _ask_endpoint(tx, context, flow, conn)
        else:
            await _ask_neutral_host(tx, context, flow, tcp, conn)

    over_quic = context.endpoint.scheme == "quic"
    return await runner.carry_out(FlowFacts(about, trigger, again=True), quic_steps if over_quic else steps)


async def _secured(tx: Transaction, context: FollowUpContext, flow: PlannedFlow, tcp: TCPConnection) -> Connection:
    """Upgrade to TLS with the flow's name, if the endpoint has TLS. The certificate is not compared."""
    if "tls" not in context.endpoint.facts.layers:
        return tcp
    return await tls_handshake(
        tx,
        tcp,
        flow.sent_name or None,
        pace=context.runner.session.pace,
        roots=context.public_roots,
        alpn=context.endpoint.facts.alpn_offered,
        check=False,
    )


async def _ask_endpoint(tx: Transaction, context: FollowUpContext, flow: PlannedFlow, conn: Connection) -> None:
    options, secure = context.options, "tls" in context.endpoint.facts.layers
    pace = context.runner.session.pace
    async with reading_on(tx, conn, pace, context.endpoint) as further:
        await http_request(
            tx,
            conn,
            context.method(context.endpoint),
            written_url(context.endpoint),
            pace=pace,
            limit=options.limit if options else VERIFIED_BODY if secure else CLEAR_TEXT_BODY,
            past=further if flow.sent_name == context.endpoint.host else COMPARED_BYTES,
            more=options.headers if options else None,
            shown_as=options.shown_as if options else None,
        )


async def _ask_neutral_host(
    tx: Transaction, context: FollowUpContext, flow: PlannedFlow, tcp: TCPConnection, conn: Connection
) -> None:
    """Ask for the neutral host's page, and again while it is short and the host keeps the connection open."""
    scheme = "https" if "tls" in context.endpoint.facts.layers else "http"
    for _ in range(MOST_REQUESTS):
        answer = await http_request(
            tx, conn, "GET", f"{scheme}://{flow.sent_name}/", pace=context.runner.session.pace, limit=COMPARED_BYTES
        )
        stopped = answer.entry.response.body_is_truncated or answer.headers.get("connection", "").lower() == "close"
        if stopped or tcp.end().bytes_received >= COMPARED_BYTES:
            return


async def _ask_over_quic(tx: Transaction, context: FollowUpContext, flow: PlannedFlow) -> None:
    """Ask over QUIC for the endpoint's page, or for a neutral host's. The certificate is not compared.

    A path that passes no PING frame any more is silent in the request too.
    """
    pace, name = context.runner.session.pace, flow.sent_name or None
    conn = await quic_handshake(
        tx, flow.address, flow.port, name, pace=pace, roots=context.public_roots, check=False, confirm=True
    )
    if flow.followup == "pings_before_transfer":
        with suppress(TimeoutError):
            await conn.send_pings(PINGS, PINGS_AT_ONCE)
    if flow.at_endpoint:
        await http3_request(tx, conn, context.method(context.endpoint), written_url(context.endpoint), pace=pace)
        return
    for _ in range(MOST_REQUESTS):
        answer = await http3_request(tx, conn, "GET", f"https://{flow.sent_name}/", pace=pace, limit=COMPARED_BYTES)
        response = answer.entry.response
        if response.x_body_failure is not None or conn.answers.end().bytes_received >= COMPARED_BYTES:
            return


CARRIES_OUT = dict.fromkeys(TRANSFERS, send_transfer)

"""Find how long a datagram may be here: random ones of growing size go to the helper's echo, until one is lost.

A tunnel, a satellite link or a policy may pass short datagrams alone. A service with longer ones then seems blocked.
"""

from dataclasses import replace

from probe.followups.flow import FlowFacts
from probe.followups.flow_context import FollowUpContext
from probe.followups.helper_offer import EchoOffer
from probe.followups.planned_flow import PlannedFlow
from probe.followups.udp_echo import random_datagram
from probe.formats.exchanges.calls import UDPEcho
from probe.formats.transactions import TransactionRecord
from probe.session.session import HELPER
from probe.session.trace import Transaction
from probe.steps.calls.echo import udp_echo
from probe.targets.target import family_of

SIZES = (48, 96, 192, 384, 768, 1232)
"""Bytes. The last one fits into any IPv6 packet (RFC 8200, 5), and QUIC needs 1200 (RFC 9000, 14.1)."""
PARTS = 4  # of the distance between the longest that came back and the lost one


async def send_sizes(context: FollowUpContext, flow: PlannedFlow) -> TransactionRecord | None:
    """Send the sizes. After a loss, send finer ones in a second flow, which shows that short ones still pass."""
    offer = context.echo_offer
    if offer is None:
        return None
    record = await _until_lost(context, flow, offer, SIZES)
    echoes = _echoes(context, record)
    if record is None or not echoes or echoes[-1].echoed or not echoes[0].echoed:
        return record
    passed, lost = max(each.size for each in echoes if each.echoed), echoes[-1].size
    finer = tuple(passed + (lost - passed) * part // PARTS for part in range(PARTS + 1))
    return await _until_lost(context, flow, offer, finer)


def _echoes(context: FollowUpContext, record: TransactionRecord | None) -> list[UDPEcho]:
    entries = context.runner.trace.entries_of(record) if record is not None else []
    return [entry for entry in entries if isinstance(entry, UDPEcho)]


async def _until_lost(
    context: FollowUpContext, flow: PlannedFlow, offer: EchoOffer, sizes: tuple[int, ...]
) -> TransactionRecord | None:
    runner, pace, place = (
        context.runner,
        context.runner.session.pace,
        offer.place(context.family, context.endpoint.port),
    )
    if place is None:
        return None
    ip, port = place

    async def steps(tx: Transaction) -> None:
        for size in sizes:
            datagram = random_datagram(size, offer.token)
            await udp_echo(tx, ip, port, datagram, offer.token, payload="other", pace=pace)

    about = replace(context.transaction(flow), address=HELPER, family=family_of(ip), sent_name="")
    useful = pace.tls_timeout() + pace.round_trip * len(sizes)
    return await runner.carry_out(FlowFacts(about), steps, still_useful=lambda: offer.outlives(useful))


CARRIES_OUT = {"datagram_sizes": send_sizes}

"""Send an echo pair to the helper's UDP echo: a random datagram, then the endpoint's own of equal size.

The pair distinguishes three cases: the payload is dropped, all of UDP is dropped, or the server does not answer.
"""

import secrets
from dataclasses import replace

from probe.dialogue import FIRST_MESSAGE_BY_DIALECT
from probe.followups.flow import FlowFacts
from probe.followups.flow_context import FollowUpContext
from probe.followups.planned_flow import PlannedFlow
from probe.formats import failures as f
from probe.formats.transactions import TransactionRecord
from probe.session.session import HELPER
from probe.session.trace import Transaction
from probe.steps.calls.echo import udp_echo
from probe.targets.target import family_of


async def send_echo(context: FollowUpContext, flow: PlannedFlow) -> TransactionRecord | None:
    """Send one datagram of the pair. The records name the helper instead of its address."""
    offer = context.echo_offer
    place = offer.place(context.family, context.endpoint.port) if offer else None
    if offer is None or place is None:
        return None
    runner, pace, (ip, port) = context.runner, context.runner.session.pace, place
    kind = context.endpoint.facts.echo_payload
    own = FIRST_MESSAGE_BY_DIALECT[context.endpoint.dialect](context.endpoint, offer.token)
    trigger = context.trigger(flow, "udp")

    async def steps(tx: Transaction) -> None:
        if trigger:
            runner.count(tx, trigger)
        if trigger and kind:
            await udp_echo(tx, ip, port, own, offer.token, payload=kind, pace=pace)
        else:
            random = random_datagram(len(own), offer.token)
            await udp_echo(tx, ip, port, random, offer.token, payload="other", pace=pace)

    about = replace(context.transaction(flow), address=HELPER, family=family_of(ip), sent_name="")
    unmarked = trigger is not None or pace.is_silent_anyway(HELPER, port)
    facts = FlowFacts(about, trigger, residual="never" if unmarked else "at_start")
    sent = await runner.carry_out(facts, steps, still_useful=lambda: offer.outlives(pace.tls_timeout()))
    if sent is not None and trigger is None and sent.failure in {None, f.TIMEOUT}:
        pace.note_innocuous(HELPER, port, answered=sent.failure is None)
    return sent


def random_datagram(size: int, token: bytes) -> bytes:
    """Return `size` random bytes that end with the token, at least the token and one byte.

    The first byte is in no range that RFC 7983 assigns to a protocol, and does not have QUIC's fixed bit.
    """
    first = bytes([4 + secrets.randbelow(12)])
    return first + secrets.token_bytes(max(0, size - 1 - len(token))) + token


CARRIES_OUT = dict.fromkeys(("same_payload_echo", "other_payload_echo"), send_echo)

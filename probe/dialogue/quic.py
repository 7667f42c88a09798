"""Run a QUIC handshake, and one HTTP/3 request where the endpoint has a path.

aioquic is loaded for the first such endpoint. Without it the transaction ends with a local fault before a packet is
sent or a trigger is counted.
"""

from probe.dialogue.exchange import Dialogue, Exchange
from probe.dialogue.web import written_url
from probe.steps.quic.http3 import http3_request
from probe.steps.quic.quic import need_quic, quic_handshake


async def run_quic(exchange: Exchange) -> None:
    """Shake hands with the endpoint's own name (one flow, one trigger), then request the path if there is one."""
    need_quic()
    await exchange.trigger()
    endpoint, pace = exchange.endpoint, exchange.pace
    conn = await quic_handshake(
        exchange.tx,
        exchange.ip,
        endpoint.port,
        endpoint.host,
        pace=pace,
        roots=exchange.roots,
        confirm=exchange.confirm,
    )
    if endpoint.path:
        await http3_request(
            exchange.tx, conn, exchange.method(endpoint), written_url(endpoint), pace=pace, confirm=exchange.confirm
        )


DIALOGUES: dict[str, Dialogue] = {"quic": run_quic}

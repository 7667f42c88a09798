"""What is said over QUIC: a handshake, and one HTTP/3 request where the endpoint has a path.

aioquic is loaded when the first such endpoint is spoken to; without it the transaction ends with a fault of ours,
before a packet was sent or a trigger counted.
"""

from probe.dialogue.exchange import Dialogue, Exchange
from probe.dialogue.web import written_url
from probe.steps.quic.http3 import http3_request
from probe.steps.quic.quic import need_quic, quic_handshake


async def say_quic(talk: Exchange) -> None:
    """Shake hands under the endpoint's own name: one flow, one trigger; then ask for the path, if it has one."""
    need_quic()
    await talk.trigger()
    endpoint, pace = talk.endpoint, talk.pace
    conn = await quic_handshake(
        talk.tx, talk.ip, endpoint.port, endpoint.host, pace=pace, roots=talk.roots, confirm=talk.confirm
    )
    if endpoint.path:
        await http3_request(
            talk.tx, conn, talk.method(endpoint), written_url(endpoint), pace=pace, confirm=talk.confirm
        )


DIALOGUE_BY_DIALECT: dict[str, Dialogue] = {"quic": say_quic}

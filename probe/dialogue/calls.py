"""What is said in the schemes of calls: `stun`, `turn` and `sip`, over UDP, TCP and TLS."""

from probe.dialogue.exchange import Dialogue, Exchange
from probe.dialogue.web import connect, secure
from probe.steps.calls.sip import sip_options, sip_options_udp
from probe.steps.calls.stun import Method, stun_exchange, stun_exchange_udp


def stun_over_udp(method: Method) -> Dialogue:
    """A request in a flow of its own, which is one trigger, its repetitions included."""

    async def say(talk: Exchange) -> None:
        await talk.trigger()
        where = (talk.ip, talk.endpoint.port)
        await stun_exchange_udp(talk.tx, *where, pace=talk.pace, method=method, confirm=talk.confirm)

    return say


def stun_over_tcp(method: Method) -> Dialogue:
    """A request on a connection in the clear."""

    async def say(talk: Exchange) -> None:
        await stun_exchange(talk.tx, await connect(talk), pace=talk.pace, method=method, confirm=talk.confirm)

    return say


def stun_over_tls(method: Method) -> Dialogue:
    """A request under TLS, in the endpoint's own name."""

    async def say(talk: Exchange) -> None:
        conn = await secure(talk, await connect(talk))
        await stun_exchange(talk.tx, conn, pace=talk.pace, transport="tls", method=method, confirm=talk.confirm)

    return say


STUN: dict[str, Dialogue] = {
    "stun/udp": stun_over_udp("binding"),
    "stun/tcp": stun_over_tcp("binding"),
    "stun/tls": stun_over_tls("binding"),
    "turn/udp": stun_over_udp("allocate"),
    "turn/tcp": stun_over_tcp("allocate"),
    "turn/tls": stun_over_tls("allocate"),
}


async def say_sip_udp(talk: Exchange) -> None:
    """OPTIONS in a flow of its own: one trigger, its repetitions included."""
    await talk.trigger()
    where = (talk.ip, talk.endpoint.port, talk.endpoint.host)
    await sip_options_udp(talk.tx, *where, pace=talk.pace, confirm=talk.confirm)


async def say_sip_tcp(talk: Exchange) -> None:
    """OPTIONS on a connection in the clear."""
    conn = await connect(talk)
    await sip_options(talk.tx, conn, talk.endpoint.host, pace=talk.pace, confirm=talk.confirm)


async def say_sip_tls(talk: Exchange) -> None:
    """OPTIONS under TLS, in the endpoint's own name."""
    conn = await secure(talk, await connect(talk))
    await sip_options(talk.tx, conn, talk.endpoint.host, pace=talk.pace, transport="tls", confirm=talk.confirm)


SIP: dict[str, Dialogue] = {"sip/udp": say_sip_udp, "sip/tcp": say_sip_tcp, "sip/tls": say_sip_tls}

DIALOGUE_BY_DIALECT: dict[str, Dialogue] = {**STUN, **SIP}

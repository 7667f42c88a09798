"""Run the dialogues of `stun`, `turn`, `sip`, `reflector` and `dtls` over each of their transports."""

import secrets

from probe.dialogue.exchange import Dialogue, Exchange, FirstMessage
from probe.dialogue.web import connect, secure
from probe.formats.exchanges.calls import Transport
from probe.steps.calls.dtls import dtls_hello
from probe.steps.calls.reflector import reflector_hello, reflector_hello_udp
from probe.steps.calls.sip import sip_options, sip_options_udp
from probe.steps.calls.stun import Method, stun_exchange, stun_exchange_udp
from probe.targets.target import Endpoint
from probe.wire.dtls.client_hello import HelloWriter
from probe.wire.sip.sip_options import Options
from probe.wire.sip.sip_request import MAGIC_COOKIE
from probe.wire.stun import allocate_request, binding_request
from probe.wire.telegram import reflector


def stun_over_udp(method: Method) -> Dialogue:
    """Return a dialogue that sends one request in its own flow: one trigger, retransmissions included."""

    async def run(exchange: Exchange) -> None:
        await exchange.trigger()
        address = (exchange.ip, exchange.endpoint.port)
        await stun_exchange_udp(exchange.tx, *address, pace=exchange.pace, method=method, confirm=exchange.confirm)

    return run


def stun_over_tcp(method: Method) -> Dialogue:
    """Return a dialogue that sends one request over TCP."""

    async def run(exchange: Exchange) -> None:
        await stun_exchange(
            exchange.tx, await connect(exchange), pace=exchange.pace, method=method, confirm=exchange.confirm
        )

    return run


def stun_over_tls(method: Method) -> Dialogue:
    """Return a dialogue that sends one request over TLS with the endpoint's own name."""

    async def run(exchange: Exchange) -> None:
        conn = await secure(exchange, await connect(exchange))
        await stun_exchange(
            exchange.tx, conn, pace=exchange.pace, transport="tls", method=method, confirm=exchange.confirm
        )

    return run


STUN: dict[str, Dialogue] = {
    "stun/udp": stun_over_udp("binding"),
    "stun/tcp": stun_over_tcp("binding"),
    "stun/tls": stun_over_tls("binding"),
    "turn/udp": stun_over_udp("allocate"),
    "turn/tcp": stun_over_tcp("allocate"),
    "turn/tls": stun_over_tls("allocate"),
}


async def run_reflector_udp(exchange: Exchange) -> None:
    """Send a hello in its own flow: one trigger, repetitions included."""
    await exchange.trigger()
    await reflector_hello_udp(
        exchange.tx, exchange.ip, exchange.endpoint.port, pace=exchange.pace, confirm=exchange.confirm
    )


async def run_reflector_tcp(exchange: Exchange) -> None:
    await reflector_hello(exchange.tx, await connect(exchange), pace=exchange.pace, confirm=exchange.confirm)


REFLECTOR: dict[str, Dialogue] = {"reflector": run_reflector_udp, "reflector+tcp": run_reflector_tcp}


async def run_dtls(exchange: Exchange) -> None:
    """Send a hello in OpenSSL's form in its own flow: one trigger, retransmissions and the second hello included."""
    await exchange.trigger()
    await dtls_hello(exchange.tx, exchange.ip, exchange.endpoint.port, pace=exchange.pace, confirm=exchange.confirm)


async def run_sip_udp(exchange: Exchange) -> None:
    """Send OPTIONS in its own flow: one trigger, retransmissions included."""
    await exchange.trigger()
    address = (exchange.ip, exchange.endpoint.port, exchange.endpoint.host)
    await sip_options_udp(exchange.tx, *address, pace=exchange.pace, confirm=exchange.confirm)


async def run_sip_tcp(exchange: Exchange) -> None:
    conn = await connect(exchange)
    await sip_options(exchange.tx, conn, exchange.endpoint.host, pace=exchange.pace, confirm=exchange.confirm)


async def run_sip_tls(exchange: Exchange) -> None:
    """Send OPTIONS over TLS with the endpoint's own name."""
    conn = await secure(exchange, await connect(exchange))
    await sip_options(
        exchange.tx, conn, exchange.endpoint.host, pace=exchange.pace, transport="tls", confirm=exchange.confirm
    )


SIP: dict[str, Dialogue] = {"sip/udp": run_sip_udp, "sip/tcp": run_sip_tcp, "sip/tls": run_sip_tls}


def _reflector_hello(endpoint: Endpoint, token: bytes) -> bytes:
    """Return the hello to a reflector whose tag contains the token."""
    tag = reflector.peer_tag(reflector.CALLER, token[:11], token[11:] + b"\1" + secrets.token_bytes(2))
    return reflector.hello(tag)


def _sip_options(transport: Transport) -> FirstMessage:
    return lambda endpoint, token: Options(endpoint.host, transport, branch=MAGIC_COOKIE + token.hex()).written()


DIALOGUES: dict[str, Dialogue] = {**STUN, **REFLECTOR, "dtls": run_dtls, **SIP}

FIRST_MESSAGES: dict[str, FirstMessage] = {
    **{name: lambda endpoint, token: binding_request(token) for name in STUN if name.startswith("stun/")},
    **{name: lambda endpoint, token: allocate_request(token) for name in STUN if name.startswith("turn/")},
    "reflector": _reflector_hello,
    "dtls": lambda endpoint, token: HelloWriter.new("openssl", token).first(),
    "sip/udp": _sip_options("udp"),
    "sip/tcp": _sip_options("tcp"),
    "sip/tls": _sip_options("tls"),
}

"""Run the dialogues of web servers and messengers: `https`, `http`, `tls`, `tcp`, `mtproto`, `noise`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from probe.dialogue.exchange import Dialogue, Exchange
from probe.session.pacing import Pace
from probe.session.round_trips import CROWDED
from probe.session.trace import Transaction
from probe.signatures.silent_streams import COMPARED_BYTES, LONG_PAGE, PAUSE
from probe.steps.connection import Connection
from probe.steps.http.http import http_request
from probe.steps.http.http_answer import CLEAR_TEXT_BODY, VERIFIED_BODY
from probe.steps.messengers.mtproto import mtproto_exchange
from probe.steps.messengers.noise import noise_handshake
from probe.steps.tcp import tcp_connect
from probe.steps.tls.tls import tls_handshake
from probe.targets.dialects import DIALECTS
from probe.targets.target import Endpoint
from probe.wire.whatsapp.noise import ROOT_KEY


def written_url(endpoint: Endpoint) -> str:
    """Return the endpoint's URL as OONI writes it: without the default port, and with `https` for QUIC."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    scheme = "https" if endpoint.scheme == "quic" else endpoint.scheme
    usual = DIALECTS[scheme].default_port == endpoint.port
    return f"{scheme}://{host}{'' if usual else f':{endpoint.port}'}{endpoint.path or '/'}"


@asynccontextmanager
async def reading_on(tx: Transaction, conn: Connection, pace: Pace, endpoint: Endpoint) -> AsyncIterator[int]:
    """Give how many bytes of a page in all must arrive of which more comes than is kept, 0 for no more than that.

    They are many for the first page of a measurement at one address, and if it stops there, at the others too. On a
    crowded line there are none.
    """
    page = tx.trace.long_page
    if endpoint.url != page.url or pace.line_queueing > CROWDED:
        yield 0
        return
    try:
        yield LONG_PAGE if await page.is_read_on(lambda: conn.fell_silent(PAUSE)) else 0
    finally:
        page.ended(silent=conn.fell_silent())


def mtproto_transport(endpoint: Endpoint) -> Literal["abridged", "obfuscated2"]:
    """Return the framing: on port 443 that of the official clients, elsewhere the plain one, so that both are tested.

    An endpoint has the same framing in the confirmation, because two equal failures must be of one payload.
    """
    return "obfuscated2" if endpoint.port == 443 else "abridged"


async def connect(exchange: Exchange) -> Connection:
    """Connect over TCP, then count the trigger. A SYN shows no name and is no trigger."""
    conn = await tcp_connect(
        exchange.tx, exchange.ip, exchange.endpoint.port, pace=exchange.pace, confirm=exchange.confirm
    )
    await exchange.trigger()
    return conn


async def secure(exchange: Exchange, conn: Connection) -> Connection:
    """Upgrade to TLS with the endpoint's own name. The step fails if the chain is not valid for it."""
    alpn = exchange.endpoint.facts.alpn_offered
    return await tls_handshake(
        exchange.tx,
        conn,
        exchange.endpoint.host,
        pace=exchange.pace,
        roots=exchange.roots,
        alpn=alpn,
        confirm=exchange.confirm,
    )


async def run_tcp(exchange: Exchange) -> None:
    """Connect over TCP and send nothing."""
    await tcp_connect(exchange.tx, exchange.ip, exchange.endpoint.port, pace=exchange.pace, confirm=exchange.confirm)


async def run_tls(exchange: Exchange) -> None:
    await secure(exchange, await connect(exchange))


async def run_http(exchange: Exchange) -> None:
    """Send one HTTP request in the clear."""
    await _request(exchange, await connect(exchange), CLEAR_TEXT_BODY)


async def run_https(exchange: Exchange) -> None:
    """Send one HTTP request over TLS."""
    await _request(exchange, await secure(exchange, await connect(exchange)), VERIFIED_BODY)


async def run_mtproto(exchange: Exchange) -> None:
    """Send MTProto's first request and check that the answer echoes its nonce."""
    transport = mtproto_transport(exchange.endpoint)
    await mtproto_exchange(
        exchange.tx, await connect(exchange), pace=exchange.pace, transport=transport, confirm=exchange.confirm
    )


async def run_noise(exchange: Exchange) -> None:
    """Shake hands as WhatsApp does and check the server's certificate chain."""
    root_key = exchange.roots.noise_root or ROOT_KEY
    await noise_handshake(
        exchange.tx, await connect(exchange), pace=exchange.pace, root_key=root_key, confirm=exchange.confirm
    )


async def _request(exchange: Exchange, conn: Connection, limit: int) -> None:
    endpoint, options, pace = exchange.endpoint, exchange.options, exchange.pace
    async with reading_on(exchange.tx, conn, pace, endpoint) as further:
        answer = await http_request(
            exchange.tx,
            conn,
            exchange.method(endpoint),
            written_url(endpoint),
            pace=pace,
            confirm=exchange.confirm,
            limit=options.limit if options else limit,
            past=COMPARED_BYTES if exchange.session.as_control else further,
            more=options.headers if options else None,
            shown_as=options.shown_as if options else None,
        )
    if options is not None:
        options.on_answer(exchange.tx, answer)


DIALOGUES: dict[str, Dialogue] = {
    "tcp": run_tcp,
    "tls": run_tls,
    "http": run_http,
    "https": run_https,
    "mtproto": run_mtproto,
    "noise": run_noise,
}

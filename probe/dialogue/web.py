"""What is said in the web's schemes and the messengers' own: `https`, `http`, `tls`, `tcp`, `mtproto`, `noise`."""

from typing import Literal

from probe.dialogue.exchange import Dialogue, Exchange
from probe.steps.connection import Connection
from probe.steps.http.http import http_request
from probe.steps.messengers.mtproto import mtproto_exchange
from probe.steps.messengers.noise import noise_handshake
from probe.steps.tcp import tcp_connect
from probe.steps.tls.tls import tls_handshake
from probe.targets.dialects import DIALECTS
from probe.targets.target import Endpoint
from probe.wire.whatsapp.noise import ROOT_KEY


def written_url(endpoint: Endpoint) -> str:
    """The endpoint's URL as OONI writes it: without the scheme's own port; over QUIC it is `https` too."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    scheme = "https" if endpoint.scheme == "quic" else endpoint.scheme
    usual = DIALECTS[scheme].default_port == endpoint.port
    return f"{scheme}://{host}{'' if usual else f':{endpoint.port}'}{endpoint.path or '/'}"


def mtproto_transport(endpoint: Endpoint) -> Literal["abridged", "obfuscated2"]:
    """The framing that is spoken: on 443 what the official clients send, elsewhere the plain one, so that both are met.

    An endpoint keeps its framing in the confirmation: two failures of one kind must be failures of one payload.
    """
    return "obfuscated2" if endpoint.port == 443 else "abridged"


async def connect(talk: Exchange) -> Connection:
    """Connect over TCP, and count the trigger that follows: a SYN carries no name."""
    conn = await tcp_connect(talk.tx, talk.ip, talk.endpoint.port, pace=talk.pace, confirm=talk.confirm)
    await talk.trigger()
    return conn


async def secure(talk: Exchange, conn: Connection) -> Connection:
    """Upgrade to TLS under the endpoint's own name; a chain that is not valid for it fails the step."""
    alpn = talk.endpoint.facts.alpn_offered
    return await tls_handshake(
        talk.tx, conn, talk.endpoint.host, pace=talk.pace, roots=talk.roots, alpn=alpn, confirm=talk.confirm
    )


async def say_tcp(talk: Exchange) -> None:
    """Connect only."""
    await tcp_connect(talk.tx, talk.ip, talk.endpoint.port, pace=talk.pace, confirm=talk.confirm)


async def say_tls(talk: Exchange) -> None:
    await secure(talk, await connect(talk))


async def say_http(talk: Exchange) -> None:
    await _request(talk, await connect(talk))


async def say_https(talk: Exchange) -> None:
    await _request(talk, await secure(talk, await connect(talk)))


async def say_mtproto(talk: Exchange) -> None:
    transport = mtproto_transport(talk.endpoint)
    await mtproto_exchange(talk.tx, await connect(talk), pace=talk.pace, transport=transport, confirm=talk.confirm)


async def say_noise(talk: Exchange) -> None:
    root_key = talk.roots.noise_root or ROOT_KEY
    await noise_handshake(talk.tx, await connect(talk), pace=talk.pace, root_key=root_key, confirm=talk.confirm)


async def _request(talk: Exchange, conn: Connection) -> None:
    method, url, errand = talk.method(talk.endpoint), written_url(talk.endpoint), talk.errand
    if errand is None:
        await http_request(talk.tx, conn, method, url, pace=talk.pace, confirm=talk.confirm)
        return
    answer = await http_request(
        talk.tx,
        conn,
        method,
        url,
        pace=talk.pace,
        confirm=talk.confirm,
        limit=errand.limit,
        more=errand.headers,
        shown_as=errand.shown_as,
    )
    errand.heard(talk.tx, answer)


DIALOGUE_BY_DIALECT: dict[str, Dialogue] = {
    "tcp": say_tcp,
    "tls": say_tls,
    "http": say_http,
    "https": say_https,
    "mtproto": say_mtproto,
    "noise": say_noise,
}

"""What is said to an endpoint, by its scheme, and what of it is a proof."""

from collections.abc import Callable
from typing import Literal

from probe.formats.transactions import TransactionRecord
from probe.session import Session
from probe.steps.certificates import Roots
from probe.steps.http import http_request
from probe.steps.mtproto import mtproto_exchange
from probe.steps.noise import noise_handshake
from probe.steps.tcp import tcp_connect
from probe.steps.tls import tls_handshake
from probe.targets import Endpoint
from probe.trace import Transaction
from probe.wire.noise import ROOT_KEY

SPOKEN = frozenset({"https", "http", "tls", "tcp", "mtproto", "noise"})  # schemes that have steps
NAMED = frozenset({"https", "tls", "http"})  # schemes whose opening shows a name that can be exchanged for another
PROOFS = frozenset({"tls_handshake", "mtproto_exchange", "noise_handshake"})  # only the genuine server passes these

Method = Callable[[Endpoint], str]


def always_get(endpoint: Endpoint) -> str:
    """The HTTP method of most endpoints."""
    return "GET"


def written_url(endpoint: Endpoint) -> str:
    """The endpoint's URL as OONI writes it: without the scheme's own port."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    usual = {"https": 443, "http": 80}.get(endpoint.scheme) == endpoint.port
    return f"{endpoint.scheme}://{host}{'' if usual else f':{endpoint.port}'}{endpoint.path or '/'}"


def has_exchangeable_name(endpoint: Endpoint) -> bool:
    """Say whether the endpoint's opening carries a name in the clear."""
    return endpoint.scheme in NAMED and not endpoint.is_literal


def proves(record: TransactionRecord) -> bool:
    """Say whether a transaction got a proof that only the genuine server can give."""
    return not PROOFS.isdisjoint(record.steps)


def mtproto_transport(endpoint: Endpoint) -> Literal["abridged", "obfuscated2"]:
    """The framing that is spoken: on 443 what the official clients send, elsewhere the plain one, so that both are met.

    An endpoint keeps its framing in the confirmation: two failures of one kind must be failures of one payload.
    """
    return "obfuscated2" if endpoint.port == 443 else "abridged"


async def speak(
    tx: Transaction, session: Session, roots: Roots, endpoint: Endpoint, ip: str, method: Method, *, confirm: bool
) -> None:
    """Connect and say what the scheme says. A SYN carries no name: the trigger is counted after the connect."""
    pace = session.pace
    conn = await tcp_connect(tx, ip, endpoint.port, pace=pace, confirm=confirm)
    if endpoint.scheme == "tcp":
        return
    pace.spend_trigger(endpoint.host, ip, "tcp", endpoint.port)
    tx.record.trigger = True
    if endpoint.scheme == "mtproto":
        await mtproto_exchange(tx, conn, pace=pace, transport=mtproto_transport(endpoint), confirm=confirm)
    elif endpoint.scheme == "noise":
        await noise_handshake(tx, conn, pace=pace, root_key=roots.noise_root or ROOT_KEY, confirm=confirm)
    elif endpoint.scheme == "http":
        await http_request(tx, conn, method(endpoint), written_url(endpoint), pace=pace, confirm=confirm)
    elif endpoint.scheme == "tls":
        await tls_handshake(tx, conn, endpoint.host, pace=pace, roots=roots, confirm=confirm)
    else:
        alpn = ("http/1.1",)
        tls = await tls_handshake(tx, conn, endpoint.host, pace=pace, roots=roots, alpn=alpn, confirm=confirm)
        await http_request(tx, tls, method(endpoint), written_url(endpoint), pace=pace, confirm=confirm)

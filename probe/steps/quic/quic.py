"""The step `quic_handshake`: a QUIC handshake with any name at any address, and whatever the other side showed.

A handshake counts only once the server has confirmed that our last flight came through (RFC 9001 4.1.2): some networks
let the first packet pass and drop the ones after it, and then the client believes that all is well.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from probe.formats import failures as f
from probe.formats.entries import QUICHandshake
from probe.session.classify import LocalFailure, RemoteError
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import address_of
from probe.steps.quic.quic_socket import QUICConnection, alert_in
from probe.steps.tls.certificates import Roots
from probe.steps.tls.tls import GRACE, judge, keep_chain
from probe.targets.target import is_address

ALPN = ("h3",)


def need_quic() -> None:
    """Raise OurFault where aioquic, the extra `[quic]`, is not installed."""
    try:
        import probe.steps.quic.quic_engine  # noqa: F401
    except ImportError as error:
        raise LocalFailure(f.NO_QUIC) from error


async def quic_handshake(
    tx: Transaction,
    ip: str,
    port: int,
    server_name: str | None,
    *,
    pace: Pace,
    roots: Roots,
    verify_name: str | None = None,
    alpn: tuple[str, ...] = ALPN,
    confirm: bool = False,
    timeout: float | None = None,
    check: bool = True,
) -> QUICConnection:
    """Shake hands with `ip` (a literal) at `port`, and judge the chain against `verify_name` (default: `server_name`).

    `server_name` is the SNI; None or an IP literal sends none. With `check=False` (the innocuous name) no certificate
    is judged, and a refusal that the server puts into words is success too; silence half-way is not. The transaction
    closes the connection when it ends. Raises StepFailed, and OurFault where aioquic is missing.
    """
    need_quic()
    name = verify_name if verify_name is not None else server_name or ""
    sni = "" if server_name is None or is_address(server_name) else server_name
    entry = QUICHandshake(address=address_of(ip, port), server_name=sni, x_verified_name=name if check else "")
    limit = pace.tcp_timeout(confirm=confirm) if timeout is None else timeout
    if check:
        roots.check()  # reading them takes a moment that is not the network's
    await tx.connections.enter_async_context(pace.tls_place(ip, sni))  # until the connection is closed
    async with tx.step(entry, limit + GRACE):
        conn = QUICConnection(ip, port, pace, sni or None, alpn)
        conn.entry = entry
        tx.connections.callback(conn.close)
        tx.opened("udp", conn.local[1], ip, port)
        with keeping_evidence(conn), forgiving_refusals(conn, lenient=not check):
            async with asyncio.timeout(limit):
                conn.open()
                await conn.until(lambda: conn.watch.confirmed)
            entry.x_completed = True
        if check:
            judge(_chain(conn), entry, roots)
    return conn


@contextmanager
def keeping_evidence(conn: QUICConnection) -> Iterator[None]:
    """Write down what was seen, also when the handshake dies half-way or is cancelled."""
    from probe.steps.quic.quic_engine import cipher_suite_of

    entry, watch = conn.entry, conn.watch
    try:
        yield
    finally:
        entry.x_client_hello_length = watch.hello_length
        entry.x_answered = watch.answered
        entry.x_version_negotiation = watch.received["version_negotiation"] > 0
        entry.x_retry = watch.received["retry"] > 0
        if watch.closed_by_peer is not None:
            entry.x_close_code = watch.closed_by_peer.code
            entry.x_alert = alert_in(watch.closed_by_peer.code, of_application=watch.closed_by_peer.of_application)
        if any(watch.received[kind] for kind in ("initial", "handshake", "1RTT")):
            entry.x_quic_version = "1"
        if entry.x_completed:
            entry.tls_version, entry.cipher_suite = "TLSv1.3", cipher_suite_of(conn.engine)
            entry.negotiated_protocol = conn.engine.tls.alpn_negotiated or ""
        keep_chain(_chain(conn), entry)


@contextmanager
def forgiving_refusals(conn: QUICConnection, *, lenient: bool) -> Iterator[None]:
    """Forgive, if `lenient`, a server that said in readable packets that it will not talk about this name."""
    try:
        yield
    except RemoteError as error:
        if not lenient or not conn.watch.answered or error.failure == f.TIMEOUT:
            raise


def _chain(conn: QUICConnection) -> list[bytes]:
    from probe.steps.quic.quic_engine import chain_of

    return chain_of(conn.engine)

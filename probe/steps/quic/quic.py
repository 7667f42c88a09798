"""Perform a QUIC handshake with any server name at any address (step `quic_handshake`).

A handshake succeeds only when the server has confirmed that it received our last flight (RFC 9001, 4.1.2). Some
networks pass the first packet and drop the following ones, and the client alone cannot see that.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from probe.formats import failures as f
from probe.formats.exchanges.tls import QUICHandshake
from probe.session.classify import LocalFailure, RemoteError
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import address_of
from probe.steps.quic.quic_socket import QUICConnection, alert_in
from probe.steps.tls.certificate_checks import Roots
from probe.steps.tls.client_hello import sni_of
from probe.steps.tls.tls import GRACE, judge, keep_chain
from probe.targets.dialects import DIALECTS

ALPN = DIALECTS["quic"].alpn_offered


def need_quic() -> None:
    """Raise LocalFailure if aioquic (extra `quic`) is not installed."""
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
    window: int | None = None,
) -> QUICConnection:
    """Perform a handshake with `ip` (a literal) at `port`.

    `server_name` is the SNI, see `sni_of`. The chain is checked against `verify_name` (default: `server_name`). With
    `check=False` (innocuous name) no certificate is checked, and a refusal is a success, but silence is not. `window`
    limits the bytes that the server sends ahead. The transaction closes the connection. Raises StepFailed.
    """
    need_quic()
    name = verify_name if verify_name is not None else server_name or ""
    sni, verified = sni_of(server_name), name if check else ""
    entry = QUICHandshake(address=address_of(ip, port), server_name=sni, x_verified_name=verified)
    limit = pace.tcp_timeout(confirm=confirm) if timeout is None else timeout
    if check:
        roots.check()  # reading the files takes time that must not count as network time
    await tx.connections.enter_async_context(pace.tls_slot(ip, sni))  # held until the connection is closed
    async with tx.step(entry, limit + GRACE):
        conn = QUICConnection(ip, port, pace, sni or None, alpn, window)
        conn.entry = entry
        tx.connections.callback(conn.close)
        tx.opened("udp", conn.local[1], ip, port)
        with keeping_evidence(conn), forgiving_refusals(conn, lenient=not check):
            await _complete(conn, limit)
            tx.connections.callback(_record_end, tx, conn)
        if check:
            judge(_chain(conn), entry, roots)
    return conn


async def _complete(conn: QUICConnection, limit: float) -> None:
    """Send the hello and wait until the server has confirmed the handshake. Raises TimeoutError after `limit` s."""
    async with asyncio.timeout(limit):
        conn.open()
        await conn.until(lambda: conn.watch.confirmed)
    conn.entry.x_completed = True


def _record_end(tx: Transaction, conn: QUICConnection) -> None:
    """Record how far the last connection of a transaction got, before it is closed."""
    if tx.record.stream is None:
        tx.record.stream = conn.answers.end()


@contextmanager
def keeping_evidence(conn: QUICConnection) -> Iterator[None]:
    """Record what was received, also if the handshake fails or is cancelled."""
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
    """Ignore an error if `lenient` is set and the server has refused the name in packets that could be read."""
    try:
        yield
    except RemoteError as error:
        if not lenient or not conn.watch.answered or error.failure == f.TIMEOUT:
            raise


def _chain(conn: QUICConnection) -> list[bytes]:
    from probe.steps.quic.quic_engine import chain_of

    return chain_of(conn.engine)

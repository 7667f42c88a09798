"""Upgrade a connection to TLS and keep everything that the peer sent (step `tls_handshake`).

OpenSSL accepts any certificate here. If it refused one, the chain that a censor presented would be lost. The chain is
kept and then checked.
"""

import asyncio
import base64
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from probe.formats import failures as f
from probe.formats.entries import BinaryData
from probe.formats.exchanges.tls import TLSHandshake
from probe.privacy.redact import scrub_text
from probe.session.classify import NETWORK_ERRORS, RemoteError
from probe.session.pacing import Pace
from probe.session.parallel_hellos import OpenHello
from probe.session.trace import Transaction
from probe.signatures.parallel_hellos import CROWD
from probe.steps.connection import Connection
from probe.steps.tls.certificate_checks import Roots, judge_chain, parse_certificate
from probe.steps.tls.client_hello import OWN, Hello, sni_of
from probe.steps.tls.tls_stream import TLSConnection, alert_text, peer_chain, tls_failure
from probe.wire.tls.cipher_suites import iana_name
from probe.wire.tls.ech_config import public_name
from probe.wire.tls.records import CLOSE_NOTIFY, FATAL, RecordWatch

FIRST_BYTES = 64
UNPARSABLE = "unparsable_certificate"
GRACE = 1.0  # seconds that the step may exceed its deadline, so that the deadline is handled inside


async def tls_handshake(
    tx: Transaction,
    conn: Connection,
    server_name: str | None,
    *,
    pace: Pace,
    roots: Roots,
    verify_name: str | None = None,
    alpn: tuple[str, ...] = (),
    confirm: bool = False,
    timeout: float | None = None,
    check: bool = True,
    hello: Hello = OWN,
) -> TLSConnection:
    """Upgrade `conn` to TLS and check the chain against `verify_name` (default: `server_name`).

    `server_name` is the SNI. None or an IP literal sends none. With `check=False` (innocuous name) any well-formed TLS
    record is a success, whatever the certificate and whatever follows. `hello` selects the client hello. Raises
    StepFailed.
    """
    name = verify_name if verify_name is not None else server_name or ""
    sni, verified = sni_of(server_name), name if check else ""
    entry = TLSHandshake(address=conn.address, server_name=sni, x_verified_name=verified, x_engine=hello.engine)
    limit = pace.tls_timeout(confirm=confirm) if timeout is None else timeout
    if check:
        roots.check()  # reading the files takes time that must not count as network time
    await tx.connections.enter_async_context(pace.tls_slot(conn.ip, sni))  # held until the connection is closed
    begun = tx.trace.zero + tx.record.t0
    counted = pace.hellos.open(conn.ip, hello.engine, sni, begun=begun, of_service=bool(tx.record.service))
    beside = await tx.connections.enter_async_context(counted)
    async with tx.step(entry, limit + GRACE):
        tls = TLSConnection(conn, sni or None, alpn, hello)
        with keeping_evidence(tls, entry, conn, beside), naming_failure(tls.watch, lenient=not check):
            async with asyncio.timeout(limit):
                await tls.handshake()
            entry.x_completed = True
        if check:
            judge(peer_chain(tls.engine), entry, roots)
    tls.entry = entry
    return tls


@contextmanager
def keeping_evidence(tls: TLSConnection, entry: TLSHandshake, conn: Connection, beside: OpenHello) -> Iterator[None]:
    """Record what was received and what was open beside it, also if the handshake fails or is cancelled."""
    try:
        yield
    finally:
        entry.x_parallel = beside.ended(answered=tls.watch.answered)
        if entry.x_parallel.most >= CROWD and not tls.watch.answered:
            conn.reset_at_close()  # a repeated hello would begin the cool-down of its network again
        entry.x_client_hello_length = tls.hello_length
        note_ech(tls, entry)
        entry.x_answered = tls.watch.answered
        entry.x_alert = tls.watch.alert.description if tls.watch.alert else None
        if tls.watch.start and not tls.watch.answered:
            entry.x_first_bytes = BinaryData.of(scrubbed_start(tls.watch.start))
        if entry.x_completed:
            entry.tls_version, entry.cipher_suite = tls.tls_version, iana_name(tls.cipher_suite)
            entry.negotiated_protocol = tls.alpn
        keep_chain(peer_chain(tls.engine), entry)


def note_ech(tls: TLSConnection, entry: TLSHandshake) -> None:
    """Record whether the hello carried Encrypted ClientHello, with which key, and whether the server had it."""
    configs = tls.ech_configs
    if configs and tls.hello_carries_ech:
        entry.echconfig, entry.outer_server_name = base64.b64encode(configs).decode(), public_name(configs)
        if tls.watch.answered:
            entry.x_ech_accepted = bool(tls.engine.ech_accepted())
    elif tls.hello_carries_ech:
        entry.echconfig = "GREASE"


def keep_chain(ders: list[bytes], entry: TLSHandshake) -> None:
    """Keep the certificates that parse. Of the others only the length is kept, because OONI's reader fails on them."""
    for der in ders:
        if parse_certificate(der) is None:
            entry.tags.append(f"{UNPARSABLE}:{len(der)}")
        else:
            entry.peer_certificates.append(BinaryData.of(der))


def scrubbed_start(start: bytes) -> bytes:
    """Return the first bytes of an answer that is not TLS, scrubbed. A block page may contain the user's address."""
    return scrub_text(start.decode("latin-1")).encode("latin-1", "replace")[:FIRST_BYTES]


@contextmanager
def naming_failure(watch: RecordWatch, *, lenient: bool) -> Iterator[None]:
    """Name a failure by the received bytes before OpenSSL's error. `lenient` ignores it after any record."""
    try:
        yield
    except NETWORK_ERRORS as error:
        if lenient and watch.answered:
            return
        failure = failure_on_wire(error, watch)
        if failure is None:
            raise
        raise RemoteError(failure) from error


def failure_on_wire(error: BaseException, watch: RecordWatch) -> str | None:
    """Return the failure that the received bytes show, or None if the exception describes it better."""
    if watch.not_tls:
        return f.NOT_TLS
    ended = isinstance(error, ssl.SSLZeroReturnError | ssl.SSLEOFError)
    died_of_tls = isinstance(error, ssl.SSLError) and not ended
    if watch.alert and watch.alert.description != CLOSE_NOTIFY and (died_of_tls or watch.alert.level == FATAL):
        return alert_text(watch.alert.description)
    if ended:
        return f.EOF
    return tls_failure(error) if isinstance(error, ssl.SSLError) else None


def judge(ders: list[bytes], entry: TLSHandshake, roots: Roots) -> None:
    """Check the chain as sent. Raises RemoteError with the certificate failure."""
    verdict = judge_chain(ders, entry.x_verified_name, roots)
    entry.x_trusted_by_machine = verdict.trusted_by_machine
    if verdict.failure is not None:
        raise RemoteError(verdict.failure)

"""Send a STUN Binding or a TURN Allocate request without credentials over UDP, TCP or TLS (step `stun_exchange`).

The response contains our own address. The record has only its family, whether it differs from the socket's address,
and whether its network is the one that a test helper saw.
A middlebox may answer with an error in the server's name. After an error over UDP our probe listens a little longer,
because the server's own answer may follow.
"""

import secrets
from typing import Literal

from probe.formats import failures as f
from probe.formats.entries import BinaryData
from probe.formats.exchanges.calls import STUNExchange
from probe.privacy.redact import scrub_text
from probe.session.classify import RemoteError
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import Connection, address_of
from probe.steps.first_bytes import first_bytes
from probe.steps.udp_flow import UDPFlow, udp_flow
from probe.targets.target import family_of
from probe.wire import stun

SCHEDULE = (0.0, 0.5, 1.5, 3.5)  # seconds at which a request is sent over UDP (RFC 8489, 6.2.1)
TAIL_SECONDS = 0.5  # how long an answer after an error is waited for
_LONGEST_SOFTWARE = 128
_LONGEST_MESSAGE = 4096  # bytes over a stream. A response with every attribute has a few hundred.
_FOREIGN_LIMIT = 64  # most messages on one stream that do not answer our request

Method = Literal["binding", "allocate"]
_METHODS = {"binding": stun.BINDING, "allocate": stun.ALLOCATE}


def request(method: Method, transaction_id: bytes) -> bytes:
    """Build the datagram that the step sends. Raises ValueError unless the id has 12 bytes."""
    return stun.binding_request(transaction_id) if method == "binding" else stun.allocate_request(transaction_id)


async def stun_exchange_udp(
    tx: Transaction,
    ip: str,
    port: int,
    *,
    pace: Pace,
    method: Method = "binding",
    confirm: bool = False,
    timeout: float | None = None,
) -> STUNExchange:
    """Ask `ip` (a literal) from a new socket. The same datagram is sent at most four times.

    Succeeds as `stun_exchange` does. Raises StepFailed.
    """
    entry = STUNExchange(address=address_of(ip, port), transport="udp", method=method)
    transaction_id = secrets.token_bytes(12)
    async with tx.step(entry, pace.tls_timeout(confirm=confirm) if timeout is None else timeout):
        with udp_flow(ip, port, pace) as flow:
            tx.opened("udp", flow.local[1], ip, port)
            try:
                raw = await flow.ask(
                    request(method, transaction_id), SCHEDULE, lambda raw: _is_answer(raw, method, transaction_id)
                )
            finally:
                _count(entry, flow)
            message = stun.parse(raw)
            _note(entry, message, flow.local)
            if message.kind == "error" and _problem(entry) is not None:
                await _hear_second(entry, flow, method, transaction_id)
            _judge(entry)
    return entry


async def _hear_second(entry: STUNExchange, flow: UDPFlow, method: Method, transaction_id: bytes) -> None:
    """Note whether an answer that proves the server follows an error. A request that was sent twice gets two."""
    raw = await flow.another(lambda raw: _proves(raw, method, transaction_id), TAIL_SECONDS)
    entry.contradicted = raw is not None and flow.sent == 1


def _proves(raw: bytes, method: Method, transaction_id: bytes) -> bool | None:
    if not _is_answer(raw, method, transaction_id):
        return None
    second = STUNExchange(address="", transport="udp", method=method)
    _note(second, stun.parse(raw), None)
    return True if _problem(second) is None else None


async def stun_exchange(
    tx: Transaction,
    conn: Connection,
    *,
    pace: Pace,
    transport: Literal["tcp", "tls"] = "tcp",
    method: Method = "binding",
    confirm: bool = False,
    timeout: float | None = None,
) -> STUNExchange:
    """Ask over an open connection, where each message carries its own length (RFC 8489, 6.2.2).

    A Binding succeeds with our transaction id and a mapped address. An Allocate succeeds with 401, REALM and NONCE, the
    answer of a TURN server to a client without credentials. Raises StepFailed. Every other answer fails with
    "unknown_failure: stun: …".
    """
    entry = STUNExchange(address=conn.address, transport=transport, method=method)
    transaction_id = secrets.token_bytes(12)
    async with tx.step(entry, pace.tls_timeout(confirm=confirm) if timeout is None else timeout):
        began = tx.trace.elapsed()
        await conn.write(request(method, transaction_id))
        entry.x_sent = 1
        message = await _answer_on(conn, entry, method, transaction_id)
        entry.round_trip = round(tx.trace.elapsed() - began, 6)
        _note(entry, message, conn.local)
        _judge(entry)
    return entry


def _is_answer(raw: bytes, method: Method, transaction_id: bytes) -> bool:
    try:
        message = stun.parse(raw)
    except ValueError:
        return False
    return _answers(message, method, transaction_id)


def _answers(message: stun.STUNMessage, method: Method, transaction_id: bytes) -> bool:
    ours = message.transaction_id == transaction_id and message.method == _METHODS[method]
    return ours and message.kind in {"success", "error"}


def _count(entry: STUNExchange, flow: UDPFlow) -> None:
    entry.x_sent, entry.x_foreign, entry.round_trip = flow.sent, flow.foreign, flow.round_trip
    entry.x_answer_size = flow.answer_size
    if flow.first_foreign is not None:
        entry.x_first_bytes = BinaryData.of(flow.first_foreign)


async def _answer_on(conn: Connection, entry: STUNExchange, method: Method, transaction_id: bytes) -> stun.STUNMessage:
    """Read messages until the answer to our request. Raises RemoteError for other protocols, EOFError, OSError."""
    while entry.x_foreign < _FOREIGN_LIMIT:
        raw = await _message(conn, entry)
        try:
            message = stun.parse(raw)
        except ValueError as error:
            _note_foreign(entry, raw)
            raise RemoteError(f"{f.UNKNOWN}: stun: not STUN") from error
        if _answers(message, method, transaction_id):
            return message
        _note_foreign(entry, raw)
    raise RemoteError(f"{f.UNKNOWN}: stun: flooded")


async def _message(conn: Connection, entry: STUNExchange) -> bytes:
    """Read one message. Return bytes that cannot start a message as they are, and let the caller refuse them."""
    got = b""
    wanted = stun.HEADER
    try:
        while len(got) < wanted:
            piece = await conn.read(wanted - len(got))
            if not piece:
                raise EOFError(f"{len(got)} of {wanted} bytes")
            got += piece
            if len(got) == stun.HEADER and stun.is_stun(got):
                wanted = min(stun.length_of(got), _LONGEST_MESSAGE)
    except BaseException:
        if got:
            _note_foreign(entry, got)
        raise
    return got


def _note_foreign(entry: STUNExchange, raw: bytes) -> None:
    entry.x_foreign += 1
    if entry.x_first_bytes is None:
        entry.x_first_bytes = BinaryData.of(first_bytes(raw))


def _note(entry: STUNExchange, message: stun.STUNMessage, local: tuple[str, int] | None) -> None:
    """Record the response."""
    entry.response = "success" if message.kind == "success" else "error"
    entry.error_code = message.error_code
    entry.software = scrub_text(message.software.replace("\0", ""))[:_LONGEST_SOFTWARE]
    entry.fingerprint_valid = message.fingerprint_valid
    entry.has_realm, entry.has_nonce = bool(message.first(stun.REALM)), bool(message.first(stun.NONCE))
    if message.mapped is not None:
        entry.mapped_family = family_of(message.mapped[0])
        entry.note_mapped(message.mapped[0])
        entry.mapped_differs = None if local is None else message.mapped != local


def _judge(entry: STUNExchange) -> None:
    """Raise RemoteError unless the response proves the server."""
    if (problem := _problem(entry)) is not None:
        raise RemoteError(f"{f.UNKNOWN}: stun: {problem}")


def _problem(entry: STUNExchange) -> str | None:
    """Return why the response is no proof, or None. A wrong fingerprint means that the message was changed."""
    if entry.fingerprint_valid is False:
        return "wrong fingerprint"
    if entry.response == "success":
        return None if entry.mapped_family else "no mapped address"
    if entry.method == "binding" or entry.error_code != stun.UNAUTHORIZED:
        return f"error {entry.error_code}"
    return None if entry.has_realm and entry.has_nonce else "401 without realm and nonce"

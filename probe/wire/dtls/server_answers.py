"""Build and parse the first answers to a DTLS client hello: HelloVerifyRequest, ServerHello and alerts.

No answer is authenticated at this point of a handshake. HelloVerifyRequest repeats nothing of the hello but the number
of its record (RFC 6347 4.2.1). Every parser raises ValueError for bytes of another form, and no other exception.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

from probe.wire.dtls.client_hello import ClientHello
from probe.wire.dtls.records import (
    ALERT,
    DTLS_1_0,
    DTLS_1_2,
    HANDSHAKE,
    HELLO_VERIFY_REQUEST,
    SERVER_HELLO,
    FieldReader,
    counted,
    read_handshake,
    read_records,
    write_handshake,
    write_record,
)

AnswerKind = Literal["verify_request", "server_hello", "retry_request", "alert"]

COOKIE = 16  # bytes of our servers' cookie
FATAL, HANDSHAKE_FAILURE = 2, 40  # RFC 5246 7.2
SUPPORTED_VERSIONS = 43  # RFC 8446 4.2.1
_RETRY = hashlib.sha256(b"HelloRetryRequest").digest()  # RFC 8446 4.1.3
_LONGEST_COOKIE = 255
_LEVELS = (1, 2)


@dataclass(frozen=True)
class FirstAnswer:
    """Represent the first message of a datagram. `suite` is of a ServerHello, `alert` the description of an alert."""

    kind: AnswerKind
    version: int = 0
    cookie: bytes = b""
    suite: int = 0
    alert: int = 0


def parse_answer(datagram: bytes) -> FirstAnswer:
    """Parse a server's first message. A message in fragments is read if the first fragment has the whole head."""
    record = read_records(datagram)[0]
    if record.epoch:
        raise ValueError("dtls: an encrypted record")
    if record.kind == ALERT:
        return _alert(record.fragment)
    if record.kind != HANDSHAKE:
        raise ValueError("dtls: neither handshake nor alert")
    message = read_handshake(record.fragment)
    if message.offset:
        raise ValueError("dtls: a later fragment")
    fields = FieldReader(message.body)
    if message.kind == HELLO_VERIFY_REQUEST:
        return FirstAnswer("verify_request", fields.number(2), fields.vector(1))
    if message.kind == SERVER_HELLO:
        return _server_hello(fields)
    raise ValueError("dtls: another handshake message")


def _alert(fragment: bytes) -> FirstAnswer:
    if len(fragment) != 2 or fragment[0] not in _LEVELS:
        raise ValueError("dtls: no alert")
    return FirstAnswer("alert", alert=fragment[1])


def _server_hello(fields: FieldReader) -> FirstAnswer:
    version, random = fields.number(2), fields.take(32)
    fields.vector(1)  # session id
    suite = fields.number(2)
    fields.number(1)  # compression method
    selected = fields.extensions().get(SUPPORTED_VERSIONS, b"")
    version = int.from_bytes(selected, "big") if len(selected) == 2 else version
    return FirstAnswer("retry_request" if random == _RETRY else "server_hello", version, suite=suite)


def cookie_for(secret: bytes, client: tuple[str, int], hello: ClientHello, period: int) -> bytes:
    """Return the cookie of a client for the values of its hello, valid in one period of time.

    It is a keyed hash, so that a server stores nothing (RFC 6347 4.2.1).
    """
    named = f"{client[0]} {client[1]} {period} ".encode()
    about = named + hello.random + hello.session_id + hello.suites
    return hmac.digest(secret, about, "sha256")[:COOKIE]


def hello_verify_request(hello: ClientHello, cookie: bytes) -> bytes:
    """Return the datagram that asks a client to repeat its hello with `cookie`, at most 255 bytes.

    It has the version 1.0 and the numbers of the hello's record and message (RFC 6347 4.2.1).
    """
    body = DTLS_1_0.to_bytes(2, "big") + counted(cookie[:_LONGEST_COOKIE], 1)
    message = write_handshake(HELLO_VERIFY_REQUEST, hello.sequence, body)
    return write_record(HANDSHAKE, DTLS_1_0, hello.record_number, message)


def server_hello(hello: ClientHello, random: bytes, suite: int) -> bytes:
    """Return the datagram with a ServerHello of DTLS 1.2 without session and extensions."""
    body = DTLS_1_2.to_bytes(2, "big") + random + counted(b"", 1) + suite.to_bytes(2, "big") + bytes(1)
    message = write_handshake(SERVER_HELLO, hello.sequence, body)
    return write_record(HANDSHAKE, DTLS_1_2, hello.record_number, message)


def fatal_alert(description: int, number: int) -> bytes:
    """Return the datagram with a fatal alert in a record with this number."""
    return write_record(ALERT, DTLS_1_2, number, bytes([FATAL, description]))

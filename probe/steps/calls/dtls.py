"""Send a DTLS client hello over UDP and wait for the server's first answer (step `dtls_hello`).

HelloVerifyRequest, HelloRetryRequest and ServerHello show that a DTLS server is there. They are not authenticated, so
a device on the path could send them too. The hello is repeated with a server's cookie, which shows whether the server
goes on. The handshake is not completed. A cookie may contain our own address, so only its length is kept.
"""

from probe.formats import failures as f
from probe.formats.entries import BinaryData
from probe.formats.exchanges.calls import DTLSExchange, DTLSVersion
from probe.session.classify import RemoteError
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import address_of
from probe.steps.udp_flow import UDPFlow, udp_flow
from probe.wire.dtls.client_hello import HelloWriter, Shape
from probe.wire.dtls.records import DTLS_1_0, DTLS_1_2, DTLS_1_3, HANDSHAKE_HEADER, RECORD_HEADER
from probe.wire.dtls.server_answers import FirstAnswer, parse_answer

SCHEDULE = (0.0, 1.0, 3.0, 7.0)  # seconds at which a hello is sent (RFC 6347 4.2.4.1)
COOKIE_TRIES, COOKIE_SECONDS = 2, 1.0  # hellos with the cookie, wait for an answer to each
_SPARE = 0.2  # seconds before the step's limit in which nothing more is waited for
_VERSIONS: dict[int, DTLSVersion] = {DTLS_1_0: "DTLSv1", DTLS_1_2: "DTLSv1.2", DTLS_1_3: "DTLSv1.3"}


async def dtls_hello(
    tx: Transaction,
    ip: str,
    port: int,
    *,
    pace: Pace,
    shape: Shape = "openssl",
    confirm: bool = False,
    timeout: float | None = None,
) -> DTLSExchange:
    """Send a hello of this shape to `ip` (a literal) from a new socket, at most four times, until an answer arrives.

    Alerts and a cipher suite that was not offered fail with "unknown_failure: dtls: …". Raises StepFailed.
    """
    entry = DTLSExchange(address=address_of(ip, port), hello=shape)
    hello = HelloWriter.new(shape)
    limit = pace.tls_timeout(confirm=confirm) if timeout is None else timeout
    until = tx.trace.elapsed() + limit - _SPARE
    async with tx.step(entry, limit):
        with udp_flow(ip, port, pace) as flow:
            tx.opened("udp", flow.local[1], ip, port)
            try:
                answer = parse_answer(await flow.ask(hello.first(), SCHEDULE, _is_answer))
                _record(entry, answer)
                entry.round_trip = flow.round_trip
                if answer.kind == "verify_request":
                    await _send_cookie(flow, entry, hello.with_cookie(answer.cookie), tx, until)
            finally:
                _count(entry, flow)
        if (problem := _problem(answer, hello)) is not None:
            raise RemoteError(f"{f.UNKNOWN}: dtls: {problem}")
    return entry


async def _send_cookie(flow: UDPFlow, entry: DTLSExchange, datagram: bytes, tx: Transaction, until: float) -> None:
    """Send the hello with the cookie, and record what answers it within the time that is left."""
    for _ in range(COOKIE_TRIES):
        left = min(COOKIE_SECONDS, until - tx.trace.elapsed())
        if left <= 0:
            return
        entry.after_cookie = "silence"
        raw = await flow.another(_goes_on, left, datagram)
        if raw is not None:
            entry.after_cookie = parse_answer(raw).kind
            return


def _is_answer(raw: bytes) -> bool:
    try:
        parse_answer(raw)
    except ValueError:
        return False
    return True


def _goes_on(raw: bytes) -> bool | None:
    """Return True for an answer to the second hello. Another HelloVerifyRequest belongs to a repeated first hello."""
    if not _is_answer(raw):
        return False
    return parse_answer(raw).kind != "verify_request" or None


def _record(entry: DTLSExchange, answer: FirstAnswer) -> None:
    entry.response, entry.alert = answer.kind, answer.alert
    entry.version = "" if answer.kind == "alert" else _VERSIONS.get(answer.version, "other")
    entry.cookie_length = len(answer.cookie)
    entry.cipher_suite = answer.suite if answer.kind == "server_hello" else 0


def _count(entry: DTLSExchange, flow: UDPFlow) -> None:
    entry.x_sent, entry.x_foreign, entry.x_answer_size = flow.sent, flow.foreign, flow.answer_size
    if flow.first_foreign is not None:
        entry.x_first_bytes = BinaryData.of(flow.first_foreign[: RECORD_HEADER + HANDSHAKE_HEADER])


def _problem(answer: FirstAnswer, hello: HelloWriter) -> str | None:
    """Return why the first answer is no proof, or None."""
    if answer.kind == "alert":
        return f"alert {answer.alert}"
    if answer.kind == "server_hello" and not hello.offers(answer.suite):
        return "a cipher suite that was not offered"
    return None

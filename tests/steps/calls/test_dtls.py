"""Test the step `dtls_hello`: the proof is a DTLS server's first answer, and no cookie is kept."""

import base64
import json
from collections.abc import Callable

import pytest

from probe.formats.exchanges.calls import DTLSExchange
from probe.steps.calls import dtls as step
from probe.steps.calls.dtls import dtls_hello
from probe.wire.dtls import server_answers
from probe.wire.dtls.client_hello import SHAPES, ClientHello, HelloWriter, Shape, parse_client_hello
from tests.support.servers.dns import Asked, udp_server
from tests.support.servers.loopback import a_transaction
from tests.wire.dtls.test_server_answers import RETRY_REQUEST

COOKIE = b"cookie of 192.0.2.77"
Answer = Callable[[ClientHello], bytes]


def verify(hello: ClientHello) -> bytes:
    return server_answers.hello_verify_request(hello, COOKIE)


def server_hello(hello: ClientHello) -> bytes:
    return server_answers.server_hello(hello, bytes(32), 0xC02B)


def alert(hello: ClientHello) -> bytes:
    return server_answers.fatal_alert(server_answers.HANDSHAKE_FAILURE, hello.record_number)


async def run(
    *first: Answer, second: tuple[Answer, ...] = (), shape: Shape = "openssl", timeout: float = 3.0
) -> tuple[DTLSExchange, list[ClientHello]]:
    """Ask a server that gives these answers to a first hello, and to one with a cookie."""
    hellos: list[ClientHello] = []

    def behave(asked: Asked) -> None:
        hellos.append(hello := parse_client_hello(asked.query))
        for answer in second if hello.cookie else first:
            asked.send(answer(hello))

    async with udp_server(behave) as server, a_transaction() as bench:
        await dtls_hello(bench.tx, "127.0.0.1", server.port, pace=bench.pace, shape=shape, timeout=timeout)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, DTLSExchange) and len(bench.trace.entries) == 1
    assert (entry.address, entry.hello) == (f"127.0.0.1:{server.port}", shape)
    assert bench.tx.record.steps == ([] if entry.failure else ["dtls_hello"])
    return entry, hellos


@pytest.mark.parametrize("shape", SHAPES)
async def test_request_for_a_cookie_is_success_and_the_hello_comes_again(shape: Shape) -> None:
    entry, (first, second) = await run(verify, second=(server_hello,), shape=shape)
    assert (entry.failure, entry.response, entry.version) == (None, "verify_request", "DTLSv1")
    assert (entry.after_cookie, entry.cookie_length, entry.x_sent) == ("server_hello", len(COOKIE), 2)
    assert entry.round_trip is not None and second.cookie == COOKIE
    assert (first.random, first.suites, first.extensions) == (second.random, second.suites, second.extensions)


async def test_cookie_is_not_kept() -> None:
    """Test a server that writes the client's address into its cookie, and sends other bytes before it."""
    entry, _ = await run(lambda hello: b"\x16\xfe\xff" + COOKIE * 3, verify, second=(alert,))
    assert entry.after_cookie == "alert" and entry.x_foreign == 1
    assert "192.0.2.77" not in json.dumps(entry.model_dump(mode="json"))


async def test_silence_after_the_cookie_is_recorded_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "COOKIE_SECONDS", 0.05)
    entry, hellos = await run(verify)
    assert (entry.failure, entry.after_cookie, entry.x_sent) == (None, "silence", 3)
    assert [hello.cookie for hello in hellos] == [b"", COOKIE, COOKIE]
    again, _ = await run(verify, second=(verify,))
    assert (again.failure, again.after_cookie, again.x_foreign) == (None, "silence", 0)


async def test_no_time_for_the_cookie_leaves_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "_SPARE", 9.0)
    entry, hellos = await run(verify)
    assert (entry.failure, entry.after_cookie, len(hellos)) == (None, None, 1)


@pytest.mark.parametrize(
    ("answer", "response", "version", "suite"),
    [
        (server_hello, "server_hello", "DTLSv1.2", 0xC02B),
        (lambda hello: RETRY_REQUEST, "retry_request", "DTLSv1.3", 0),
    ],
)
async def test_server_hello_without_cookie_is_success(answer: Answer, response: str, version: str, suite: int) -> None:
    entry, hellos = await run(answer)
    assert (entry.failure, entry.response, entry.version) == (None, response, version)
    assert (entry.cipher_suite, entry.after_cookie, len(hellos)) == (suite, None, 1)


async def test_alert_and_foreign_suite_prove_nothing() -> None:
    entry, _ = await run(alert)
    assert (entry.failure, entry.response, entry.alert) == ("unknown_failure: dtls: alert 40", "alert", 40)
    assert entry.version == ""
    entry, _ = await run(lambda hello: server_answers.server_hello(hello, bytes(32), 1))
    assert entry.failure == "unknown_failure: dtls: a cipher suite that was not offered"


async def test_hello_is_repeated_as_the_rfc_says_and_silence_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    assert step.SCHEDULE == (0.0, 1.0, 3.0, 7.0)  # RFC 6347 4.2.4.1: 1 second, then doubled
    monkeypatch.setattr(step, "SCHEDULE", (0.0, 0.05, 0.1))
    entry, hellos = await run(timeout=0.4)
    assert (entry.failure, entry.x_sent, len(hellos)) == ("generic_timeout_error", 3, 3)
    assert len({hello.random for hello in hellos}) == 1 and entry.response == ""


async def test_other_datagrams_are_counted_and_cut() -> None:
    entry, _ = await run(lambda hello: HelloWriter.new("firefox").first(), timeout=0.3)
    assert (entry.failure, entry.x_foreign) == ("generic_timeout_error", 1)
    assert entry.x_first_bytes is not None and len(base64.b64decode(entry.x_first_bytes.data)) == 25

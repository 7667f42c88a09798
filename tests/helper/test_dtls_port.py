"""Test the helper's DTLS port: no answer is longer than its hello, nothing is stored, and all answers have a limit."""

import random

import pytest

from probe.helper import dtls_port
from probe.helper.dtls_port import BURST, COOKIE_SECONDS, LONGEST_DATAGRAM, RATE, DTLSPort, DTLSResponder
from probe.steps.calls.dtls import dtls_hello
from probe.wire.dtls.client_hello import SHAPES, HelloWriter, Shape
from probe.wire.dtls.records import CLIENT_HELLO, DTLS_1_0, HANDSHAKE, counted, write_handshake, write_record
from probe.wire.dtls.server_answers import parse_answer
from probe.wire.media.shape import PeerAddress
from tests.support.servers.loopback import a_transaction

CLIENT: PeerAddress = ("192.0.2.7", 40000)
# A hello without cipher suites, compression methods and extensions.
_BODY = b"\xfe\xfd" + bytes(32) + bytes(2) + counted(b"", 2) + b"\0"
SMALLEST = write_record(HANDSHAKE, DTLS_1_0, 0, write_handshake(CLIENT_HELLO, 0, _BODY))


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def responder(now: list[float]) -> DTLSResponder:
    return DTLSResponder(lambda: now[0])


def ask(responder: DTLSResponder, datagram: bytes, client: PeerAddress = CLIENT) -> bytes:
    answer = responder.answer(datagram, client)
    assert answer is not None and len(answer) <= len(datagram)
    return answer


@pytest.mark.parametrize("shape", SHAPES)
def test_hello_gets_a_cookie_and_with_it_an_alert(responder: DTLSResponder, shape: Shape) -> None:
    hello = HelloWriter.new(shape)
    first = parse_answer(ask(responder, hello.first()))
    assert first.kind == "verify_request" and len(first.cookie) == 16
    assert parse_answer(ask(responder, hello.with_cookie(first.cookie))).alert == 40


def test_cookie_is_valid_for_its_client_hello_and_time_alone(responder: DTLSResponder, now: list[float]) -> None:
    hello = HelloWriter.new("openssl")
    second = hello.with_cookie(parse_answer(ask(responder, hello.first())).cookie)
    cookie = parse_answer(ask(responder, hello.first())).cookie
    for client in (("192.0.2.8", 40000), ("192.0.2.7", 40001)):
        assert parse_answer(ask(responder, second, client)).kind == "verify_request"
    assert parse_answer(ask(responder, HelloWriter.new("openssl").with_cookie(cookie))).kind == "verify_request"
    assert parse_answer(ask(DTLSResponder(lambda: now[0]), second)).kind == "verify_request"
    now[0] += COOKIE_SECONDS
    assert parse_answer(ask(responder, second)).kind == "alert"
    now[0] += COOKIE_SECONDS
    assert parse_answer(ask(responder, second)).kind == "verify_request"


# -- attacks -----------------------------------------------------------------------------------------------------------


def test_no_answer_is_longer_than_its_hello(responder: DTLSResponder) -> None:
    """Test spoofed hellos: the victim gets fewer bytes than the attacker sends, even for the shortest hello."""
    for datagram in (SMALLEST, *(HelloWriter.new(shape).first() for shape in SHAPES)):
        assert len(ask(responder, datagram)) < len(datagram)


def test_answers_are_not_answered(responder: DTLSResponder) -> None:
    """Test that two such ports cannot keep each other busy."""
    hello = HelloWriter.new("openssl")
    first = ask(responder, hello.first())
    alert = ask(responder, hello.with_cookie(parse_answer(first).cookie))
    assert responder.answer(first, CLIENT) is None and responder.answer(alert, CLIENT) is None


def test_other_and_changed_datagrams_are_ignored_or_answered_briefly(responder: DTLSResponder) -> None:
    chance = random.Random(12)
    hello = HelloWriter("firefox", bytes(32), bytes(32)).first()
    for _ in range(300):
        raw = bytearray(hello)
        for _ in range(chance.randint(1, 4)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        answer = responder.answer(bytes(raw), CLIENT)
        assert answer is None or len(answer) <= len(raw)
    for raw in (b"", bytes(100), hello[:-1], hello + bytes(LONGEST_DATAGRAM)):
        assert responder.answer(bytes(raw), CLIENT) is None


def test_all_answers_have_a_limit_and_nothing_is_stored(responder: DTLSResponder, now: list[float]) -> None:
    before = {name: type(value) for name, value in vars(responder).items()}
    clients = [(f"{1 + number % 200}.{number // 200}.2.1", number) for number in range(int(BURST) + 100)]
    hello = HelloWriter.new("openssl").first()
    assert sum(responder.answer(hello, client) is not None for client in clients) == BURST
    now[0] += 0.1
    assert sum(responder.answer(hello, client) is not None for client in clients) == pytest.approx(RATE / 10, abs=1)
    assert before == {name: type(value) for name, value in vars(responder).items()}
    assert not any(isinstance(value, dict | list | set) for value in vars(responder).values())


async def test_port_answers_the_probes_own_step() -> None:
    port = DTLSPort(0)
    await port.open("127.0.0.1")
    try:
        async with a_transaction() as bench:
            entry = await dtls_hello(bench.tx, "127.0.0.1", port.port, pace=bench.pace, timeout=3.0)
    finally:
        port.close()
        port.close()
    assert (entry.failure, entry.response, entry.after_cookie) == (None, "verify_request", "alert")
    assert port.offer() == {"port": port.port}


async def test_taken_port_is_named() -> None:
    first = DTLSPort(0)
    await first.open("127.0.0.1")
    try:
        with pytest.raises(OSError, match=f"UDP port {first.port}"):
            await DTLSPort(first.port).open("127.0.0.1")
    finally:
        first.close()


def test_limits_are_those_of_the_documentation() -> None:
    assert (dtls_port.RATE, dtls_port.COOKIE_SECONDS) == (500.0, 30.0)

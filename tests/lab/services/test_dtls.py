"""Test the lab's DTLS server: a cookie, a ServerHello, refusals, and silence toward strangers."""

import asyncio

import pytest

from probe.lab.services.dtls import Datagrams, answer
from probe.lab.world.hosts import HELPER_V4, Host
from probe.wire.dtls.client_hello import SHAPES, HelloWriter, Shape
from probe.wire.dtls.server_answers import parse_answer

CLIENT = ("192.88.99.77", 40000)
SECRET = bytes(range(32))


def answered(raw: bytes, *, client: tuple[str, int] = CLIENT, serves: bool = True) -> bytes:
    response = answer(raw, client, SECRET, serves=serves)
    assert response is not None
    return response


@pytest.mark.parametrize("shape", SHAPES)
def test_hello_gets_a_cookie_and_with_it_a_server_hello(shape: Shape) -> None:
    hello = HelloWriter.new(shape)
    first = parse_answer(answered(hello.first()))
    second = parse_answer(answered(hello.with_cookie(first.cookie)))
    assert (first.kind, second.kind) == ("verify_request", "server_hello") and hello.offers(second.suite)


def test_cookie_of_another_client_is_refused() -> None:
    hello = HelloWriter.new("openssl")
    cookie = parse_answer(answered(hello.first())).cookie
    assert parse_answer(answered(hello.with_cookie(cookie), client=("192.88.99.78", 1))).kind == "verify_request"


def test_refused_client_gets_an_alert_and_other_bytes_nothing() -> None:
    assert parse_answer(answered(HelloWriter.new("openssl").first(), serves=False)).alert == 40
    assert answer(b"", CLIENT, SECRET) is None and answer(bytes(60), CLIENT, SECRET) is None


class Sent(asyncio.DatagramTransport):
    """Keep the datagrams that a server sends."""

    def __init__(self) -> None:
        super().__init__()
        self.out: list[object] = []

    def sendto(self, data: object, addr: object = None) -> None:
        self.out.append(addr)


@pytest.mark.parametrize(("host", "answered_here"), [(Host([], []), 1), (Host([], [], registered_only=("udp",)), 0)])
def test_server_answers_strangers_unless_it_knows_its_clients_alone(host: Host, answered_here: int) -> None:
    server, sent = Datagrams(None, host), Sent()  # type: ignore[arg-type]  # the world is not used
    server.connection_made(sent)
    server.datagram_received(HelloWriter.new("openssl").first(), CLIENT)
    assert sent.out == [CLIENT] * answered_here
    assert host.serves(HELPER_V4)

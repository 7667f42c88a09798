"""Test the media reflector: the source is validated first, nothing is amplified, all state is bounded."""

import asyncio
import secrets
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from probe.helper import helper_limits
from probe.helper.helper_limits import MEDIA_FLOWS, TOKEN_SECONDS, Allowance
from probe.helper.media.media_reflector import (
    BURST,
    FLOW_SECONDS,
    MOST_PACKETS,
    RESPONSES_A_TOKEN,
    Media,
    Reflector,
)
from probe.helper.reply_budget import ReplyBudgets
from probe.wire.media.cookie import BUSY
from probe.wire.media.sealed_payload import SealedFields, seal, unseal
from probe.wire.media.shape import PacketRequest, PeerAddress, Shape
from probe.wire.media.shapes import SHAPES
from tests.attack.helper_process import helper_process

EVERY = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
CLIENT = ("192.0.2.7", 40000)


class Client:
    """Speak to a reflector from one place, with a clock that the test moves."""

    def __init__(
        self, now: list[float], reflector: Reflector, token: str, shape: type[Shape], place: PeerAddress = CLIENT
    ) -> None:
        self.now, self.reflector, self.place = now, reflector, place
        self.token, self.shape, self.flow = bytes.fromhex(token), shape, shape(bytes.fromhex(token), "forth")

    def ask(self, cookie: bytes | None = None, place: PeerAddress | None = None) -> bytes | None:
        """Send a request. Return the cookie of the response, None for silence."""
        request = PacketRequest(self.token, cookie or secrets.token_bytes(20), secrets.token_bytes(12))
        datagram = self.shape.write_request(request)
        response = ReplyBudgets().answered(self.reflector.answer, datagram, place or self.place)
        assert response is None or len(response) < len(datagram)
        return None if response is None else self.shape.read_response(response, request.reference)

    def packet(self, number: int) -> bytes:
        return self.flow.write_packet(number, seal(SealedFields(number, int(self.now[0] * 1e6)), self.token, "forth"))

    def send(self, number: int, place: PeerAddress | None = None) -> SealedFields | None:
        """Send a packet. Return the fields of the reflected one."""
        packet = self.packet(number)
        answer = self.reflector.answer(packet, place or self.place)
        assert answer is None or len(answer) == len(packet)
        payload = None if answer is None else self.shape.read_packet(answer)
        return None if payload is None else unseal(payload, self.token, "back")

    def open(self) -> bytes | None:
        return self.ask(self.ask())


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def reflector(now: list[float]) -> Reflector:
    return Reflector(lambda: now[0])


@EVERY
def test_flow_is_reflected_with_the_helpers_counts(now: list[float], reflector: Reflector, shape: type[Shape]) -> None:
    client = Client(now, reflector, reflector.tokens.issue(), shape)
    assert client.open() not in {None, BUSY}
    for number in (0, 1, 4):
        now[0] += 0.02
        found = client.send(number)
    assert found == SealedFields(4, 1_000_060_000, 3, 3, 0, 1_000_060_000, 0b11001)


@EVERY
def test_no_packet_is_reflected_before_the_cookie_came_back(
    now: list[float], reflector: Reflector, shape: type[Shape]
) -> None:
    client = Client(now, reflector, reflector.tokens.issue(), shape)
    assert client.send(0) is None
    assert client.ask() is not None and client.send(0) is None and len(reflector.flows) == 0


@EVERY
def test_cookie_of_another_source_opens_no_flow(now: list[float], reflector: Reflector, shape: type[Shape]) -> None:
    client = Client(now, reflector, reflector.tokens.issue(), shape)
    cookie = client.ask()
    for other in (("192.0.2.8", 40000), ("192.0.2.7", 40001), ("2001:db8::7", 40000)):
        assert client.ask(cookie, other) not in {None, cookie} and client.send(0, other) is None
    assert len(reflector.flows) == 0


@EVERY
def test_spoofed_source_gets_few_shorter_datagrams(now: list[float], reflector: Reflector, shape: type[Shape]) -> None:
    """Spend a token on requests in the name of others. `ask` checks that each response is shorter than its request."""
    client = Client(now, reflector, reflector.tokens.issue(), shape)
    answers = [client.ask(place=(f"198.51.100.{number % 200}", number)) for number in range(1000)]
    assert sum(answer is not None for answer in answers) == RESPONSES_A_TOKEN
    assert len(reflector.flows) == 0 and len(reflector.tokens) == 1


def test_unknown_token_gets_silence(now: list[float], reflector: Reflector) -> None:
    for shape in SHAPES.values():
        assert Client(now, reflector, secrets.token_hex(12), shape).ask() is None
    for size in (0, 1, 64, 100, 160, 1500):
        assert reflector.answer(secrets.token_bytes(size), CLIENT) is None


@EVERY
def test_packet_of_another_token_is_not_reflected(now: list[float], reflector: Reflector, shape: type[Shape]) -> None:
    client = Client(now, reflector, reflector.tokens.issue(), shape)
    other = Client(now, reflector, reflector.tokens.issue(), shape)
    client.open()
    assert other.send(0) is None and client.send(0) is not None


@EVERY
def test_replayed_packet_is_not_reflected_again(now: list[float], reflector: Reflector, shape: type[Shape]) -> None:
    client = Client(now, reflector, reflector.tokens.issue(), shape)
    client.open()
    packet = client.packet(0)
    first = reflector.answer(packet, CLIENT)
    assert first is not None and [reflector.answer(packet, CLIENT) for _ in range(50)] == [None] * 50
    assert reflector.answer(first, CLIENT) is None  # its own packet, as another reflector would send it
    found = client.send(1)
    assert found is not None and (found.received, found.reflected) == (52, 2)


def test_old_cookie_and_old_token_open_no_flow(now: list[float], reflector: Reflector) -> None:
    client = Client(now, reflector, reflector.tokens.issue(), SHAPES["rtp"])
    cookie = client.ask()
    now[0] += 21.0
    assert client.ask(cookie) is not None and len(reflector.flows) == 0
    now[0] += TOKEN_SECONDS
    assert client.ask() is None


def test_open_flow_is_kept_alive_after_its_token(now: list[float], reflector: Reflector) -> None:
    client = Client(now, reflector, reflector.tokens.issue(), SHAPES["rtp"])
    now[0] += TOKEN_SECONDS - 1
    assert client.open() is not None
    now[0] += 10
    assert client.ask() is not None and client.send(0) is not None
    now[0] += FLOW_SECONDS
    assert client.ask() is None and client.send(1) is None and len(reflector.flows) == 0


def test_packets_above_the_rate_are_counted_as_refused(now: list[float], reflector: Reflector) -> None:
    """Send twice the burst at once. The next reflected packet names those that the helper did not reflect."""
    client = Client(now, reflector, reflector.tokens.issue(), SHAPES["rtp"])
    client.open()
    sent = [client.send(number) for number in range(int(2 * BURST))]
    assert sum(found is not None for found in sent) == BURST
    now[0] += 0.1
    found = client.send(300)
    assert found is not None and (found.received, found.reflected, found.refused) == (201, 101, 100)
    assert client.send(MOST_PACKETS) is None


def test_peer_has_few_flows_and_learns_that_the_helper_is_busy(now: list[float], reflector: Reflector) -> None:
    token = reflector.tokens.issue()
    clients = [Client(now, reflector, token, SHAPES["rtp"], ("192.0.2.7", port)) for port in range(10)]
    opened = [client.open() for client in clients]
    assert [cookie == BUSY for cookie in opened] == [False] * MEDIA_FLOWS.of_a_client + [True] * 2
    assert Client(now, reflector, token, SHAPES["rtp"], ("192.0.2.8", 1)).open() not in {None, BUSY}
    assert Client(now, reflector, token, SHAPES["rtp"], ("2001:db8::1", 1)).open() not in {None, BUSY}


def test_flows_of_all_are_limited_and_places_become_free(now: list[float], reflector: Reflector) -> None:
    def places() -> Iterator[Client]:
        for number in range(MEDIA_FLOWS.places + 1):
            yield Client(now, reflector, reflector.tokens.issue(), SHAPES["opaque"], (f"10.{number}.0.1", 1))

    assert [client.open() == BUSY for client in places()] == [False] * MEDIA_FLOWS.places + [True]
    now[0] += FLOW_SECONDS + 1
    assert next(places()).open() != BUSY


def test_full_table_gives_the_place_of_a_silent_flow_to_a_client_without_one(
    now: list[float], reflector: Reflector
) -> None:
    clients = [
        Client(now, reflector, reflector.tokens.issue(), SHAPES["rtp"], (f"10.{number}.0.1", 1))
        for number in range(MEDIA_FLOWS.places + 2)
    ]
    *held, first, second = clients
    assert all(client.open() != BUSY for client in held)
    now[0] += MEDIA_FLOWS.silent + 0.1
    assert all(client.send(0) for client in held[1:])
    assert first.open() != BUSY and first.send(0) is not None and held[0].send(0) is None
    assert second.open() == BUSY, "no other flow was silent"


def test_network_leaves_flows_for_others(now: list[float], reflector: Reflector) -> None:
    """Let 200 addresses of one /16 ask for all flows. Clients of other networks get theirs."""
    crowd = [
        Client(now, reflector, reflector.tokens.issue(), SHAPES["rtp"], (f"10.1.{number // 10}.{number}", 1))
        for number in range(200)
    ]
    got = sum(client.open() != BUSY for client in crowd)
    assert MEDIA_FLOWS.places / 2 <= got <= MEDIA_FLOWS.places * 2 / 3
    for number in range(4):
        assert Client(now, reflector, reflector.tokens.issue(), SHAPES["rtp"], ("192.0.2.7", number)).open() != BUSY


def test_allowance_is_a_token_bucket() -> None:
    allowance = Allowance(10.0, 5.0, 0.0)
    assert [allowance.take(0.0) for _ in range(6)] == [True] * 5 + [False]
    assert [allowance.take(0.2) for _ in range(3)] == [True, True, False]


def test_all_flows_together_have_a_rate(now: list[float], reflector: Reflector) -> None:
    """Let 96 flows send their bursts at once: no more is reflected than all may have at once."""
    clients = [
        Client(now, reflector, reflector.tokens.issue(), SHAPES["rtp"], (f"10.{number}.0.1", 1)) for number in range(96)
    ]
    for client in clients:
        now[0] += 1.0 / 96
        client.open()
    sent = sum(client.send(number) is not None for client in clients for number in range(90))
    assert helper_limits.BURST_OF_ALL * 0.8 <= sent <= helper_limits.BURST_OF_ALL


def test_flood_does_not_grow_the_memory_of_the_real_command() -> None:
    """Send 40,000 datagrams from 400 ports, and compare the memory after the first quarter with that after the last."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    with helper_process("--lab", "--media", str(port)) as helper:
        memory = []
        for _ in range(400):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                for size in (100, 160, 64, 1400):
                    for _ in range(25):
                        sock.sendto(secrets.token_bytes(size), ("127.0.0.1", port))
            memory.append(helper.memory())
        assert helper.written() == b""
    assert memory[-1] - memory[100] < 5.0  # MB


async def test_honest_flow_is_served_during_a_flood() -> None:
    """Flood the port from a thread with requests, packets and random bytes, and reflect an honest flow beside it."""
    media, loop, stopped = Media(0), asyncio.get_running_loop(), threading.Event()
    await media.open("127.0.0.1")
    shape = SHAPES["rtp"]
    request = shape.write_request(PacketRequest(secrets.token_bytes(12), bytes(20), bytes(12)))
    junk = [
        request,
        secrets.token_bytes(160),
        secrets.token_bytes(100),
        shape(bytes(12), "forth").write_packet(0, bytes(112)),
    ]
    sent = [0]

    def flood() -> None:
        while not stopped.is_set():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                for each in junk * 5:
                    sock.sendto(each, ("127.0.0.1", media.port))
            sent[0] += 20
            stopped.wait(0.002)

    token, answered = bytes.fromhex(media.offer()["token"]), 0
    flow = shape(token, "forth")
    thread = threading.Thread(target=flood)
    thread.start()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect(("127.0.0.1", media.port))
            cookie = bytes(20)
            for reference in (b"1" * 12, b"2" * 12):
                await loop.sock_sendall(sock, shape.write_request(PacketRequest(token, cookie, reference)))
                cookie = shape.read_response(await asyncio.wait_for(loop.sock_recv(sock, 2000), 5.0), reference) or b""
            for number in range(100):
                await loop.sock_sendall(sock, flow.write_packet(number, seal(SealedFields(number, 0), token, "forth")))
                payload = shape.read_packet(await asyncio.wait_for(loop.sock_recv(sock, 2000), 5.0))
                answered += payload is not None and unseal(payload, token, "back") is not None
    finally:
        stopped.set()
        await asyncio.to_thread(thread.join)
        media.close()
    assert answered == 100 and sent[0] > 0
    assert len(media.reflector.flows) == 1 and len(media.reflector.tokens) == 1


async def test_busy_helper_delays_no_call_packet() -> None:
    """Stop the helper's event loop, as its measurements may, and ask the port from another thread meanwhile."""
    media, shape, answered = Media(0), SHAPES["rtp"], list[float]()
    await media.open("127.0.0.1")
    request = shape.write_request(PacketRequest(bytes.fromhex(media.offer()["token"]), bytes(20), bytes(12)))

    def ask() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5.0)
            sock.connect(("127.0.0.1", media.port))
            sock.send(request)
            sock.recv(2000)
            answered.append(time.monotonic())

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(1.0)
    until = time.monotonic()
    thread.join()
    media.close()
    assert answered and answered[0] < until

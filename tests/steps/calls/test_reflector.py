"""Test the step `reflector_hello`: the proof is a packet that bears our tag, and no address is kept."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable

import pytest

from probe.formats.exchanges.calls import ReflectorExchange
from probe.steps.calls import reflector as step
from probe.steps.calls.reflector import reflector_hello, reflector_hello_udp
from probe.steps.tcp import tcp_connect
from probe.wire.telegram import reflector
from tests.support.servers.dns import Asked, udp_server
from tests.support.servers.loopback import SEEN, Handler, Peer, a_transaction, has_port_seen, serving, silence

Answer = Callable[[bytes], bytes]  # tag to packet


def self_info(tag: bytes) -> bytes:
    return reflector.self_info(tag, *SEEN, 1)


def of_another(tag: bytes) -> bytes:
    """Return an answer to the other side of the call."""
    return reflector.self_info(b"\1" + tag[1:], *SEEN, 1)


async def over_udp(*answers: Answer, timeout: float = 1.0) -> ReflectorExchange:
    def behave(asked: Asked) -> None:
        assert asked.query == reflector.hello(asked.query[:16]) and len(asked.query) == 40
        for answer in answers:
            asked.send(answer(asked.query[:16]))

    async with udp_server(behave) as server, a_transaction() as bench:
        await reflector_hello_udp(bench.tx, "127.0.0.1", server.port, pace=bench.pace, timeout=timeout)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, ReflectorExchange) and len(bench.trace.entries) == 1
    assert (entry.address, entry.transport) == (f"127.0.0.1:{server.port}", "udp")
    assert bench.tx.record.steps == ([] if entry.failure else ["reflector_hello"])
    return entry


async def over_stream(handler: Handler, timeout: float = 1.0) -> ReflectorExchange:
    async with serving(handler) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        await reflector_hello(bench.tx, conn, pace=bench.pace, timeout=timeout)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, ReflectorExchange)
    assert (entry.transport, entry.x_sent) == ("tcp", 1)
    return entry


def sending(*answers: Answer, piece: int = 4096, then: Callable[[Peer], Awaitable[None]] = silence) -> Handler:
    async def handler(peer: Peer) -> None:
        asked = await peer.receive()
        assert asked == reflector.hello_tcp(asked[8:24])
        data = b"".join(answer(asked[8:24]) for answer in answers)
        for at in range(0, len(data), piece):
            await peer.send(data[at : at + piece])
            await asyncio.sleep(0)
        await then(peer)

    return handler


def framed(answer: Answer) -> Answer:
    return lambda tag: reflector.frame(answer(tag))


@pytest.mark.parametrize(
    ("answer", "response", "family"),
    [
        (self_info, "self_info", 4),
        (lambda tag: reflector.self_info(tag, "2001:db8::1", 9, 1), "self_info", 6),
        (reflector.hello, "special", 0),
        (lambda tag: tag[:12] + b"else", "other", 0),
        (lambda tag: reflector.data_packet(tag, b"abcd", b"data"), "data", 0),
    ],
)
async def test_any_packet_with_our_tag_is_success(answer: Answer, response: str, family: int) -> None:
    entry = await over_udp(answer)
    assert (entry.failure, entry.response, entry.mapped_family) == (None, response, family)
    assert entry.mapped_differs is (True if family else None)
    assert entry.round_trip is not None and (entry.x_sent, entry.x_foreign) == (1, 0)
    again = await over_stream(sending(framed(answer)))
    assert (again.failure, again.response, again.mapped_family) == (None, response, family)


async def test_our_address_and_our_tag_are_not_kept() -> None:
    tags = list[bytes]()

    def answer(tag: bytes) -> bytes:
        tags.append(tag)
        return self_info(tag)

    entry = await over_udp(answer)
    written = json.dumps(entry.model_dump(mode="json"))
    assert "198.51" not in written
    assert not has_port_seen(written)
    assert tags[0].hex() not in written and base64.b64encode(tags[0][:12]).decode() not in written


async def test_answer_with_another_tag_is_foreign_and_kept_up_to_its_tag() -> None:
    entry = await over_udp(of_another, timeout=0.3)
    assert (entry.failure, entry.response, entry.x_foreign) == ("generic_timeout_error", "", 1)
    assert entry.x_first_bytes is not None and len(base64.b64decode(entry.x_first_bytes.data)) == 16


async def test_silence_is_timeout_after_repeated_hellos() -> None:
    entry = await over_udp(timeout=1.2)
    assert (entry.failure, entry.response, entry.x_sent) == ("generic_timeout_error", "", 3)
    assert len(step.SCHEDULE) == 10


async def test_answer_over_tcp_in_pieces_after_another_is_success() -> None:
    entry = await over_stream(sending(framed(of_another), framed(self_info), piece=5))
    assert (entry.failure, entry.response, entry.x_foreign) == (None, "self_info", 1)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (lambda tag: b"HTTP/1.1 400 Bad Request\r\n\r\n", "unknown_failure: reflector: not a frame"),
        (lambda tag: reflector.frame(tag[:15]), "unknown_failure: reflector: not a frame"),
        (lambda tag: reflector.frame(of_another(tag)) * 70, "unknown_failure: reflector: flooded"),
    ],
)
async def test_other_bytes_over_tcp_fail(answer: Answer, failure: str) -> None:
    assert (await over_stream(sending(answer))).failure == failure


async def test_short_frame_is_kept_up_to_the_length_of_a_tag() -> None:
    entry = await over_stream(sending(lambda tag: reflector.frame(b"short")))
    assert entry.x_first_bytes is not None and entry.x_foreign == 1
    assert base64.b64decode(entry.x_first_bytes.data) == reflector.frame(b"short")


async def test_silence_and_end_over_tcp_fail() -> None:
    assert (await over_stream(sending(), timeout=0.3)).failure == "generic_timeout_error"

    async def hang_up(peer: Peer) -> None:
        peer.writer.close()

    entry = await over_stream(sending(lambda tag: b"\x40\0\0\0", then=hang_up))
    assert (entry.failure, entry.x_foreign) == ("eof_error", 1)


def test_tags_are_random_and_never_without_resource() -> None:
    tags = {step.new_tag() for _ in range(100)}
    assert len(tags) == 100 and all(tag[0] == 0 and any(tag[12:]) for tag in tags)

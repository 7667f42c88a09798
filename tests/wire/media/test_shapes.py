"""Test the shapes of media flows: round trips, equal sizes, RFC 3550's header, no structure, and any bytes."""

import math
import secrets
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire import stun
from probe.wire.media.opaque import OpaqueShape
from probe.wire.media.rtp import RTPShape
from probe.wire.media.sealed_payload import Fields, seal
from probe.wire.media.shape import PACKET, PAYLOAD, REQUEST, Request, Shape, masked
from probe.wire.media.shapes import SHAPES, requests_in

EVERY = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
CLIENTS = {"IPv4": ("192.0.2.7", 40000), "IPv6": ("2001:db8::7", 40000)}
TOKEN = bytes(range(12))


def a_request(token: bytes = TOKEN) -> Request:
    return Request(token, secrets.token_bytes(20), secrets.token_bytes(12))


@EVERY
def test_request_is_read_as_written(shape: type[Shape]) -> None:
    request = a_request()
    datagram = shape.write_request(request)
    assert shape.read_request(datagram) == request and (shape, request) in requests_in(datagram)


@EVERY
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_response_is_read_as_written_and_shorter_than_its_request(shape: type[Shape], client: tuple[str, int]) -> None:
    request, cookie = a_request(), secrets.token_bytes(20)
    response = shape.write_response(request, cookie, client)
    assert shape.read_response(response, request.reference) == cookie
    assert shape.read_response(response, secrets.token_bytes(12)) is None
    assert len(response) < len(shape.write_request(request)) == REQUEST


@EVERY
def test_packet_is_read_as_written(shape: type[Shape]) -> None:
    payload = secrets.token_bytes(PAYLOAD)
    datagram = shape().write_packet(7, payload)
    assert len(datagram) == PACKET and shape.read_packet(datagram) == payload


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_all_shapes_have_equal_sizes(client: tuple[str, int]) -> None:
    request = a_request()
    written = [
        (
            len(shape.write_request(request)),
            len(shape.write_response(request, bytes(20), client)),
            len(shape().write_packet(0, bytes(PAYLOAD))),
        )
        for shape in SHAPES.values()
    ]
    assert len(set(written)) == 1 and len(written) == 2


def test_rtp_header_counts_as_a_call_with_opus() -> None:
    flow = RTPShape()
    packets = [flow.write_packet(number, bytes(PAYLOAD)) for number in range(70_000)][-100:]
    for one, other in pairwise(packets):
        assert (one[0], one[1]) == (0x80, 111) and one[8:12] == other[8:12]
        assert (int.from_bytes(other[2:4], "big") - int.from_bytes(one[2:4], "big")) % 2**16 == 1
        assert (int.from_bytes(other[4:8], "big") - int.from_bytes(one[4:8], "big")) % 2**32 == 960
    assert RTPShape().write_packet(0, b"")[8:12] != packets[0][8:12]


def test_request_in_rtp_shape_is_a_binding_request_of_ice() -> None:
    request = a_request()
    message = stun.parse(RTPShape.write_request(request))
    assert (message.kind, message.method, message.fingerprint_valid) == ("request", stun.BINDING, True)
    assert [number for number, _ in message.attributes] == [0x0006, 0x802A, 0x0025, 0x0024, 0x0008, 0x8028]
    response = stun.parse(RTPShape.write_response(request, bytes(20), CLIENTS["IPv4"]))
    assert (response.kind, response.mapped) == ("success", CLIENTS["IPv4"])


def test_opaque_flow_shows_no_structure() -> None:
    """Let no byte of requests, responses and packets prefer a value, although token and cookie stay the same."""
    cookie, flow = bytes(20), OpaqueShape()
    kinds = [
        [OpaqueShape.write_request(Request(TOKEN, cookie, secrets.token_bytes(12))) for _ in range(1000)],
        [OpaqueShape.write_response(a_request(), cookie, CLIENTS["IPv4"]) for _ in range(1000)],
        [flow.write_packet(number, seal(Fields(number, number), TOKEN, "forth")) for number in range(1000)],
    ]
    for datagrams in kinds:
        most = max(count for column in zip(*datagrams, strict=True) for count in Counter(column).values())
        assert most < 25  # of 1000, where chance gives 4
        values = Counter(b"".join(datagrams))
        total = sum(values.values())
        assert -sum(count / total * math.log2(count / total) for count in values.values()) > 7.99


def test_masked_bytes_are_restored() -> None:
    assert masked(masked(b"twelve bytes", b"nonce"), b"nonce") == b"twelve bytes" != masked(b"twelve bytes", b"nonce")


@EVERY
@given(
    datagram=st.one_of(st.binary(max_size=200), st.binary(min_size=100, max_size=100)), reference=st.binary(max_size=12)
)
def test_any_bytes_are_read_without_an_exception(shape: type[Shape], datagram: bytes, reference: bytes) -> None:
    request = shape.read_request(datagram)
    assert request is None or [len(part) for part in request] == [12, 20, 12]
    cookie, payload = shape.read_response(datagram, reference), shape.read_packet(datagram)
    assert cookie is None or len(cookie) == 20
    assert payload is None or len(payload) == PAYLOAD


@pytest.mark.parametrize("name", [b"", b"no base64!", b"AAAA:AAAA", b":" * 17])
def test_binding_request_without_a_token_is_no_request(name: bytes) -> None:
    datagram = stun.build("request", stun.BINDING, bytes(12), ((0x0006, name), (0x0008, bytes(20))))
    assert RTPShape.read_request(datagram) is None

"""Test the shapes of media flows: round trips, equal sizes, RFC 3550's header, no structure, and any bytes."""

import ipaddress
import math
import secrets
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire import stun
from probe.wire.media import whatsapp_shape
from probe.wire.media.opaque import OpaqueShape
from probe.wire.media.reflector_shape import ReflectorShape
from probe.wire.media.rtp import RTPShape
from probe.wire.media.sealed_payload import SealedFields, seal
from probe.wire.media.shape import PACKET, REQUEST, SEALED, PacketRequest, Shape, masked
from probe.wire.media.shapes import SHAPES, requests_in
from probe.wire.media.whatsapp_shape import WhatsAppShape
from probe.wire.telegram import reflector

EVERY = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
CLIENTS = {"IPv4": ("192.0.2.7", 40000), "IPv6": ("2001:db8::7", 40000)}
TOKEN = bytes(range(12))


def a_request(token: bytes = TOKEN) -> PacketRequest:
    return PacketRequest(token, secrets.token_bytes(20), secrets.token_bytes(12))


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
    payload = secrets.token_bytes(SEALED)
    datagram = shape(TOKEN, "forth").write_packet(7, payload)
    assert len(datagram) == PACKET and shape.read_packet(datagram) == payload


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_all_shapes_have_equal_sizes(client: tuple[str, int]) -> None:
    request = a_request()
    written = [
        (
            len(shape.write_request(request)),
            len(shape.write_response(request, bytes(20), client)),
            len(shape(TOKEN, "forth").write_packet(0, bytes(SEALED))),
        )
        for shape in SHAPES.values()
    ]
    assert len(set(written)) == 1 and len(written) == 4


def test_rtp_header_counts_as_a_call_with_opus() -> None:
    flow = RTPShape(TOKEN, "forth")
    packets = [flow.write_packet(number, bytes(SEALED)) for number in range(70_000)][-100:]
    for one, other in pairwise(packets):
        assert (one[0], one[1]) == (0x80, 111) and one[8:12] == other[8:12]
        assert (int.from_bytes(other[2:4], "big") - int.from_bytes(one[2:4], "big")) % 2**16 == 1
        assert (int.from_bytes(other[4:8], "big") - int.from_bytes(one[4:8], "big")) % 2**32 == 960
    assert RTPShape(TOKEN, "forth").write_packet(0, b"")[8:12] != packets[0][8:12]


def test_request_in_rtp_shape_is_a_binding_request_of_ice() -> None:
    request = a_request()
    message = stun.parse(RTPShape.write_request(request))
    assert (message.kind, message.method, message.fingerprint_valid) == ("request", stun.BINDING, True)
    assert [number for number, _ in message.attributes] == [0x0006, 0x802A, 0x0025, 0x0024, 0x0008, 0x8028]
    response = stun.parse(RTPShape.write_response(request, bytes(20), CLIENTS["IPv4"]))
    assert (response.kind, response.mapped) == ("success", CLIENTS["IPv4"])


def test_opaque_flow_shows_no_structure() -> None:
    """Let no byte of requests, responses and packets prefer a value, although token and cookie stay the same."""
    cookie, flow = bytes(20), OpaqueShape(TOKEN, "forth")
    kinds = [
        [OpaqueShape.write_request(PacketRequest(TOKEN, cookie, secrets.token_bytes(12))) for _ in range(1000)],
        [OpaqueShape.write_response(a_request(), cookie, CLIENTS["IPv4"]) for _ in range(1000)],
        [flow.write_packet(number, seal(SealedFields(number, number), TOKEN, "forth")) for number in range(1000)],
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
    assert payload is None or len(payload) == SEALED


# -- WhatsApp: vectors of oxidezap/whatsapp-rust 1489b7da, wacore/src/voip/testdata/kats.json, opened 2026-11-28 ----

SSRC = 0x12345678


def test_whatsapps_header_is_that_of_the_source() -> None:
    assert whatsapp_shape.write_header(0, SSRC).hex() == "90f800010000000012345678debe0000"
    # The source's second packet is one of silence. It has the same fields and one word more.
    assert whatsapp_shape.write_header(1, SSRC)[:14].hex() == "907800020000014012345678debe"


def test_whatsapps_flow_counts_as_a_call_of_speech() -> None:
    flow = WhatsAppShape(TOKEN, "forth")
    packets = [flow.write_packet(number, bytes(SEALED)) for number in range(70_000)]
    assert packets[0][1] == 0xF8 and packets[0][2:8] == b"\0\1" + bytes(4)
    for one, other in pairwise(packets[-100:]):
        assert (one[0], one[1], one[12:16]) == (0x90, 120, b"\xde\xbe\0\0") and one[8:12] == other[8:12]
        assert (int.from_bytes(other[2:4], "big") - int.from_bytes(one[2:4], "big")) % 2**16 == 1
        assert (int.from_bytes(other[4:8], "big") - int.from_bytes(one[4:8], "big")) % 2**32 == 320
    assert WhatsAppShape(TOKEN, "forth").write_packet(0, bytes(SEALED))[8:12] != packets[0][8:12]


@pytest.mark.parametrize(
    ("header", "speech"),
    [
        ("90f800010000000012345678debe0000", True),
        ("907800020000014012345678debe000130010000", True),  # of silence
        ("90e100010001bdc849c5fb8cdebe0003300951000061001d910c3f00", False),  # video, captured on Android
        ("90780007000003c012345678beded000", False),  # the extension of browsers (RFC 8285)
        ("807800070000000012345678debe0000", False),
        ("907800070000000012345678", False),
    ],
)
def test_whatsapps_speech_is_recognized(header: str, speech: bool) -> None:
    assert whatsapp_shape.is_voice(bytes.fromhex(header)) is speech


def test_whatsapps_attributes_are_those_of_the_source() -> None:
    assert whatsapp_shape.sender_subscriptions(SSRC).hex() == "0a080a0608f0d9a2a302"
    assert whatsapp_shape.stream_descriptors(SSRC).hex() == "0a150a05617564696f12044f50555318f0d9a2a3022000"
    message = stun.parse(WhatsAppShape.write_request(a_request()))
    assert (message.kind, message.method) == ("request", stun.ALLOCATE)
    assert [number for number, _ in message.attributes] == [0x4000, 0x4025, 0x4024, 0x0008]


@given(st.binary(min_size=12, max_size=12))
def test_any_token_passes_through_whatsapps_request(token: bytes) -> None:
    datagram = WhatsAppShape.write_request(request := a_request(token))
    assert len(datagram) == REQUEST and WhatsAppShape.read_request(datagram) == request


@pytest.mark.parametrize("subscription", [b"", bytes(10), b"\x0a\x08\x0a\x06\x08" + b"\xff" * 4 + b"\x7f"])
def test_allocate_request_without_a_stream_is_no_request(subscription: bytes) -> None:
    attributes = ((0x4000, bytes(8)), (0x4025, subscription), (0x0008, bytes(20)))
    datagram = stun.build("request", stun.ALLOCATE, bytes(12), attributes, fingerprint=False)
    assert WhatsAppShape.read_request(datagram) is None


# -- Telegram's relays -------------------------------------------------------------------------------------------------


def test_frames_of_both_ends_have_one_tag_but_for_the_receiver() -> None:
    """Check the form of tgcalls' SendTo: twelve bytes of the tag, receiver, sender, length, data."""
    ends = [ReflectorShape(TOKEN, "forth"), ReflectorShape(TOKEN, "back")]
    forth, back = (end.write_packet(0, bytes(SEALED)) for end in ends)
    opening, request = ReflectorShape.write_opening(TOKEN), ReflectorShape.write_request(a_request())
    tags = {datagram[:12] for datagram in (forth, back, opening, request)}
    assert len(tags) == 1 and forth[0] == 0
    own, peer = opening[12:16], back[16:20]
    assert own != peer and any(own) and any(peer)
    assert forth[12:20] == request[12:20] == peer + own and back[12:20] == own + peer
    for datagram in (forth, back, request):
        assert int.from_bytes(datagram[20:24], "big") == len(datagram) - 24
        assert reflector.parse(datagram).kind == "data"
    assert ReflectorShape(bytes(12), "forth").write_packet(0, bytes(SEALED))[:12] not in tags


def test_call_over_a_relay_begins_as_the_app_does() -> None:
    opening = ReflectorShape.write_opening(TOKEN)
    assert len(opening) == 40 and reflector.is_hello(opening)
    assert opening[16:].hex() == "ff" * 12 + "feffffff" + "000000000000007b"


def test_frames_contain_ice_and_rtp() -> None:
    flow = ReflectorShape(TOKEN, "forth")
    one, other = (reflector.parse(flow.write_packet(number, bytes(SEALED))).data for number in (7, 8))
    assert (one[0], one[1], one[8:12]) == (0x80, 111, other[8:12])
    assert (int.from_bytes(other[2:4], "big") - int.from_bytes(one[2:4], "big")) % 2**16 == 1
    message = stun.parse(reflector.parse(ReflectorShape.write_request(a_request())).data)
    assert (message.kind, message.method, message.fingerprint_valid) == ("request", stun.BINDING, True)
    assert [number for number, _ in message.attributes] == [0x0006, 0x0008, 0x8028]


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_answer_has_the_form_of_a_relays_answer(client: tuple[str, int]) -> None:
    """Check tag, marker and constructor of libtgvoip's self-info, and that our address is not in it."""
    response = ReflectorShape.write_response(a_request(), secrets.token_bytes(20), client)
    assert response[:16] == ReflectorShape.write_opening(TOKEN)[:16]
    assert response[16:32].hex() == "ff" * 12 + "c77215c0" and reflector.parse(response).kind == "self_info"
    assert ipaddress.ip_address(client[0]).packed not in response


@given(st.binary(min_size=12, max_size=12))
def test_any_token_passes_through_a_frame(token: bytes) -> None:
    datagram = ReflectorShape.write_request(request := a_request(token))
    assert len(datagram) == REQUEST and ReflectorShape.read_request(datagram) == request


# ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [b"", b"no base64!", b"AAAA:AAAA", b":" * 17])
def test_binding_request_without_a_token_is_no_request(name: bytes) -> None:
    datagram = stun.build("request", stun.BINDING, bytes(12), ((0x0006, name), (0x0008, bytes(20))))
    assert RTPShape.read_request(datagram) is None

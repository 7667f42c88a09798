"""Write a flow as a call over WhatsApp has it: RTP with a header extension of its own ("WARP"), and Allocate requests.

Sources, opened 2026-11-28: oxidezap/whatsapp-rust 1489b7da, wacore/src/voip/rtp.rs, demux.rs and stun.rs, with headers
from captures, and WhiskeySockets/wacrg 0114515c, on its page warp-stun-relay. Both recovered the forms from the
app. The request is that of the Android app for a call of two: relay token, subscription, description of the stream,
MESSAGE-INTEGRITY. No source has a captured request, the length of a real token, or a whole answer.
"""

import secrets
import struct

from probe.wire import stun
from probe.wire.media.rtp import HEADER as _FIXED
from probe.wire.media.rtp import read_success, write_success
from probe.wire.media.shape import PACKET, SEALED, Direction, PacketRequest, PeerAddress, Shape, filled
from probe.wire.media.stun_parts import cookie_of, integrity, read

RELAY_TOKEN, STREAM_DESCRIPTORS, SENDER_SUBSCRIPTIONS = 0x4000, 0x4024, 0x4025
FIRST_BYTE = 0x90  # version 2 with an extension
PAYLOAD_TYPE = 120
EXTENSION = b"\xde\xbe\0\0"  # the profile, and no word of content, as packets of voice have it
HEADER = _FIXED + len(EXTENSION)
FIRST_NUMBER = 1  # number of the first packet. Its timestamp is 0.
TIMESTAMP_STEP = 320  # 20 ms at 16 kHz
_MARKER = 0x80  # set in the first packet of voice
_IN_RELAY_TOKEN = 8  # bytes of our token. The others are the number of the stream (SSRC).


class WhatsAppShape(Shape):
    """Write one direction with its own SSRC, which is random."""

    NAME = "whatsapp"

    def __init__(self, token: bytes, direction: Direction) -> None:
        self._ssrc = secrets.randbits(32)

    @classmethod
    def write_request(cls, request: PacketRequest) -> bytes:
        """Return an Allocate request. The token is the relay token and the SSRC."""
        source = int.from_bytes(request.token[_IN_RELAY_TOKEN:], "big")
        attributes = (
            (RELAY_TOKEN, request.token[:_IN_RELAY_TOKEN]),
            (SENDER_SUBSCRIPTIONS, sender_subscriptions(source)),
            (STREAM_DESCRIPTORS, stream_descriptors(source)),
            integrity(request.cookie, request.reference),
        )
        return stun.build("request", stun.ALLOCATE, request.reference, attributes, fingerprint=False)

    @classmethod
    def read_request(cls, datagram: bytes) -> PacketRequest | None:
        """Parse an Allocate request with a relay token."""
        message = read(datagram, "request", stun.ALLOCATE)
        token = message.first(RELAY_TOKEN) if message else None
        source = _source_of(message.first(SENDER_SUBSCRIPTIONS)) if message else None
        cookie = cookie_of(message, message.transaction_id) if message else None
        if message is None or token is None or len(token) != _IN_RELAY_TOKEN or source is None or cookie is None:
            return None
        return PacketRequest(token + source.to_bytes(4, "big"), cookie, message.transaction_id)

    @classmethod
    def write_response(cls, request: PacketRequest, cookie: bytes, client: PeerAddress) -> bytes:
        """Return an Allocate success response with the client's own address."""
        return write_success(stun.ALLOCATE, request, cookie, client)

    @classmethod
    def read_response(cls, datagram: bytes, reference: bytes) -> bytes | None:
        """Return the cookie of an Allocate success response."""
        return read_success(datagram, stun.ALLOCATE, reference)

    def write_packet(self, number: int, payload: bytes) -> bytes:
        """Return a packet of voice. Its last bytes are random, as its tag of four bytes looks."""
        return filled(write_header(number, self._ssrc) + payload)

    @classmethod
    def read_packet(cls, datagram: bytes) -> bytes | None:
        """Return the payload of a packet of voice of the flow's size."""
        return datagram[HEADER : HEADER + SEALED] if len(datagram) == PACKET and is_voice(datagram) else None


def write_header(number: int, ssrc: int) -> bytes:
    """Return the header of packet `number` from 0, the first one of voice."""
    kind = PAYLOAD_TYPE | (0 if number else _MARKER)
    timestamp = TIMESTAMP_STEP * number
    fields = FIRST_BYTE, kind, (FIRST_NUMBER + number) & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc
    return struct.pack("!BBHII", *fields) + EXTENSION


def is_voice(datagram: bytes) -> bool:
    """Return whether a datagram begins like a packet of voice, with or without a word in its extension."""
    if len(datagram) < HEADER or datagram[0] != FIRST_BYTE or datagram[1] & 0x7F != PAYLOAD_TYPE:
        return False
    return datagram[_FIXED : _FIXED + 2] == EXTENSION[:2]


def sender_subscriptions(ssrc: int) -> bytes:
    """Return the value of the attribute that names the sender's stream (protobuf)."""
    return b"\x0a\x08\x0a\x06\x08" + _number(ssrc)


def stream_descriptors(ssrc: int) -> bytes:
    """Return the value of the attribute that describes the sender's stream (protobuf)."""
    return b"\x0a\x15\x0a\x05audio\x12\x04OPUS\x18" + _number(ssrc) + b"\x20\x00"


def _source_of(value: bytes | None) -> int | None:
    if value is None or len(value) != len(sender_subscriptions(0)):
        return None
    ssrc = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(value[-5:])) >> 1
    return ssrc if ssrc < 1 << 32 and value == sender_subscriptions(ssrc) else None


def _number(ssrc: int) -> bytes:
    """Return twice the number (zigzag) in five bytes of seven bits. The app writes small numbers shorter."""
    return bytes(2 * ssrc >> 7 * place & 0x7F | (0x80 if place < 4 else 0) for place in range(5))

"""Write a flow as a WebRTC call has it: RTP (RFC 3550) with Opus (RFC 7587), and STUN checks of ICE (RFC 8445).

The payload is sealed and random, as that of SRTP (RFC 3711) is. MESSAGE-INTEGRITY holds the cookie.
"""

import secrets
import struct

from probe.wire import stun
from probe.wire.media.shape import PACKET, SEALED, Direction, PacketRequest, PeerAddress, Shape, filled
from probe.wire.media.stun_parts import cookie_of, integrity, read, token_of, user_name

HEADER = 12  # bytes, without extension and sources
VERSION = 0x80  # version 2, without padding, extension and sources (RFC 3550, 5.1)
PAYLOAD_TYPE = 111  # dynamic. Browsers offer Opus with this number.
TIMESTAMP_STEP = 960  # 20 ms at 48 kHz (RFC 7587, 4.1)
PRIORITY, USE_CANDIDATE, ICE_CONTROLLING = 0x0024, 0x0025, 0x802A
_CANDIDATE_PRIORITY = 1853824767  # of a peer-reflexive candidate: 110 << 24 | 32543 << 8 | 255 (RFC 8445, 5.1.2.1)


class RTPShape(Shape):
    """Write one direction with its own SSRC, first sequence number and first timestamp, which are random."""

    NAME = "rtp"

    def __init__(self, token: bytes, direction: Direction) -> None:
        self._stream = OpusStream()

    @classmethod
    def write_request(cls, request: PacketRequest) -> bytes:
        """Return a Binding request with ICE's attributes. The token is the user name."""
        attributes = (
            user_name(request.token),
            (ICE_CONTROLLING, secrets.token_bytes(8)),
            (USE_CANDIDATE, b""),
            (PRIORITY, struct.pack("!I", _CANDIDATE_PRIORITY)),
            integrity(request.cookie, request.reference),
        )
        return stun.build("request", stun.BINDING, request.reference, attributes)

    @classmethod
    def read_request(cls, datagram: bytes) -> PacketRequest | None:
        """Parse a Binding request that names a token as its user."""
        return read_binding(datagram)

    @classmethod
    def write_response(cls, request: PacketRequest, cookie: bytes, client: PeerAddress) -> bytes:
        """Return a Binding success response with the client's own address."""
        return write_success(stun.BINDING, request, cookie, client)

    @classmethod
    def read_response(cls, datagram: bytes, reference: bytes) -> bytes | None:
        """Return the cookie of a Binding success response."""
        return read_success(datagram, stun.BINDING, reference)

    def write_packet(self, number: int, payload: bytes) -> bytes:
        return filled(self._stream.header(number) + payload)

    @classmethod
    def read_packet(cls, datagram: bytes) -> bytes | None:
        """Return the payload of an RTP packet of the flow's size and payload type."""
        return read_opus(datagram) if len(datagram) == PACKET else None


class OpusStream:
    """Hold one direction's SSRC, first sequence number and first timestamp."""

    def __init__(self) -> None:
        self._ssrc, self._timestamp = secrets.randbits(32), secrets.randbits(32)
        self._number = secrets.randbits(16)

    def header(self, number: int) -> bytes:
        timestamp = self._timestamp + TIMESTAMP_STEP * number
        return write_header(PAYLOAD_TYPE, self._number + number, timestamp, self._ssrc)


def read_opus(datagram: bytes) -> bytes | None:
    """Return the sealed bytes behind the header of a packet with Opus."""
    if len(datagram) < HEADER + SEALED or datagram[0] != VERSION or datagram[1] & 0x7F != PAYLOAD_TYPE:
        return None
    return datagram[HEADER : HEADER + SEALED]


def read_binding(datagram: bytes) -> PacketRequest | None:
    """Parse a Binding request with a token and a cookie."""
    message = read(datagram, "request", stun.BINDING)
    if message is None:
        return None
    token, cookie = token_of(message), cookie_of(message, message.transaction_id)
    return PacketRequest(token, cookie, message.transaction_id) if token is not None and cookie is not None else None


def write_success(method: int, request: PacketRequest, cookie: bytes, client: PeerAddress) -> bytes:
    """Return a success response with the client's own address and a cookie."""
    mapped = stun.xor_mapped_address(*client, request.reference)
    attributes = (mapped, integrity(cookie, request.reference[::-1]))
    return stun.build("success", method, request.reference, attributes)


def read_success(datagram: bytes, method: int, reference: bytes) -> bytes | None:
    """Return the cookie of the success response to the request with this reference."""
    message = read(datagram, "success", method)
    if message is None or message.transaction_id != reference:
        return None
    return cookie_of(message, reference[::-1])


def write_header(payload_type: int, sequence: int, timestamp: int, ssrc: int) -> bytes:
    """Return a header without padding, extension and further sources. Numbers begin again at 0 after the largest."""
    return struct.pack("!BBHII", VERSION, payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)


def read_header(datagram: bytes) -> tuple[int, int] | None:
    """Return the payload type and the sequence number of an RTP packet, None for other bytes."""
    if len(datagram) <= HEADER or datagram[0] & 0xC0 != VERSION:
        return None
    return datagram[1] & 0x7F, int.from_bytes(datagram[2:4], "big")

"""Write a flow as a WebRTC call has it: RTP (RFC 3550) with Opus (RFC 7587), and STUN checks of ICE (RFC 8445).

The payload is sealed and random, as that of SRTP (RFC 3711) is. MESSAGE-INTEGRITY holds the cookie. An observer without
the password of the call cannot notice it.
"""

import base64
import binascii
import secrets
import struct

from probe.wire import stun
from probe.wire.media.shape import COOKIE, HEADER, PACKET, PAYLOAD, TOKEN, Place, Request, Shape, masked

VERSION = 0x80  # version 2, without padding, extension and sources (RFC 3550, 5.1)
PAYLOAD_TYPE = 111  # dynamic. Browsers offer Opus with this number.
TIMESTAMP_STEP = 960  # 20 ms at 48 kHz (RFC 7587, 4.1)
USERNAME, MESSAGE_INTEGRITY, PRIORITY, USE_CANDIDATE, ICE_CONTROLLING = 0x0006, 0x0008, 0x0024, 0x0025, 0x802A
_CANDIDATE_PRIORITY = 1853824767  # of a peer-reflexive candidate: 110 << 24 | 32543 << 8 | 255 (RFC 8445, 5.1.2.1)


class RTPShape(Shape):
    """Write one direction with its own SSRC, first sequence number and first timestamp, which are random."""

    NAME = "rtp"

    def __init__(self) -> None:
        self._ssrc, self._timestamp = secrets.randbits(32), secrets.randbits(32)
        self._number = secrets.randbits(16)

    @classmethod
    def write_request(cls, request: Request) -> bytes:
        """Return a Binding request with ICE's attributes. The token is the user name."""
        name = base64.b64encode(request.token)
        attributes = (
            (USERNAME, name[:8] + b":" + name[8:]),
            (ICE_CONTROLLING, secrets.token_bytes(8)),
            (USE_CANDIDATE, b""),
            (PRIORITY, struct.pack("!I", _CANDIDATE_PRIORITY)),
            (MESSAGE_INTEGRITY, masked(request.cookie, request.reference)),
        )
        return stun.build("request", stun.BINDING, request.reference, attributes)

    @classmethod
    def read_request(cls, datagram: bytes) -> Request | None:
        """Parse a Binding request that names a token as its user."""
        message = _binding(datagram, "request")
        name = message.first(USERNAME) if message else None
        cookie = message.first(MESSAGE_INTEGRITY) if message else None
        if message is None or name is None or cookie is None or len(cookie) != COOKIE:
            return None
        try:
            token = base64.b64decode(name.replace(b":", b"", 1), validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(token) != TOKEN:
            return None
        return Request(token, masked(cookie, message.transaction_id), message.transaction_id)

    @classmethod
    def write_response(cls, request: Request, cookie: bytes, client: Place) -> bytes:
        """Return a Binding success response with the client's own address."""
        attributes = (
            stun.xor_mapped_address(*client, request.reference),
            (MESSAGE_INTEGRITY, masked(cookie, request.reference[::-1])),
        )
        return stun.build("success", stun.BINDING, request.reference, attributes)

    @classmethod
    def read_response(cls, datagram: bytes, reference: bytes) -> bytes | None:
        """Return the cookie of a Binding success response."""
        message = _binding(datagram, "success")
        cookie = message.first(MESSAGE_INTEGRITY) if message else None
        if message is None or message.transaction_id != reference or cookie is None or len(cookie) != COOKIE:
            return None
        return masked(cookie, reference[::-1])

    def write_packet(self, number: int, payload: bytes) -> bytes:
        """Return an RTP packet."""
        timestamp = self._timestamp + TIMESTAMP_STEP * number
        return write_header(PAYLOAD_TYPE, self._number + number, timestamp, self._ssrc) + payload

    @classmethod
    def read_packet(cls, datagram: bytes) -> bytes | None:
        """Return the payload of an RTP packet of the flow's size and payload type."""
        if len(datagram) != PACKET or datagram[0] != VERSION or datagram[1] & 0x7F != PAYLOAD_TYPE:
            return None
        return datagram[HEADER : HEADER + PAYLOAD]


def write_header(payload_type: int, sequence: int, timestamp: int, ssrc: int) -> bytes:
    """Return a header without padding, extension and further sources. Numbers begin again at 0 after the largest."""
    return struct.pack("!BBHII", VERSION, payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)


def read_header(datagram: bytes) -> tuple[int, int] | None:
    """Return the payload type and the sequence number of an RTP packet, None for other bytes."""
    if len(datagram) <= HEADER or datagram[0] & 0xC0 != VERSION:
        return None
    return datagram[1] & 0x7F, int.from_bytes(datagram[2:4], "big")


def _binding(datagram: bytes, kind: stun.Kind) -> stun.Message | None:
    try:
        message = stun.parse(datagram)
    except ValueError:
        return None
    return message if (message.kind, message.method) == (kind, stun.BINDING) else None

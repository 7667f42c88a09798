"""Write a flow of random bytes that has the sizes and the pace of the other shapes, in place of their requests too."""

import secrets

from probe.wire.media.shape import (
    COOKIE,
    PACKET,
    REFERENCE,
    REQUEST,
    RESPONSE_IPV4,
    RESPONSE_IPV6,
    SEALED,
    TOKEN,
    Direction,
    PacketRequest,
    PeerAddress,
    Shape,
    filled,
    masked,
)

_HEADER = 12  # bytes before the payload, as many as RTP has


class OpaqueShape(Shape):
    """Write datagrams in which no byte has a fixed value."""

    NAME = "opaque"

    def __init__(self, token: bytes, direction: Direction) -> None:
        """Draw nothing, because packets of random bytes have nothing in common."""

    @classmethod
    def write_request(cls, request: PacketRequest) -> bytes:
        """Return the reference, then token and cookie as random-looking bytes, then random bytes."""
        return _masked(request.reference, request.token + request.cookie, REQUEST)

    @classmethod
    def read_request(cls, datagram: bytes) -> PacketRequest | None:
        """Parse any datagram of a request's size. Its token may be of any value."""
        if len(datagram) != REQUEST:
            return None
        reference, held = _held(datagram, TOKEN + COOKIE)
        return PacketRequest(held[:TOKEN], held[TOKEN:], reference)

    @classmethod
    def write_response(cls, request: PacketRequest, cookie: bytes, client: PeerAddress) -> bytes:
        """Return as many bytes as the STUN response to this client has."""
        size = RESPONSE_IPV6 if ":" in client[0] else RESPONSE_IPV4
        return _masked(secrets.token_bytes(REFERENCE), request.reference + cookie, size)

    @classmethod
    def read_response(cls, datagram: bytes, reference: bytes) -> bytes | None:
        """Return the cookie if the datagram has a response's size and this reference."""
        if len(datagram) not in {RESPONSE_IPV4, RESPONSE_IPV6}:
            return None
        _, held = _held(datagram, REFERENCE + COOKIE)
        return held[REFERENCE:] if held[:REFERENCE] == reference else None

    def write_packet(self, number: int, payload: bytes) -> bytes:
        """Return random bytes in place of the header, then the payload."""
        return filled(secrets.token_bytes(_HEADER) + payload)

    @classmethod
    def read_packet(cls, datagram: bytes) -> bytes | None:
        """Return the payload of a datagram. Any bytes of a packet's size can be a packet of this shape."""
        return datagram[_HEADER : _HEADER + SEALED] if len(datagram) == PACKET else None


def _masked(nonce: bytes, held: bytes, size: int) -> bytes:
    return filled(nonce + masked(held, nonce), size)


def _held(datagram: bytes, length: int) -> tuple[bytes, bytes]:
    nonce, rest = datagram[:REFERENCE], datagram[REFERENCE:]
    return nonce, masked(rest[:length], nonce)

"""Write a flow as a call over Telegram's relays has it: frames with a peer tag around STUN and RTP, after a hello.

Sources: TelegramMessenger/tgcalls, tgcalls/v2/ReflectorPort.cpp at 76f3aca7 (hello, and frame in SendTo, opened
2026-11-28), telegramdesktop/libtgvoip, MockReflector.cpp at 46a99e05 (answer to a hello, opened 2026-11-27). What a
frame contains is inferred: tgcalls hands packets of WebRTC to SendTo, which we take for ICE and RTP with Opus.
"""

import hashlib

from probe.wire import stun
from probe.wire.media.rtp import OpusStream, read_binding, read_opus
from probe.wire.media.shape import (
    COOKIE,
    PACKET,
    REFERENCE,
    REQUEST,
    RESPONSE_IPV4,
    RESPONSE_IPV6,
    Direction,
    PacketRequest,
    PeerAddress,
    Shape,
    filled,
    masked,
)
from probe.wire.media.stun_parts import integrity, user_name
from probe.wire.telegram import reflector

_SHARED, _RESOURCE = reflector.SHARED - 1, reflector.RESOURCE
_FRAME = 24  # bytes before the data: tag, resource of the sender, length
_AT = reflector.TAG + len(reflector.SELF_INFO)  # where the fields of the answer to a hello begin


class ReflectorShape(Shape):
    """Write one direction of a call between two clients of a relay. The helper takes the place of relay and peer."""

    NAME = "reflector"

    def __init__(self, token: bytes, direction: Direction) -> None:
        caller, callee = _tag(token, "forth"), _tag(token, "back")
        self._from, self._to = (caller, callee) if direction == "forth" else (callee, caller)
        self._stream = OpusStream()

    @classmethod
    def write_opening(cls, token: bytes) -> bytes:
        return reflector.hello(_tag(token, "forth"))

    @classmethod
    def write_request(cls, request: PacketRequest) -> bytes:
        """Return a frame with a Binding request of ICE. The token is the user name."""
        attributes = user_name(request.token), integrity(request.cookie, request.reference)
        binding = stun.build("request", stun.BINDING, request.reference, attributes)
        return _frame(_tag(request.token, "forth"), _tag(request.token, "back"), binding)

    @classmethod
    def read_request(cls, datagram: bytes) -> PacketRequest | None:
        """Parse a frame with a Binding request that names a token as its user."""
        data = _data(datagram) if len(datagram) == REQUEST else None
        return read_binding(data) if data is not None else None

    @classmethod
    def write_response(cls, request: PacketRequest, cookie: bytes, client: PeerAddress) -> bytes:
        """Return a relay's answer to a hello. The cookie is in place of the client's address, the reference before it.

        Over IPv6 random bytes follow, up to the size that other shapes have.
        """
        size = RESPONSE_IPV6 if ":" in client[0] else RESPONSE_IPV4
        held = request.reference + masked(cookie, request.reference[::-1])
        return filled(_tag(request.token, "forth") + reflector.SELF_INFO + held, size)

    @classmethod
    def read_response(cls, datagram: bytes, reference: bytes) -> bytes | None:
        """Return the cookie of an answer with this reference."""
        if len(datagram) not in {RESPONSE_IPV4, RESPONSE_IPV6} or datagram[reflector.TAG : _AT] != reflector.SELF_INFO:
            return None
        if datagram[_AT : _AT + REFERENCE] != reference:
            return None
        return masked(datagram[_AT + REFERENCE :][:COOKIE], reference[::-1])

    def write_packet(self, number: int, payload: bytes) -> bytes:
        return _frame(self._from, self._to, filled(self._stream.header(number) + payload, PACKET - _FRAME))

    @classmethod
    def read_packet(cls, datagram: bytes) -> bytes | None:
        """Return the payload of a frame with an RTP packet of the flow's size."""
        data = _data(datagram) if len(datagram) == PACKET else None
        return read_opus(data) if data is not None else None


def _tag(token: bytes, direction: Direction) -> bytes:
    """Return the tag of the client at one end. Both ends have equal tags but for the resource.

    The tags come from the token, so that they are the same in each datagram of a flow. A relay passes frames on with
    the tag of their receiver, which has its first byte.
    """
    made = hashlib.blake2b(token, digest_size=_SHARED + 2 * _RESOURCE, person=b"probe peer tag").digest()
    place = _SHARED + (_RESOURCE if direction == "back" else 0)
    resource = bytes([made[place] | 1]) + made[place + 1 : place + _RESOURCE]  # never 0
    return reflector.peer_tag(reflector.CALLER, made[:_SHARED], resource)


def _frame(sender: bytes, receiver: bytes, data: bytes) -> bytes:
    return reflector.data_packet(sender, receiver[reflector.SHARED :], data)


def _data(datagram: bytes) -> bytes | None:
    try:
        packet = reflector.parse(datagram)
    except ValueError:
        return None
    return packet.data if packet.kind == "data" else None

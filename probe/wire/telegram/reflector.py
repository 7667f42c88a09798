"""Parse and build the packets of Telegram's call relays ("reflectors"), over UDP and TCP.

Sources, opened 2026-11-27: TelegramMessenger/tgcalls, tgcalls/v2/ReflectorPort.cpp at 76f3aca7 (datagrams) and
tgcalls/v2/RawTcpSocket.cpp at 5ed13590 (frames), telegramdesktop/libtgvoip, MockReflector.cpp at
46a99e05 (the self-info answer).
Every parser raises ValueError for bytes that are no such packet, and no other exception.
"""

import ipaddress
import struct
from dataclasses import dataclass
from typing import Literal

Kind = Literal["self_info", "special", "data", "other"]
Side = Literal[0, 1]

CALLER: Side = 0  # first byte of a tag. The tags of a call are otherwise equal up to the resource
CALLEE: Side = 1
TAG, SHARED, RESOURCE = 16, 12, 4  # bytes of a tag, of the part that an answer repeats, and of its end
PROLOGUE = b"\xee" * 4  # the client's first bytes over TCP
LONGEST_PACKET = 1 << 16  # bytes of a frame over TCP
HELLO_TCP = bytes(4)  # a frame without data: its length is 0
QUERY_ID = 123
MOST_HELLOS = 10  # of one flow over UDP

_SPECIAL = b"\xff" * 12
_SELF_INFO_REQUEST = b"\xfe\xff\xff\xff"
_SELF_INFO_ANSWER = struct.pack("<I", 0xC01572C7)
SELF_INFO = _SPECIAL + _SELF_INFO_ANSWER  # behind the tag: the answer to a hello. Date, query, address and port follow.
_SELF_INFO = struct.Struct("<12s4si8s16sI")  # marker, constructor, date, query id, address, port
_DATA_HEAD = struct.Struct(f">{RESOURCE}sI")  # resource of the sender, length


@dataclass(frozen=True)
class ReflectorPacket:
    """Represent a packet that bears a tag. `special` is a ping or a keepalive, `other` has an unknown form."""

    tag: bytes
    kind: Kind
    mapped: tuple[str, int] | None = None
    """Our address and port as the relay saw them, in a self-info answer."""
    data: bytes = b""

    def is_for(self, tag: bytes) -> bool:
        """Return whether the packet is for the owner of `tag`. The relay may change the resource."""
        return self.tag[:SHARED] == tag[:SHARED]


def peer_tag(side: Side, shared: bytes, resource: bytes) -> bytes:
    """Return the tag of one side. Raise ValueError unless `shared` has 11 bytes and `resource` 4, not all zero."""
    if len(shared) != SHARED - 1 or len(resource) != RESOURCE or not any(resource):
        raise ValueError("reflector: a tag has 11 shared bytes and a resource of 4")
    return bytes([side]) + shared + resource


def hello(tag: bytes) -> bytes:
    """Return the datagram that announces a client, 40 bytes: libtgvoip's request for self-info."""
    return _checked(tag) + _SPECIAL + _SELF_INFO_REQUEST + struct.pack(">Q", QUERY_ID)


def is_hello(raw: bytes) -> bool:
    """Return whether a datagram is a hello with any tag."""
    return len(raw) > TAG and raw == hello(raw[:TAG])


def hello_tcp(tag: bytes) -> bytes:
    """Return the first bytes over TCP: the prologue and a frame without data."""
    return PROLOGUE + frame(_checked(tag) + HELLO_TCP)


def is_hello_tcp(stream: bytes) -> bool:
    """Return whether a client's bytes begin with a hello over TCP with any tag."""
    tag = stream[len(PROLOGUE) + 4 :][:TAG]
    return len(tag) == TAG and stream.startswith(hello_tcp(tag))


def data_packet(tag: bytes, receiver: bytes, data: bytes) -> bytes:
    """Return data from the owner of `tag` to the client with the resource `receiver`, padded to whole words."""
    own = _checked(tag)
    packet = own[:SHARED] + receiver + _DATA_HEAD.pack(own[SHARED:], len(data)) + data
    return packet + bytes(-len(packet) % 4)


def self_info(tag: bytes, ip: str, port: int, date: int) -> bytes:
    """Return the answer to a hello, with the client's own address, as libtgvoip's reflector sends it."""
    address = ipaddress.ip_address(ip)
    packed = address.packed if address.version == 6 else ipaddress.IPv6Address(f"::ffff:{address}").packed
    query = struct.pack(">Q", QUERY_ID)
    return _checked(tag) + _SELF_INFO.pack(_SPECIAL, _SELF_INFO_ANSWER, date, query, packed, port)


def parse(raw: bytes) -> ReflectorPacket:
    """Parse a datagram, or the content of a frame."""
    if not TAG <= len(raw) <= LONGEST_PACKET:
        raise ValueError("reflector: no tag")
    tag, rest = raw[:TAG], raw[TAG:]
    if rest.startswith(_SPECIAL):
        return _special(tag, rest)
    data = _data(rest)
    return ReflectorPacket(tag, "other") if data is None else ReflectorPacket(tag, "data", data=data)


def frame(packet: bytes) -> bytes:
    """Return the packet with its length in front, as it is sent over TCP."""
    return struct.pack("<I", len(packet)) + packet


def read_frame(raw: bytes) -> tuple[bytes | None, bytes]:
    """Return the first packet of a stream and the bytes after it. The packet is None while bytes of it are missing."""
    if len(raw) < 4:
        return None, raw
    end = 4 + int.from_bytes(raw[:4], "little")
    if end > 4 + LONGEST_PACKET:
        raise ValueError("reflector: frame too long")
    return (None, raw) if len(raw) < end else (raw[4:end], raw[end:])


def _checked(tag: bytes) -> bytes:
    if len(tag) != TAG:
        raise ValueError("reflector: a tag has 16 bytes")
    return tag


def _special(tag: bytes, rest: bytes) -> ReflectorPacket:
    if len(rest) < _SELF_INFO.size or rest[12:16] != _SELF_INFO_ANSWER:
        return ReflectorPacket(tag, "special")
    *_, packed, port = _SELF_INFO.unpack_from(rest)
    return ReflectorPacket(tag, "self_info", (_address(packed), port & 0xFFFF))


def _address(packed: bytes) -> str:
    """Return the address of a field of 16 bytes. IPv4 addresses are mapped, or stand behind zeros."""
    is_v4 = not any(packed[:10]) and packed[10:12] in {b"\xff\xff", b"\0\0"}
    return str(ipaddress.ip_address(packed[12:] if is_v4 else packed))


def _data(rest: bytes) -> bytes | None:
    if len(rest) <= _DATA_HEAD.size:
        return None
    _, length = _DATA_HEAD.unpack_from(rest)
    end = _DATA_HEAD.size + length
    return rest[_DATA_HEAD.size : end] if end <= len(rest) else None

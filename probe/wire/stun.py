"""Parse and build STUN Binding (RFC 8489) and TURN Allocate (RFC 8656) messages without credentials.

Every parser raises ValueError for bytes that are no STUN message, and no other exception.
"""

import ipaddress
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

COOKIE = 0x2112A442
HEADER = 20  # bytes, the transaction id's 12 included
BINDING, ALLOCATE = 0x001, 0x003
UNAUTHORIZED = 401

MAPPED_ADDRESS, ERROR_CODE, REALM, NONCE = 0x0001, 0x0009, 0x0014, 0x0015
REQUESTED_TRANSPORT, XOR_MAPPED_ADDRESS = 0x0019, 0x0020
SOFTWARE, FINGERPRINT = 0x8022, 0x8028
_XOR_MAPPED_ADDRESS_OF_OLD = 0x8020  # from drafts before RFC 5389. Some servers still send it
_FINGERPRINT_MASK = 0x5354554E  # RFC 8489 14.7
_UDP = 17

Kind = Literal["request", "indication", "success", "error"]
Attributes = tuple[tuple[int, bytes], ...]
_KINDS: tuple[Kind, ...] = ("request", "indication", "success", "error")
_FAMILIES = {1: 4, 2: 16}  # bytes of the address, by family in an address attribute


@dataclass(frozen=True)
class STUNMessage:
    """Represent a STUN message. `fingerprint_valid` is None without a FINGERPRINT."""

    kind: Kind
    method: int
    transaction_id: bytes
    attributes: Attributes
    fingerprint_valid: bool | None = None

    def first(self, attribute: int) -> bytes | None:
        """Return the value of an attribute's first occurrence. Others are ignored (RFC 8489 14)."""
        return next((value for kind, value in self.attributes if kind == attribute), None)

    @cached_property
    def mapped(self) -> tuple[str, int] | None:
        """Return our address and port as the sender saw them, None without a parsable attribute."""
        mask = struct.pack("!I", COOKIE) + self.transaction_id
        found = [(XOR_MAPPED_ADDRESS, mask), (_XOR_MAPPED_ADDRESS_OF_OLD, mask), (MAPPED_ADDRESS, bytes(16))]
        readable = (_address(self.first(attribute), mask) for attribute, mask in found)
        return next((address for address in readable if address is not None), None)

    @cached_property
    def error_code(self) -> int:
        """Return the error code, 300 to 699, or 0 without a parsable one (RFC 8489 14.8)."""
        value = self.first(ERROR_CODE) or b""
        if len(value) < 4 or not 3 <= value[2] & 7 <= 6 or value[3] > 99:
            return 0
        return (value[2] & 7) * 100 + value[3]

    @property
    def software(self) -> str:
        """Return the SOFTWARE attribute, "" without one."""
        return (self.first(SOFTWARE) or b"").decode("utf-8", "replace")


def is_stun(raw: bytes) -> bool:
    """Return whether a datagram or the beginning of a stream has a STUN header (RFC 8489 5), on any port."""
    return len(raw) >= HEADER and raw[0] < 0x40 and raw[3] & 3 == 0 and raw[4:8] == struct.pack("!I", COOKIE)


def length_of(header: bytes) -> int:
    """Return the length in bytes of the message with this header, which frames a stream (RFC 8489 6.2.2)."""
    if not is_stun(header):
        raise ValueError("stun: no header")
    return HEADER + int.from_bytes(header[2:4], "big")


def parse(raw: bytes) -> STUNMessage:
    """Parse one complete message."""
    if length_of(raw) != len(raw):
        raise ValueError("stun: not as long as it says")
    kind, method = _kind_and_method(int.from_bytes(raw[:2], "big"))
    attributes, fits = _read_attributes(raw)
    return STUNMessage(kind, method, raw[8:HEADER], attributes, fits)


def build(
    kind: Kind, method: int, transaction_id: bytes, attributes: Attributes = (), *, fingerprint: bool = True
) -> bytes:
    """Build a message, with FINGERPRINT last. Raise ValueError for an id that has not 12 bytes."""
    if len(transaction_id) != 12:
        raise ValueError("a STUN transaction id has 12 bytes")
    body = b"".join(_attribute(number, value) for number, value in attributes)
    head = struct.pack("!HHI", _message_type(kind, method), len(body) + 8 * fingerprint, COOKIE) + transaction_id
    if not fingerprint:
        return head + body
    return head + body + _attribute(FINGERPRINT, struct.pack("!I", _checksum(head + body)))


def binding_request(transaction_id: bytes) -> bytes:
    """Return a Binding request. Some servers send FINGERPRINT only in answer to a request with FINGERPRINT."""
    return build("request", BINDING, transaction_id)


def allocate_request(transaction_id: bytes) -> bytes:
    """Return an Allocate request for a UDP relay without credentials. A TURN server refuses it (RFC 8656 7.1, 7.2)."""
    return build("request", ALLOCATE, transaction_id, ((REQUESTED_TRANSPORT, bytes((_UDP, 0, 0, 0))),))


def xor_mapped_address(ip: str, port: int, transaction_id: bytes) -> tuple[int, bytes]:
    """Return the attribute with a client's own address (RFC 8489 14.2)."""
    packed = ipaddress.ip_address(ip).packed
    mask = struct.pack("!I", COOKIE) + transaction_id
    family = 1 if len(packed) == 4 else 2
    return XOR_MAPPED_ADDRESS, struct.pack("!BBH", 0, family, port ^ COOKIE >> 16) + _xor(packed, mask)


def error_code(code: int, reason: str) -> tuple[int, bytes]:
    """Return the attribute of an error response (RFC 8489 14.8)."""
    return ERROR_CODE, bytes((0, 0, code // 100, code % 100)) + reason.encode()


def _message_type(kind: Kind, method: int) -> int:
    number = _KINDS.index(kind)
    spread = method & 0x00F | (method & 0x070) << 1 | (method & 0xF80) << 2
    return spread | (number & 1) << 4 | (number & 2) << 7


def _kind_and_method(message_type: int) -> tuple[Kind, int]:
    method = message_type & 0x000F | message_type >> 1 & 0x0070 | message_type >> 2 & 0x0F80
    return _KINDS[message_type >> 4 & 1 | message_type >> 7 & 2], method


def _attribute(number: int, value: bytes) -> bytes:
    return struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4)


def _read_attributes(raw: bytes) -> tuple[Attributes, bool | None]:
    """Return all attributes up to FINGERPRINT, and whether it is valid and the last one."""
    found: list[tuple[int, bytes]] = []
    at = HEADER
    while at < len(raw):  # the length is a multiple of four, so a header is complete
        number, length = struct.unpack_from("!HH", raw, at)
        end = at + 4 + length
        if end > len(raw):
            raise ValueError("stun: attribute cut short")
        found.append((number, raw[at + 4 : end]))
        if number == FINGERPRINT:
            return tuple(found), end == len(raw) and raw[at + 4 :] == struct.pack("!I", _checksum(raw[:at]))
        at = end + -length % 4
    return tuple(found), None


def _checksum(before: bytes) -> int:
    return zlib.crc32(before) ^ _FINGERPRINT_MASK


def _address(value: bytes | None, mask: bytes) -> tuple[str, int] | None:
    """Return address and port of an attribute's value. `mask` has 16 bytes, and its first two also mask the port."""
    if value is None or len(value) < 4 or len(value) != 4 + _FAMILIES.get(value[1], -4):
        return None
    port = int.from_bytes(_xor(value[2:4], mask), "big")
    return str(ipaddress.ip_address(_xor(value[4:], mask))), port


def _xor(value: bytes, mask: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(value, mask, strict=False))

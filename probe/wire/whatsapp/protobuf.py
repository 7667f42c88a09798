"""Parse and build the Protocol Buffers that WhatsApp's handshake needs: numbered fields, varints, byte strings.

Source: https://protobuf.dev/programming-guides/encoding/ (wire format). Groups are rejected.
"""

Fields = dict[int, list[int | bytes]]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_LENGTH = {_FIXED64: 8, _FIXED32: 4}


def write_field(number: int, value: int | bytes) -> bytes:
    """Return one field: an int as a varint (0 to 2^64-1), bytes with their length before them."""
    if isinstance(value, int):
        return write_varint(number << 3 | _VARINT) + write_varint(value)
    return write_varint(number << 3 | _BYTES) + write_varint(len(value)) + value


def write_varint(value: int) -> bytes:
    """Return seven bits per byte, lowest first. Raise ValueError below 0 and above 2^64-1."""
    if not 0 <= value < 1 << 64:
        raise ValueError("a varint holds 0 to 2^64-1")
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def read_fields(message: bytes) -> Fields:
    """Parse all fields of a message, with values in the order of the wire. Raise ValueError if it is malformed."""
    fields: Fields = {}
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        if key >> 3 == 0:
            raise ValueError("protobuf: field number 0")
        value, at = _read_value(message, at, key & 7)
        fields.setdefault(key >> 3, []).append(value)
    return fields


def bytes_field(fields: Fields, number: int) -> bytes:
    """Return the last value of a byte-string field. Raise ValueError if it is missing or has another type."""
    value = fields.get(number, [None])[-1]
    if not isinstance(value, bytes):
        raise ValueError(f"protobuf: field {number} holds no bytes")
    return value


def int_field(fields: Fields, number: int) -> int:
    """Return the last value of an integer field, 0 if it is missing. Raise ValueError for another type."""
    value = fields.get(number, [0])[-1]
    if not isinstance(value, int):
        raise ValueError(f"protobuf: field {number} holds no integer")
    return value


def _read_value(message: bytes, at: int, kind: int) -> tuple[int | bytes, int]:
    if kind == _VARINT:
        return _read_varint(message, at)
    if kind == _BYTES:
        length, at = _read_varint(message, at)
    elif kind in _FIXED_LENGTH:
        length = _FIXED_LENGTH[kind]
    else:
        raise ValueError(f"protobuf: wire type {kind}")
    if length > len(message) - at:
        raise ValueError("protobuf: cut short")
    return message[at : at + length], at + length


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(message[at : at + 10]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if value >= 1 << 64:
                raise ValueError("protobuf: varint above 64 bits")
            return value, at + index + 1
    raise ValueError("protobuf: unfinished varint")

"""Build and parse DTLS records and handshake headers without encryption (RFC 6347 4.1 and 4.2.2, RFC 9147 4).

Every parser raises ValueError for bytes of another form, and no other exception.
"""

from dataclasses import dataclass

ALERT, HANDSHAKE = 21, 22
DTLS_1_0, DTLS_1_2, DTLS_1_3 = 0xFEFF, 0xFEFD, 0xFEFC
RECORD_HEADER, HANDSHAKE_HEADER = 13, 12  # bytes
CLIENT_HELLO, SERVER_HELLO, HELLO_VERIFY_REQUEST = 1, 2, 3
_KINDS = range(20, 26)  # content types of records that are not encrypted with DTLS 1.3
_VERSIONS = frozenset({DTLS_1_0, DTLS_1_2})  # in the header of a record. DTLS 1.3 writes 1.2 there (RFC 9147 4)


@dataclass(frozen=True)
class Record:
    """Represent one record. `number` is its sequence number within the epoch."""

    kind: int
    version: int
    epoch: int
    number: int
    fragment: bytes


@dataclass(frozen=True)
class Handshake:
    """Represent a handshake message or a fragment of one. `length` is that of the whole message."""

    kind: int
    length: int
    sequence: int
    offset: int
    body: bytes

    @property
    def is_whole(self) -> bool:
        """Return whether the body is the whole message."""
        return self.offset == 0 and len(self.body) == self.length


def counted(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data


def write_record(kind: int, version: int, number: int, fragment: bytes) -> bytes:
    """Return a record of epoch 0."""
    head = bytes([kind]) + version.to_bytes(2, "big") + bytes(2) + number.to_bytes(6, "big")
    return head + counted(fragment, 2)


def write_handshake(kind: int, sequence: int, body: bytes) -> bytes:
    length = len(body).to_bytes(3, "big")
    return bytes([kind]) + length + sequence.to_bytes(2, "big") + bytes(3) + length + body


def read_records(datagram: bytes) -> list[Record]:
    """Parse the records at the beginning of a datagram, at least one. What follows in another form is ignored."""
    records: list[Record] = []
    rest = datagram
    while (record := _record(rest)) is not None:
        records.append(record)
        rest = rest[RECORD_HEADER + len(record.fragment) :]
    if not records:
        raise ValueError("dtls: no record")
    return records


def _record(data: bytes) -> Record | None:
    if len(data) < RECORD_HEADER:
        return None
    kind, version = data[0], int.from_bytes(data[1:3], "big")
    fragment = data[RECORD_HEADER : RECORD_HEADER + int.from_bytes(data[11:13], "big")]
    whole = len(fragment) == int.from_bytes(data[11:13], "big")
    if kind not in _KINDS or version not in _VERSIONS or not fragment or not whole:
        return None
    return Record(kind, version, int.from_bytes(data[3:5], "big"), int.from_bytes(data[5:11], "big"), fragment)


def read_handshake(fragment: bytes) -> Handshake:
    """Parse the first handshake message, or fragment of one, in a record."""
    if len(fragment) < HANDSHAKE_HEADER:
        raise ValueError("dtls: no handshake header")
    length, offset = int.from_bytes(fragment[1:4], "big"), int.from_bytes(fragment[6:9], "big")
    size = int.from_bytes(fragment[9:12], "big")
    body = fragment[HANDSHAKE_HEADER : HANDSHAKE_HEADER + size]
    if len(body) != size or offset + size > length:
        raise ValueError("dtls: the message ends behind its record")
    return Handshake(fragment[0], length, int.from_bytes(fragment[4:6], "big"), offset, body)


class FieldReader:
    """Read the fields of a message one after the other. Each method raises ValueError behind the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        """Return the number of bytes that were not read."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise ValueError("dtls: a field ends behind its message")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int) -> int:
        """Return the next `size` bytes as a number."""
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """Return the next vector, whose length has `size` bytes."""
        return self.take(self.number(size))

    def extensions(self) -> dict[int, bytes]:
        """Return the extensions at the end of a hello by type. A hello without the list has none."""
        if not self.left:
            return {}
        inside, found = FieldReader(self.vector(2)), {}
        while inside.left:
            kind = inside.number(2)
            found[kind] = inside.vector(2)
        return found

"""Find the server name and the extensions in the first bytes of a TLS stream (RFC 8446 4.1.2, RFC 6066 3)."""

from dataclasses import dataclass

HANDSHAKE, CLIENT_HELLO, SERVER_NAME = 22, 1, 0
LONGEST_RECORD = 16384 + 256
ECH = 0xFE0D  # encrypted_client_hello, RFC 9849 section 5


@dataclass(frozen=True)
class HelloView:
    """Hold what the bytes so far show. `certain`: more bytes change nothing. `name` is None if there is none yet.

    `greased`: the cipher suites have a reserved value (GREASE, RFC 8701), as in browsers.
    """

    is_tls: bool
    certain: bool
    name: str | None = None
    greased: bool = False


NOT_TLS = HelloView(is_tls=False, certain=True)
NOT_YET = HelloView(is_tls=True, certain=False)
NO_NAME = HelloView(is_tls=True, certain=True)


class _Short(Exception):
    """Report that the bytes end before the field."""


class _Reader:
    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def take(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) < size:
            raise _Short
        self.at += size
        return piece

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def skip(self, length_size: int) -> None:
        self.take(self.number(length_size))


def read_hello(stream: bytes) -> HelloView:
    """Read the client's bytes so far. The name is reported as soon as it is complete, even if the hello is not."""
    handshake, broken = _handshake_bytes(stream)
    if broken:
        return NOT_TLS
    try:
        return _find_name(_Reader(handshake))
    except _Short:
        return NOT_YET


def read_handshake(handshake: bytes) -> HelloView:
    """Read handshake bytes without TLS records, as QUIC carries them (RFC 9001 4.1.3)."""
    try:
        return _find_name(_Reader(handshake))
    except _Short:
        return NOT_YET


def hello_is_complete(stream: bytes) -> bool:
    handshake, broken = _handshake_bytes(stream)
    return not broken and len(handshake) >= 4 and len(handshake) >= 4 + int.from_bytes(handshake[1:4], "big")


def carries_ech(stream: bytes) -> bool | None:
    """Return whether a complete client hello has the extension for Encrypted ClientHello. None: not complete yet."""
    if not hello_is_complete(stream):
        return None
    reader = _Reader(_handshake_bytes(stream)[0])
    try:
        end = _begin_extensions(reader)[0]
        while reader.at + 4 <= end:
            kind = reader.number(2)
            reader.skip(2)
            if kind == ECH:
                return True
    except _Short:
        return False
    return False


def _handshake_bytes(stream: bytes) -> tuple[bytes, bool]:
    """Return the handshake bytes in the records so far, and whether this is no TLS handshake."""
    found, at = b"", 0
    while at < len(stream):
        head = stream[at : at + 5]
        if head[0] != HANDSHAKE or (len(head) > 1 and head[1] != 3):
            return found, not found
        if len(head) < 5:
            break
        length = int.from_bytes(head[3:5], "big")
        if not 0 < length <= LONGEST_RECORD:
            return found, not found
        found += stream[at + 5 : at + 5 + length]
        at += 5 + length
    return found, False


def _find_name(reader: _Reader) -> HelloView:
    if reader.number(1) != CLIENT_HELLO:
        return NOT_TLS
    reader.at = 0
    end, greased = _begin_extensions(reader)
    while reader.at + 4 <= end:
        kind, length = reader.number(2), reader.number(2)
        body = reader.take(length)
        if kind == SERVER_NAME:
            return HelloView(is_tls=True, certain=True, name=_host_name(body), greased=greased)
    return NO_NAME


def _begin_extensions(reader: _Reader) -> tuple[int, bool]:
    """Read up to the extensions. Return where they end, and whether the cipher suites are greased."""
    reader.take(1)
    end = reader.number(3) + 4
    reader.take(2 + 32)
    reader.skip(1)
    greased = _is_greased(reader.take(reader.number(2)))
    reader.skip(1)
    return (min(end, reader.number(2) + reader.at) if reader.at + 2 <= end else reader.at), greased


def _is_greased(suites: bytes) -> bool:
    """Return whether one is 0x0A0A, 0x1A1A and so on to 0xFAFA (RFC 8701, section 2)."""
    return any(a == b and a & 15 == 10 for a, b in zip(suites[::2], suites[1::2], strict=False))


def _host_name(body: bytes) -> str | None:
    """Return the host name of a server_name extension, or None."""
    if len(body) < 5 or body[2] != 0:
        return None
    length = int.from_bytes(body[3:5], "big")
    return body[5 : 5 + length].decode("ascii", "replace").lower()

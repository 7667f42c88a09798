"""Build DTLS client hellos in the shapes of three programs, and parse those of clients.

The shapes are captured hellos. Only the random value, the key share and the cookie differ between two hellos:

- `openssl`: OpenSSL 3.5.9 (`openssl s_client -dtls1_2`), captured on loopback on 2026-11-27.
- `firefox`: Firefox 153.0 on Linux in a WebRTC call.
- `dtls13`: Firefox 130.0.1 on Linux in a WebRTC call, which offers DTLS 1.3 too.

Firefox's were captured by covert-dtls (https://github.com/theodorsm/covert-dtls/tree/f9c05eabfd12e89208d65c5726b1a514fd9d9ba0/fingerprints-captures,
capture-firefox_linux_stable_153_0.pcap and capture-firefox_linux_stable_130_0_1.pcap, opened 2026-11-27).
Chrome 147 sends its hello of DTLS 1.3 in two datagrams, because of a post-quantum key share. That shape is not built.
"""

import secrets
from dataclasses import dataclass
from typing import Literal, get_args

from probe.wire.dtls.records import (
    CLIENT_HELLO,
    DTLS_1_0,
    DTLS_1_2,
    HANDSHAKE,
    FieldReader,
    counted,
    read_handshake,
    read_records,
    write_handshake,
    write_record,
)

Shape = Literal["openssl", "firefox", "dtls13"]
SHAPES: tuple[Shape, ...] = get_args(Shape)
RANDOM = 32  # bytes
_SHARE = 32  # bytes of a public key of X25519
_SHARE_HERE = b"<share>"

_OPENSSL_SUITES = (
    "c02cc030009fcca9cca8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f"
)
_OPENSSL_EXTENSIONS = (
    "ff01000100 000b000403000102 000a000c000a001d0017001e00180019 00230000 00160000 00170000"
    "000d002a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602"
)
_FIREFOX_SUITES = "c02bc02fcca9cca8c00ac009c013c014"
_FIREFOX_EXTENSIONS = (
    "00170000 ff01000100 000a00080006001d00170018 000b00020100 0010001200100677656272746308632d776562727463"
    "000d0020001e040305030603020308040805080604010501060102010402050206020202 001c00024000"
    "000e000b0008000700080001000200"
)
_DTLS13_EXTENSIONS = (
    "00170000 ff01000100 000a000c000a001d00170018 01000101 000b00020100 0010001200100677656272746308632d776562727463"
    "0022000a00080403050306030203 003300260024001d0020",
    "002b000706fefcfefd0303 000d0020001e040305030603020308040805080604010501060102010402050206020202 001c00024001"
    "000e000b0008000700080001000200",
)


def _bytes(*digits: str) -> bytes:
    return _SHARE_HERE.join(map(bytes.fromhex, digits))


_CAPTURED: dict[Shape, tuple[bytes, bytes]] = {
    "openssl": (_bytes(_OPENSSL_SUITES), _bytes(_OPENSSL_EXTENSIONS)),
    "firefox": (_bytes(_FIREFOX_SUITES), _bytes(_FIREFOX_EXTENSIONS)),
    "dtls13": (_bytes("13011303" + _FIREFOX_SUITES), _bytes(*_DTLS13_EXTENSIONS)),
}
"""Cipher suites and extensions of each shape, with a place for the key share."""


@dataclass(frozen=True)
class ClientHello:
    """Represent a client hello as a server reads it."""

    version: int
    random: bytes
    session_id: bytes
    cookie: bytes
    suites: bytes
    extensions: dict[int, bytes]
    sequence: int = 0
    record_number: int = 0


@dataclass(frozen=True)
class HelloWriter:
    """Write the hellos of one handshake. Both have equal values but for the cookie (RFC 6347 4.2.1)."""

    shape: Shape
    random: bytes
    share: bytes

    @classmethod
    def new(cls, shape: Shape, token: bytes = b"") -> "HelloWriter":
        """Return a writer with a random value that begins with `token`. Any 32 bytes are a share of X25519."""
        random = token + secrets.token_bytes(RANDOM - len(token))
        return cls(shape, random, secrets.token_bytes(_SHARE))

    def offers(self, suite: int) -> bool:
        offered = _CAPTURED[self.shape][0]
        return suite in {int.from_bytes(offered[at : at + 2], "big") for at in range(0, len(offered), 2)}

    def first(self) -> bytes:
        """Return the datagram with the first hello."""
        return self._written(b"", 0)

    def with_cookie(self, cookie: bytes) -> bytes:
        """Return the datagram with the second hello, which brings the server's cookie back."""
        return self._written(cookie, 1)

    def _written(self, cookie: bytes, number: int) -> bytes:
        suites, extensions = _CAPTURED[self.shape]
        head = DTLS_1_2.to_bytes(2, "big") + self.random + counted(b"", 1) + counted(cookie, 1)
        extended = counted(extensions.replace(_SHARE_HERE, self.share), 2)
        body = head + counted(suites, 2) + counted(b"\0", 1) + extended
        return write_record(HANDSHAKE, DTLS_1_0, number, write_handshake(CLIENT_HELLO, number, body))


def parse_client_hello(datagram: bytes) -> ClientHello:
    """Parse the client hello that begins a datagram. Raise ValueError for other datagrams and for fragments."""
    record = read_records(datagram)[0]
    if record.kind != HANDSHAKE or record.epoch:
        raise ValueError("dtls: no handshake record")
    message = read_handshake(record.fragment)
    if message.kind != CLIENT_HELLO or not message.is_whole:
        raise ValueError("dtls: no whole client hello")
    fields = FieldReader(message.body)
    version, random = fields.number(2), fields.take(RANDOM)
    session_id, cookie, suites = fields.vector(1), fields.vector(1), fields.vector(2)
    fields.vector(1)  # compression methods
    extensions = fields.extensions()
    return ClientHello(version, random, session_id, cookie, suites, extensions, message.sequence, record.number)


def is_client_hello(datagram: bytes) -> bool:
    """Return whether a datagram begins with the header of a DTLS client hello, or of its first fragment."""
    try:
        record = read_records(datagram)[0]
        message = read_handshake(record.fragment)
    except ValueError:
        return False
    return record.kind == HANDSHAKE and record.epoch == 0 and message.kind == CLIENT_HELLO and message.offset == 0

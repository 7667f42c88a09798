"""Decrypt QUIC Initial packets, whose keys are derived from the packet itself (RFC 9001 5.2)."""

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

V1, V2 = 0x00000001, 0x6B3343CF
LONGEST_ID = 20  # RFC 9000 17.2
MOST_BYTES = 16384  # of a handshake that are reassembled, more than in any hello
MOST_PIECES = 64  # pieces that wait for an earlier one
_PADDING, _PING, _ACK, _ACK_ECN, _CRYPTO, _CLOSE = 0x00, 0x01, 0x02, 0x03, 0x06, 0x1C


@dataclass(frozen=True)
class _Version:
    """Hold the differences of QUIC versions: salt, label and the Initial's type bits (RFC 9001 5, RFC 9369 3)."""

    salt: bytes
    label: str
    initial: int


_VERSIONS = {
    V1: _Version(bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), "quic", 0),
    V2: _Version(bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), "quicv2", 1),
}


class NotInitial(ValueError):
    """Report that the bytes are no Initial packet of a known version, or do not decrypt."""


@dataclass(frozen=True)
class InitialKeys:
    """Hold the keys for Initial packets in one direction."""

    key: bytes
    iv: bytes
    hp: bytes


@dataclass(frozen=True)
class Header:
    """Represent a long header. `start`, `end` and `number_at` (packet number) are offsets in the datagram."""

    version: int
    is_initial: bool
    dcid: bytes
    scid: bytes
    token: bytes
    start: int
    number_at: int
    end: int


def initial_keys(dcid: bytes, version: int = V1, *, of_server: bool = False) -> InitialKeys:
    """Derive the keys from the client's first Destination Connection ID. Raise NotInitial."""
    about = _VERSIONS.get(version)
    if about is None:
        raise NotInitial(f"version 0x{version:08x}")
    initial = hmac.digest(about.salt, dcid, hashlib.sha256)
    secret = _expand(initial, "server in" if of_server else "client in", 32)
    return InitialKeys(
        _expand(secret, f"{about.label} key", 16),
        _expand(secret, f"{about.label} iv", 12),
        _expand(secret, f"{about.label} hp", 16),
    )


def _expand(secret: bytes, label: str, length: int) -> bytes:
    """Compute HKDF-Expand-Label (RFC 8446 7.1) for lengths up to one block of SHA-256."""
    name = b"tls13 " + label.encode()
    info = length.to_bytes(2, "big") + bytes([len(name)]) + name + b"\x00"
    return hmac.digest(secret, info + b"\x01", hashlib.sha256)[:length]


def read_header(datagram: bytes, start: int = 0) -> Header:
    """Parse the long header at `start` (RFC 9000 17.2). Raise NotInitial for short headers and unknown versions."""
    reader = _Reader(datagram, start)
    first, version = reader.number(1), reader.number(4)
    about = _VERSIONS.get(version)
    if first & 0xC0 != 0xC0 or about is None:
        raise NotInitial("no long header of a known version")
    dcid, scid = reader.connection_id(), reader.connection_id()
    kind = first >> 4 & 3
    if kind == (about.initial + 3) % 4:
        raise NotInitial("a Retry")
    is_initial = kind == about.initial
    token = reader.take(reader.varint()) if is_initial else b""
    length = reader.varint()
    if reader.at + length > len(datagram):
        raise NotInitial("cut off")
    return Header(version, is_initial, dcid, scid, token, start, reader.at, reader.at + length)


def open_initial(datagram: bytes, header: Header, keys: InitialKeys) -> bytes:
    """Return the decrypted frames of an Initial packet (RFC 9001 5.3, 5.4). Raise NotInitial."""
    at = header.number_at
    sample = datagram[at + 4 : at + 20]
    if len(sample) < 16 or header.end < at + 20:
        raise NotInitial("too short for a sample")
    mask = Cipher(AES(keys.hp), ECB()).encryptor().update(sample)  # RFC 9001, section 5.4.3  # nosec B305
    first = datagram[header.start] ^ (mask[0] & 0x0F)
    size = (first & 3) + 1
    number = bytes(byte ^ cover for byte, cover in zip(datagram[at : at + size], mask[1:], strict=False))
    associated = bytes([first]) + datagram[header.start + 1 : at] + number
    nonce = (int.from_bytes(keys.iv, "big") ^ int.from_bytes(number, "big")).to_bytes(12, "big")
    try:
        return AESGCM(keys.key).decrypt(nonce, datagram[at + size : header.end], associated)
    except InvalidTag as error:
        raise NotInitial("does not decrypt") from error


def crypto_pieces(frames: bytes) -> list[tuple[int, bytes]]:
    """Return (offset, bytes) of every CRYPTO frame in an Initial packet (RFC 9000 19). Raise NotInitial."""
    reader, found = _Reader(frames), list[tuple[int, bytes]]()
    while reader.at < len(frames):
        kind = reader.varint()
        if kind == _CRYPTO:
            offset = reader.varint()
            found.append((offset, reader.take(reader.varint())))
        elif kind in {_ACK, _ACK_ECN}:
            reader.skip_ack(with_ecn=kind == _ACK_ECN)
        elif kind == _CLOSE:
            break
        elif kind not in {_PADDING, _PING}:
            raise NotInitial(f"frame 0x{kind:x}")
    return found


class ClientInitials:
    """Reassemble the handshake bytes of one client from Initial packets in any order."""

    def __init__(self) -> None:
        self.hello = b""  # contiguous bytes from the start
        # From the first Initial. Later ones have the server's connection id, and the keys do not change with it.
        self._keys: InitialKeys | None = None
        self._waiting: dict[int, bytes] = {}

    def feed(self, datagram: bytes) -> bytes:
        """Read a datagram from the client, ignore unparsable parts and return `hello`."""
        start = 0
        while start < len(datagram):
            try:
                header = read_header(datagram, start)
                if header.is_initial:
                    self._take(crypto_pieces(self._open(datagram, header)))
            except NotInitial:
                break
            start = header.end
        return self.hello

    def _open(self, datagram: bytes, header: Header) -> bytes:
        own = initial_keys(header.dcid, header.version)  # also correct after a Retry
        if self._keys is not None and _opens(datagram, header, self._keys):
            return open_initial(datagram, header, self._keys)
        frames = open_initial(datagram, header, own)
        self._keys = own
        return frames

    def _take(self, pieces: list[tuple[int, bytes]]) -> None:
        for offset, piece in pieces:
            if offset < MOST_BYTES and len(self._waiting) < MOST_PIECES:
                self._waiting[offset] = max(piece, self._waiting.get(offset, b""), key=len)
        for offset in sorted(self._waiting):
            if offset > len(self.hello):
                return
            piece = self._waiting.pop(offset)
            self.hello = (self.hello + piece[len(self.hello) - offset :])[:MOST_BYTES]


def _opens(datagram: bytes, header: Header, keys: InitialKeys) -> bool:
    try:
        open_initial(datagram, header, keys)
    except NotInitial:
        return False
    return True


class _Reader:
    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def take(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) < size:
            raise NotInitial("cut off")
        self.at += size
        return piece

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def varint(self) -> int:
        """Read a variable-length integer, whose two highest bits are its length (RFC 9000 16)."""
        size = 1 << (self.data[self.at] >> 6) if self.at < len(self.data) else 1
        return self.number(size) & ((1 << (8 * size - 2)) - 1)

    def connection_id(self) -> bytes:
        size = self.number(1)
        if size > LONGEST_ID:
            raise NotInitial("a connection id that is too long")
        return self.take(size)

    def skip_ack(self, *, with_ecn: bool) -> None:
        """Skip an ACK frame: largest, delay, count, first range, pairs, and three ECN counters (RFC 9000 19.3)."""
        self.varint()
        self.varint()
        pairs = self.varint()
        for _ in range(min(1 + 2 * pairs, len(self.data)) + (3 if with_ecn else 0)):
            self.varint()

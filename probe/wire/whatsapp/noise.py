"""Parse and build the client hello and server hello of WhatsApp's Noise handshake. Later messages are not supported.

The protocol is Noise_XX_25519_AESGCM_SHA256 (https://noiseprotocol.org/noise.html, revision 34) with two differences.
The empty payload of the first message is not mixed into the hash. Messages are protobufs in frames with a length of
three bytes.

Sources, read 2026-11-24: tulir/whatsmeow at commit 33cfac51 of 2026-08-21 (handshake.go, socket/noisehandshake.go,
socket/framesocket.go, proto/waWa6, binary/token/token.go) and Auties00/Cobalt (socket/WhatsAppSocketClient.java).
The prologue has the kind of client and the version of its dictionary, which is 3. The kind is 6 for the web client
and 5 for telephones. Only telephones use bare TCP.
"""

import hashlib
import os
from collections.abc import Callable
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from probe.wire.whatsapp.protobuf import bytes_field, read_fields, write_field

ROOT_KEY = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")
"""WhatsApp's certificate root, a Curve25519 key (whatsmeow handshake.go `WACertPubKey`, commit 33cfac51)."""

PROLOGUE = b"WA\x05\x03"  # a telephone over bare TCP
WEB_PROLOGUE = b"WA\x06\x03"  # the web client in a WebSocket

_NAME = b"Noise_XX_25519_AESGCM_SHA256".ljust(32, b"\0")
_CLIENT_HELLO, _SERVER_HELLO = 2, 3  # fields of HandshakeMessage
_EPHEMERAL, _STATIC, _PAYLOAD = 1, 2, 3  # fields of both hellos

Random = Callable[[int], bytes]


class Opened(NamedTuple):
    """Hold a decrypted server hello: the static key and the certificate chain.

    Both come from the holder of the private key for `static`.
    """

    static: bytes
    payload: bytes


class _Symmetric:
    """Hold Noise's symmetric state (section 5.2): a running hash, a chaining key, a cipher with a counter."""

    def __init__(self, prologue: bytes) -> None:
        self.hash = self._chain = self._key = _NAME
        self._counter = 0
        self.mix_hash(prologue)

    def mix_hash(self, data: bytes) -> None:
        self.hash = hashlib.sha256(self.hash + data).digest()

    def mix_key(self, private: bytes, public: bytes) -> None:
        """Mix the shared secret into the chaining key."""
        secret = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
        both = HKDF(algorithm=SHA256(), length=64, salt=self._chain, info=b"").derive(secret)
        self._chain, self._key, self._counter = both[:32], both[32:], 0

    def encrypt(self, plain: bytes) -> bytes:
        """Encrypt `plain` and mix the result into the hash."""
        sealed = AESGCM(self._key).encrypt(self._next_nonce(), plain, self.hash)
        self.mix_hash(sealed)
        return sealed

    def decrypt(self, sealed: bytes) -> bytes:
        """Decrypt `sealed` and mix it into the hash. Raise ValueError."""
        try:
            plain = AESGCM(self._key).decrypt(self._next_nonce(), sealed, self.hash)
        except InvalidTag as error:
            raise ValueError("noise: does not decrypt") from error
        self.mix_hash(sealed)
        return plain

    def _next_nonce(self) -> bytes:
        self._counter += 1
        return (self._counter - 1).to_bytes(12, "big")


def new_key(rng: Random = os.urandom) -> bytes:
    """Make a Curve25519 private key of 32 bytes."""
    return rng(32)


def public_of(private: bytes) -> bytes:
    """Return the public key of a Curve25519 private key."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def frame(message: bytes) -> bytes:
    """Frame a message with its length (three bytes, big endian). Raise ValueError from 16 MiB."""
    if len(message) >= 1 << 24:
        raise ValueError("noise: message too long for its frame")
    return len(message).to_bytes(3, "big") + message


def read_frame(buffer: bytes) -> tuple[bytes | None, bytes]:
    """Split off the first frame. Return (message, rest), or (None, buffer) if it is incomplete."""
    end = 3 + int.from_bytes(buffer[:3], "big")
    return (buffer[3:end], buffer[end:]) if len(buffer) >= max(end, 3) else (None, buffer)


def client_hello(ephemeral_public: bytes) -> bytes:
    """Build the client's only message, unframed. On the wire the prologue precedes its frame."""
    return write_field(_CLIENT_HELLO, write_field(_EPHEMERAL, ephemeral_public))


def read_client_hello(message: bytes) -> bytes:
    """Return the client's ephemeral key. Raise ValueError."""
    return _key_of(read_fields(bytes_field(read_fields(message), _CLIENT_HELLO)))


def server_hello(
    client_ephemeral: bytes,
    server_static: bytes,
    chain: bytes,
    *,
    prologue: bytes = PROLOGUE,
    rng: Random = os.urandom,
) -> bytes:
    """Build the server's answer, unframed. `server_static` is a private key. Raise ValueError for a bad key."""
    ephemeral = new_key(rng)
    state = _Symmetric(prologue)
    state.mix_hash(client_ephemeral)
    state.mix_hash(public_of(ephemeral))
    state.mix_key(ephemeral, client_ephemeral)
    static = state.encrypt(public_of(server_static))
    state.mix_key(server_static, client_ephemeral)
    parts = (public_of(ephemeral), static, state.encrypt(chain))
    return write_field(_SERVER_HELLO, b"".join(write_field(n, part) for n, part in enumerate(parts, start=1)))


def open_server_hello(message: bytes, ephemeral_private: bytes, *, prologue: bytes = PROLOGUE) -> Opened:
    """Decrypt the server's hello with our ephemeral key. Only a server that received our hello can build it.

    Raise ValueError if it is no server hello or does not decrypt.
    """
    hello = read_fields(bytes_field(read_fields(message), _SERVER_HELLO))
    state = _Symmetric(prologue)
    state.mix_hash(public_of(ephemeral_private))
    ephemeral = _key_of(hello)
    state.mix_hash(ephemeral)
    state.mix_key(ephemeral_private, ephemeral)
    static = state.decrypt(bytes_field(hello, _STATIC))
    state.mix_key(ephemeral_private, static)
    return Opened(static, state.decrypt(bytes_field(hello, _PAYLOAD)))


def _key_of(hello: dict[int, list[int | bytes]]) -> bytes:
    key = bytes_field(hello, _EPHEMERAL)
    if len(key) != 32:
        raise ValueError("noise: an ephemeral key has 32 bytes")
    return key

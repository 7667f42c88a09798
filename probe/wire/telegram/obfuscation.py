"""Encrypt MTProto's obfuscated transport ("obfuscated2") over abridged frames, which looks random from the start.

Source: https://core.telegram.org/mtproto/mtproto-transports#transport-obfuscation, read 2026-11-24. Without a proxy
there is no secret and no data-centre number. The keys are bytes of the header, so every observer can decrypt it.
"""

import os
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from probe.wire.telegram.mtproto import ABRIDGED

HEADER_LENGTH = 64

_KEY, _IV, _NAME = slice(8, 40), slice(40, 56), slice(56, 60)
_RESERVED = frozenset(
    {b"HEAD", b"POST", b"GET ", b"OPTI", b"\xee" * 4, b"\xdd" * 4, b"\x16\x03\x01\x02"}
)  # first bytes of HTTP, TLS and the open transports


class Obfuscation:
    """Hold one side's pair of AES-256-CTR streams. The client sends `header` in the clear and the rest encrypted."""

    def __init__(self, header: bytes, outgoing: bytes, incoming: bytes) -> None:
        self.header = header
        self._out = Cipher(AES(outgoing[_KEY]), CTR(outgoing[_IV])).encryptor()
        self._in = Cipher(AES(incoming[_KEY]), CTR(incoming[_IV])).decryptor()

    def encrypt(self, data: bytes) -> bytes:
        return self._out.update(data)

    def decrypt(self, data: bytes) -> bytes:
        return self._in.update(data)


def client_obfuscation(rng: Callable[[int], bytes] = os.urandom) -> Obfuscation:
    """Draw a header that begins like no other protocol, and start both streams."""
    plain = _draw(rng)
    side = Obfuscation(plain, plain, plain[::-1])
    side.header = plain[:56] + side.encrypt(plain)[56:]
    return side


def server_obfuscation(header: bytes) -> Obfuscation:
    """Start the server's streams from a client's header. Raise ValueError if it names no abridged transport."""
    if len(header) != HEADER_LENGTH:
        raise ValueError("an obfuscated2 header has 64 bytes")
    side = Obfuscation(header, header[::-1], header)
    if side.decrypt(header)[_NAME] != ABRIDGED * 4:
        raise ValueError("obfuscated2: no abridged transport inside")
    return side


def _draw(rng: Callable[[int], bytes]) -> bytes:
    while True:
        drawn = rng(HEADER_LENGTH)
        if drawn[:1] != ABRIDGED and drawn[:4] not in _RESERVED and drawn[4:8] != bytes(4):
            return drawn[:56] + ABRIDGED * 4 + drawn[60:]

"""Decrypt the inner hello of Encrypted ClientHello: HPKE in base mode with X25519, SHA-256 and AES-128 (RFC 9180)."""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEM = b"KEM" + (0x20).to_bytes(2, "big")
SUITE = b"HPKE" + (0x20).to_bytes(2, "big") + (1).to_bytes(2, "big") + (1).to_bytes(2, "big")


def opened(key: X25519PrivateKey, enc: bytes, ciphertext: bytes, info: bytes, aad: bytes) -> bytes:
    """Return the plain text. Raise InvalidTag for another key, info or associated data (sections 4.1 and 5.1)."""
    shared = key.exchange(X25519PublicKey.from_public_bytes(enc))
    context = enc + key.public_key().public_bytes_raw()
    secret = _expand(_extract(b"", b"eae_prk", shared, KEM), b"shared_secret", context, 32, KEM)
    schedule = b"\0" + _extract(b"", b"psk_id_hash", b"", SUITE) + _extract(b"", b"info_hash", info, SUITE)
    whole = _extract(secret, b"secret", b"", SUITE)
    nonce = _expand(whole, b"base_nonce", schedule, 12, SUITE)
    return AESGCM(_expand(whole, b"key", schedule, 16, SUITE)).decrypt(nonce, ciphertext, aad)


def _extract(salt: bytes, label: bytes, material: bytes, suite: bytes) -> bytes:
    return hmac.new(salt or bytes(32), b"HPKE-v1" + suite + label + material, hashlib.sha256).digest()


def _expand(secret: bytes, label: bytes, info: bytes, size: int, suite: bytes) -> bytes:
    """Expand to at most 32 bytes, so that one block is enough (RFC 5869 section 2.3)."""
    labelled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.new(secret, labelled + b"\1", hashlib.sha256).digest()[:size]

"""Test signatures with Curve25519 keys against OpenSSL's Ed25519 and X25519 and a signature by libsignal."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.wire.whatsapp import xeddsa
from probe.wire.whatsapp.noise import public_of


def test_ed25519_signatures_verify_with_the_birationally_equivalent_key():
    """Verify with an independent signer and key, because RFC 7748 maps an Edwards y to u = (1 + y) / (1 - y)."""
    p = 2**255 - 19
    signs = set()
    for seed in range(8):
        signer = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        encoded = signer.public_key().public_bytes_raw()
        y = int.from_bytes(encoded, "little") % 2**255
        u = (1 + y) * pow(1 - y, -1, p) % p
        signature = bytearray(signer.sign(b"message"))
        signature[63] |= encoded[31] & 0x80
        signs.add(encoded[31] & 0x80)
        assert xeddsa.verify(u.to_bytes(32, "little"), b"message", bytes(signature))
    assert signs == {0, 0x80}


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
def test_round_trip_with_x25519_public_keys(private, message):
    signature = xeddsa.sign(private, message)
    public = public_of(private)
    assert xeddsa.verify(public, message, signature)
    assert not xeddsa.verify(public, message + b".", signature)
    for at in (0, 31, 32, 63):
        broken = bytearray(signature)
        broken[at] ^= 1 if at != 63 else 0x80
        assert not xeddsa.verify(public, message, bytes(broken))


def test_signatures_use_the_random_bytes_and_nothing_else_varies():
    private = hashlib.sha256(b"key").digest()
    one, same, other = (xeddsa.sign(private, b"m", lambda n, c=c: c * n) for c in (b"a", b"a", b"b"))
    assert one == same != other


def test_keys_and_signatures_of_wrong_length_are_refused():
    assert not xeddsa.verify(bytes(31), b"", bytes(64))
    assert not xeddsa.verify(bytes(32), b"", bytes(63))
    with pytest.raises(ValueError):
        xeddsa.sign(bytes(31), b"")


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_fuzz_never_raises(public, signature):
    assert xeddsa.verify(public, b"m", signature) is False

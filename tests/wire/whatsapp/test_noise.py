"""Test both sides of WhatsApp's Noise handshake. The client is compared with an independent derivation."""

import hashlib
import hmac
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.whatsapp import noise
from probe.wire.whatsapp.certificate_chain import ChainError, check_chain, make_chain
from probe.wire.whatsapp.protobuf import write_field

CLIENT, SERVER, ROOT = (hashlib.sha256(word).digest() for word in (b"client", b"server", b"root"))
CHAIN = make_chain(ROOT, noise.public_of(SERVER), not_before=100, not_after=200)


def hello(**changes) -> bytes:
    return noise.server_hello(noise.public_of(CLIENT), SERVER, CHAIN, **changes)


def test_x25519_vector_of_rfc_7748():
    """Compare with the keys in RFC 7748, section 6.1."""
    private = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    public = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    assert noise.public_of(private).hex() == public


def test_server_hello_opens_with_the_client_key_only():
    opened = noise.open_server_hello(hello(), CLIENT)
    assert opened == (noise.public_of(SERVER), CHAIN)
    with pytest.raises(ValueError):
        noise.open_server_hello(hello(), SERVER)
    with pytest.raises(ValueError):
        noise.open_server_hello(hello(prologue=noise.WEB_PROLOGUE), CLIENT)


def test_both_hellos_match_an_independent_derivation():
    """Repeat the steps of whatsmeow's noisehandshake.go with hmac and sha256 instead of our class."""

    def exchange(private, public):
        return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))

    def expand(salt, secret):
        seed = hmac.digest(salt, secret, "sha256")
        first = hmac.digest(seed, b"\x01", "sha256")
        return first, hmac.digest(seed, first + b"\x02", "sha256")

    ephemeral, me = bytes(range(32)), noise.public_of(CLIENT)
    its = noise.public_of(ephemeral)
    name = b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0"
    digest = hashlib.sha256(name + b"WA\x05\x03").digest()
    for key in (me, its):
        digest = hashlib.sha256(digest + key).digest()
    chain, key = expand(name, exchange(CLIENT, its))
    static = AESGCM(key).encrypt(bytes(12), noise.public_of(SERVER), digest)
    digest = hashlib.sha256(digest + static).digest()
    chain, key = expand(chain, exchange(CLIENT, noise.public_of(SERVER)))
    payload = AESGCM(key).encrypt(bytes(12), CHAIN, digest)

    expected = (
        b"\x0a\x20" + its + b"\x12\x30" + static + b"\x1a" + bytes([len(payload) & 0x7F | 0x80, len(payload) >> 7])
    )
    expected += payload
    written = hello(rng=lambda n: ephemeral[:n])
    assert written == b"\x1a" + bytes([len(expected) & 0x7F | 0x80, len(expected) >> 7]) + expected
    assert noise.open_server_hello(written, CLIENT).payload == CHAIN
    assert noise.client_hello(me) == b"\x12\x22\x0a\x20" + me
    assert noise.read_client_hello(noise.client_hello(me)) == me


def test_changed_byte_of_the_hello_is_refused():
    written = hello()
    for at in range(len(written)):
        broken = bytearray(written)
        broken[at] ^= 1
        with pytest.raises(ValueError):
            noise.open_server_hello(bytes(broken), CLIENT)


def test_an_all_zero_shared_secret_is_a_value_error():
    with pytest.raises(ValueError):
        noise.server_hello(bytes(32), SERVER, CHAIN)
    with pytest.raises(ValueError):
        noise.open_server_hello(
            write_field(3, write_field(1, bytes(32)) + write_field(2, b"") + write_field(3, b"")), CLIENT
        )


def test_frames_in_any_pieces_are_split():
    wire = noise.frame(b"one") + noise.frame(b"")
    for cut in range(6):
        assert noise.read_frame(wire[:cut]) == (None, wire[:cut])
    assert noise.read_frame(wire) == (b"one", b"\0\0\0")
    assert noise.read_frame(b"\0\0\0") == (b"", b"")


def test_chain_ends_at_the_root():
    root, static = noise.public_of(ROOT), noise.public_of(SERVER)
    check_chain(CHAIN, root, static)
    for now in (100, 200):
        check_chain(CHAIN, root, static, now)
    for now in (99, 201):
        with pytest.raises(ChainError) as caught:
            check_chain(CHAIN, root, static, now)
        assert caught.value.by_date


@pytest.mark.parametrize(
    ("root", "static"), [(noise.ROOT_KEY, noise.public_of(SERVER)), (noise.public_of(ROOT), noise.public_of(CLIENT))]
)
def test_chain_of_another_root_or_server_is_refused(root, static):
    with pytest.raises(ChainError) as caught:
        check_chain(CHAIN, root, static, 150)
    assert not caught.value.by_date


def test_changed_byte_of_the_chain_is_refused():
    root, static = noise.public_of(ROOT), noise.public_of(SERVER)
    for at in range(len(CHAIN)):
        broken = bytearray(CHAIN)
        broken[at] ^= 1
        with pytest.raises(ChainError):
            check_chain(bytes(broken), root, static)


def test_root_key_equals_whatsmeows():
    """Compare with the first and last bytes of WACertPubKey in handshake.go at commit 33cfac51."""
    assert (len(noise.ROOT_KEY), noise.ROOT_KEY[:4].hex(), noise.ROOT_KEY[-2:].hex()) == (32, "14237557", "ee6b")


@given(st.binary(max_size=300))
def test_fuzz_raises_only_value_error(raw):
    for parse in (
        noise.read_client_hello,
        noise.read_frame,
        lambda r: noise.open_server_hello(r, CLIENT),
        lambda r: noise.open_server_hello(write_field(3, r), CLIENT),
        lambda r: check_chain(r, noise.ROOT_KEY, bytes(32)),
    ):
        with suppress(ValueError):
            parse(raw)

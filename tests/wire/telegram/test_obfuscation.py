"""Test MTProto's obfuscated transport: NIST's counter-mode vector, both sides, and reserved first bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.telegram.obfuscation import Obfuscation, client_obfuscation, server_obfuscation


def test_aes_256_ctr_vector():
    """Compare with NIST SP 800-38A, F.5.5."""
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    layout = bytes(8) + key + bytes(range(0xF0, 0x100)) + bytes(8)
    side = Obfuscation(b"", layout, layout)
    plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    sealed = "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
    assert (side.encrypt(plain[:7]) + side.encrypt(plain[7:])).hex() == sealed
    assert side.decrypt(bytes.fromhex(sealed)) == plain


@given(st.binary(min_size=64, max_size=64), st.binary(max_size=50), st.binary(max_size=50))
def test_both_sides_decrypt_each_other(seed, there, back):
    draws = iter([seed])
    client = client_obfuscation(lambda n: next(draws, bytes(range(1, n + 1))))
    server = server_obfuscation(client.header)
    assert len(client.header) == 64
    assert server.decrypt(client.encrypt(there)) + server.decrypt(client.encrypt(b"x")) == there + b"x"
    assert client.decrypt(server.encrypt(back)) == back


@pytest.mark.parametrize(
    "beginning",
    [b"\xef", b"HEAD", b"POST", b"GET ", b"OPTI", b"\xee" * 4, b"\xdd" * 4, b"\x16\x03\x01\x02", b"abcd\0\0\0\0"],
)
def test_no_header_begins_like_another_protocol(beginning):
    fine = bytes(range(1, 65))
    draws = iter([beginning.ljust(64, b"."), fine])
    assert client_obfuscation(lambda n: next(draws)).header[:56] == fine[:56]


def test_header_of_another_transport_is_refused():
    for header in (bytes(64), bytes(63), client_obfuscation().header[:-8] + bytes(8)):
        with pytest.raises(ValueError):
            server_obfuscation(header)

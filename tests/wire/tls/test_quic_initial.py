"""Test Initial packets: vectors of RFC 9001 and RFC 9369, and aioquic's hellos in any pieces."""

import itertools
import random

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.tls.quic_initial import (
    V1,
    V2,
    ClientInitials,
    InitialKeys,
    NotInitial,
    crypto_pieces,
    initial_keys,
    open_initial,
    read_header,
)

DCID = bytes.fromhex("8394c8f03e515708")
# RFC 9001 A.2: the CRYPTO frame of the client's Initial, and the unprotected header.
CRYPTO = bytes.fromhex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868"
    "04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578"
    "616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
    "04616c706e000500050100000000003300260024001d00209370b2c9caa47fba"
    "baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"
    "0d0010000e0403050306030203080408050806002d00020101001c0002400100"
    "3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000"
    "75300901100f088394c8f03e51570806048000ffff"
)
HEADER = bytes.fromhex("c300000001088394c8f03e5157080000449e00000002")
PROTECTED_HEADER = bytes.fromhex("c000000001088394c8f03e5157080000449e7b9aec34")


def protect(header: bytes, frames: bytes, keys: InitialKeys, *, number_size: int = 4) -> bytes:
    """Encrypt an Initial packet (RFC 9001 5.3 and 5.4)."""
    number = header[-number_size:]
    nonce = (int.from_bytes(keys.iv, "big") ^ int.from_bytes(number, "big")).to_bytes(12, "big")
    sealed = AESGCM(keys.key).encrypt(nonce, frames, header)
    mask = Cipher(AES(keys.hp), ECB()).encryptor().update(sealed[4 - number_size : 20 - number_size])
    covered = bytes(byte ^ cover for byte, cover in zip(number, mask[1:], strict=False))
    return bytes([header[0] ^ (mask[0] & 0x0F)]) + header[1:-number_size] + covered + sealed


def initial(frames: bytes, dcid: bytes = DCID, *, number: int = 0, keys: InitialKeys | None = None) -> bytes:
    """Build a client's Initial packet of version 1."""
    frames += bytes(max(0, 40 - len(frames)))
    length = 4 + len(frames) + 16
    header = b"\xc3\x00\x00\x00\x01" + bytes([len(dcid)]) + dcid + b"\x00\x00"
    header += (0x4000 | length).to_bytes(2, "big") + number.to_bytes(4, "big")
    return protect(header, frames, keys or initial_keys(dcid))


def crypto(offset: int, data: bytes) -> bytes:
    return b"\x06" + (0x4000 | offset).to_bytes(2, "big") + (0x4000 | len(data)).to_bytes(2, "big") + data


def test_keys_of_rfc_9001_a_1() -> None:
    assert initial_keys(DCID) == InitialKeys(
        bytes.fromhex("1f369613dd76d5467730efcbe3b1a22d"),
        bytes.fromhex("fa044b2f42a3fd3b46fb255c"),
        bytes.fromhex("9f50449e04a0e810283a1e9933adedd2"),
    )
    assert initial_keys(DCID, of_server=True) == InitialKeys(
        bytes.fromhex("cf3a5331653c364c88f0f379b6067e37"),
        bytes.fromhex("0ac1493ca1905853b0bba03e"),
        bytes.fromhex("c206b8d9b9f0f37644430b490eeaa314"),
    )


def test_keys_of_rfc_9369_a_1() -> None:
    assert initial_keys(DCID, V2) == InitialKeys(
        bytes.fromhex("8b1a0bc121284290a29e0971b5cd045d"),
        bytes.fromhex("91f73e2351d8fa91660e909f"),
        bytes.fromhex("45b95e15235d6f45a6b19cbcb0294ba9"),
    )


def test_packet_of_rfc_9001_a_2_is_decrypted() -> None:
    frames = CRYPTO + bytes(1162 - len(CRYPTO))
    packet = protect(HEADER, frames, initial_keys(DCID))
    assert packet[:22] == PROTECTED_HEADER
    assert packet[22:38].hex() == "d1b1c98dd7689fb8ec11d242b123dc9b"
    assert packet[-16:].hex() == "e221af44860018ab0856972e194cd934"
    header = read_header(packet)
    assert (header.version, header.is_initial, header.dcid, header.scid, header.token) == (V1, True, DCID, b"", b"")
    assert open_initial(packet, header, initial_keys(DCID)) == frames
    assert crypto_pieces(frames) == [(0, CRYPTO[4:])]
    assert ClientInitials().feed(packet) == CRYPTO[4:]


@pytest.mark.parametrize("version", [V1, V2])
def test_hello_of_aioquic_is_reassembled(version: int) -> None:
    configuration = QuicConfiguration(server_name="chat.example", supported_versions=[version], alpn_protocols=["h3"])
    client = QuicConnection(configuration=configuration)
    client.connect(("192.0.2.1", 443), 0.0)
    hello = b""
    reader = ClientInitials()
    for datagram, _ in client.datagrams_to_send(0.0):
        hello = reader.feed(datagram)
    assert hello[0] == 1 and len(hello) == 4 + int.from_bytes(hello[1:4], "big")
    assert b"chat.example" in hello


def test_pieces_in_any_order_are_reassembled() -> None:
    hello = bytes(range(256)) * 4
    cuts = [0, 1, 100, 101, 500, 700, len(hello)]
    pieces = [(start, hello[start:end]) for start, end in itertools.pairwise(cuts)]
    pieces.append((90, hello[90:520]))
    for seed in range(20):
        random.Random(seed).shuffle(pieces)
        reader = ClientInitials()
        for number, (offset, data) in enumerate(pieces):
            reader.feed(initial(b"\x01" + crypto(offset, data) + bytes(9), number=number))
        assert reader.hello == hello


def test_several_frames_and_packets_in_one_datagram_are_read() -> None:
    one, two = initial(crypto(4, b"efgh") + b"\x00\x00" + crypto(0, b"abcd")), initial(crypto(8, b"ij"), number=1)
    assert ClientInitials().feed(one + two) == b"abcdefghij"


def test_gap_ends_the_hello() -> None:
    reader = ClientInitials()
    assert reader.feed(initial(crypto(2, b"c"))) == b""
    assert reader.feed(initial(crypto(0, b"a"))) == b"a"
    assert reader.feed(initial(crypto(1, b"b"))) == b"abc"


def test_later_packets_with_the_servers_id_use_the_first_keys() -> None:
    reader = ClientInitials()
    reader.feed(initial(crypto(0, b"ab")))
    ack = b"\x02\x05\x00\x01\x00\x00\x01"  # largest 5, delay 0, one further range
    assert reader.feed(initial(ack + crypto(2, b"cd"), b"server's", keys=initial_keys(DCID), number=1)) == b"abcd"


def test_keys_are_new_after_a_retry() -> None:
    reader = ClientInitials()
    reader.feed(initial(crypto(0, b"ab")))
    assert reader.feed(initial(crypto(0, b"ab") + crypto(2, b"cd"), b"from the retry")) == b"abcd"


def test_other_datagrams_are_ignored() -> None:
    packet = initial(crypto(0, b"abcd"))
    spoilt = packet[:-1] + bytes([packet[-1] ^ 1])
    for datagram in (b"", b"\xc3", b"\x40" + packet[1:], b"\x83" + packet[1:], spoilt, packet[:40], b"GET / HTTP/1.1"):
        assert ClientInitials().feed(datagram) == b""
    assert ClientInitials().feed(b"\xc3\x00\x00\x00\x02" + packet[5:]) == b""  # an unknown version
    assert ClientInitials().feed(b"\xf3" + packet[1:]) == b""  # a Retry
    with pytest.raises(NotInitial):
        initial_keys(DCID, 0xFF00001D)
    with pytest.raises(NotInitial):
        crypto_pieces(b"\x08\x00")  # a STREAM frame has no place in an Initial


def test_handshake_packet_before_an_initial_is_skipped() -> None:
    handshake = b"\xe3\x00\x00\x00\x01\x08" + DCID + b"\x00" + b"\x14" + bytes(20)
    assert ClientInitials().feed(handshake + initial(crypto(0, b"ab"))) == b"ab"


def test_memory_is_bounded() -> None:
    reader = ClientInitials()
    for number in range(200):
        reader.feed(initial(crypto(2 + 4 * number, bytes(2)), number=number))
    assert len(reader._waiting) <= 64
    for number in range(40):
        reader.feed(initial(crypto(1000 * number if number < 17 else 0, bytes(1000)), number=number))
    assert len(reader.hello) <= 16384


@given(st.binary(max_size=1500))
def test_any_bytes_raise_only_not_initial(data: bytes) -> None:
    ClientInitials().feed(data)
    ClientInitials().feed(b"\xc3\x00\x00\x00\x01" + data)
    try:
        crypto_pieces(data)
    except NotInitial:
        return


@given(st.binary(max_size=300))
def test_any_frames_raise_only_not_initial(frames: bytes) -> None:
    reader = ClientInitials()
    assert len(reader.feed(initial(frames))) <= 300

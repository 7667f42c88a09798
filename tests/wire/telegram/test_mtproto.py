"""Test MTProto's first exchange with the bytes in Telegram's documentation, and with fuzz."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.telegram import mtproto

# https://core.telegram.org/mtproto/samples-auth_key (read 2026-11-24, the page has new numbers every day)
SENT = bytes.fromhex("0000000000000000ACA807005EDDDF6814000000F18E7EBE37D3746B7F006B2C54257AF5763139A5")
RECEIVED = bytes.fromhex(
    "000000000000000001D4F0A85EDDDF68500000006324160537D3746B7F006B2C54257AF5763139A5"
    "1A320B7B03E28A32871E3E5EE386106308150349" + "1A5532EFE100000015C4B51C0300000085FD64DE851D9DD0"
    "A5B7F709355FC30B216BE86C022BB4C3"
)
NONCE = bytes.fromhex("37D3746B7F006B2C54257AF5763139A5")


def test_documented_request_is_built():
    assert mtproto.request(NONCE, int.from_bytes(SENT[8:16], "little")) == SENT
    assert mtproto.read_request(SENT) == NONCE


def test_documented_answer_is_parsed():
    answer = mtproto.read_res_pq(RECEIVED)
    assert answer.nonce == NONCE
    assert answer.server_nonce.hex() == "1a320b7b03e28a32871e3e5ee3861063"
    assert int.from_bytes(answer.pq, "big") == 1514134277173997537 == 1054028803 * 1436520779
    assert answer.fingerprints[0] == 0xD09D1D85DE64FD85
    assert len(answer.fingerprints) == 3
    written = mtproto.res_pq(*answer, message_id=int.from_bytes(RECEIVED[8:16], "little"))
    assert written == RECEIVED


@given(st.binary(max_size=253), st.lists(st.integers(0, 2**64 - 1), max_size=8))
def test_built_answer_is_parsed(pq, fingerprints):
    raw = mtproto.res_pq(NONCE, bytes(16), pq, fingerprints, 4)
    assert mtproto.read_res_pq(raw) == (NONCE, bytes(16), pq, tuple(fingerprints))


def test_transport_errors_have_their_code():
    for code in (404, 429, 444):
        with pytest.raises(mtproto.TransportError) as caught:
            mtproto.read_res_pq(mtproto.transport_error(code))
        assert caught.value.code == code
    assert mtproto.transport_error(404).hex() == "6cfeffff"


def test_incomplete_answer_is_refused():
    for end in range(len(RECEIVED)):
        with pytest.raises(ValueError):
            mtproto.read_res_pq(RECEIVED[:end])


def test_frames_of_all_lengths_are_parsed():
    """Test lengths of one byte below 127 words and of four bytes above.

    Source: https://core.telegram.org/mtproto/mtproto-transports (read 2026-11-24).
    """
    assert mtproto.abridged(SENT) == b"\x0a" + SENT
    for words, header in ((126, b"\x7e"), (127, b"\x7f\x7f\0\0"), (256, b"\x7f\x00\x01\0")):
        framed = mtproto.abridged(bytes(4 * words))
        assert framed[: len(header)] == header
        assert mtproto.read_abridged(framed + b"more") == (bytes(4 * words), b"more")
        for cut in (0, 1, 3, len(framed) - 1):
            assert mtproto.read_abridged(framed[:cut]) == (None, framed[:cut])
    for bad in (lambda: mtproto.abridged(b"123"), lambda: mtproto.read_abridged(b"\x80")):
        with pytest.raises(ValueError):
            bad()


@given(st.binary(max_size=200))
def test_fuzz_raises_only_value_error(raw):
    for parse in (mtproto.read_res_pq, mtproto.read_request, mtproto.read_abridged):
        with suppress(ValueError):
            parse(raw)
    with suppress(ValueError):
        mtproto.read_res_pq(RECEIVED[:20] + raw + RECEIVED[20 + len(raw) :])

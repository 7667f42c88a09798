"""Test DTLS client hellos against captured ones (`client_hello.py` names the captures)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.dtls import records
from probe.wire.dtls.client_hello import SHAPES, HelloWriter, Shape, is_client_hello, parse_client_hello

CAPTURED: dict[Shape, str] = {
    "openssl": (
        "16feff000000000000000000c3010000b700000000000000b7fefd9e259cc68d153970a5de55ff9c240b871cd10d95249a86576cc65f38a69a"
        "2b1600000036c02cc030009fcca9cca8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c00"
        "35002f01000057ff01000100000b000403000102000a000c000a001d0017001e00180019002300000016000000170000000d002a0028040305"
        "030603080708080809080a080b080408050806040105010601030303010302040205020602"
    ),
    "firefox": (
        "16feff000000000000000000b0010000a400000000000000a4fefd20391035c480f6b17c7a0ff2273c5fdbba16246b132adc9681afe34e8b31"
        "b4af00000010c02bc02fcca9cca8c00ac009c013c0140100006a00170000ff01000100000a00080006001d00170018000b0002010000100012"
        "00100677656272746308632d776562727463000d0020001e040305030603020308040805080604010501060102010402050206020202001c00"
        "024000000e000b0008000700080001000200"
    ),
    "dtls13": (
        "16feff000000000000000000fb010000ef00000000000000effefd546be4ce561fa42db5f09c21adfb9a37dc8aa0d662a80ce2823bfd2d1767"
        "736d0000001413011303c02bc02fcca9cca8c00ac009c013c014010000b100170000ff01000100000a000c000a001d0017001801000101000b"
        "000201000010001200100677656272746308632d7765627274630022000a00080403050306030203003300260024001d00202ffdd51b164904"
        "d0c982d474a56bd31f964437f3cbc56fe3b06907444574171f002b000706fefcfefd0303000d0020001e040305030603020308040805080604"
        "010501060102010402050206020202001c00024001000e000b0008000700080001000200"
    ),
}
SHARE = bytes.fromhex("2ffdd51b164904d0c982d474a56bd31f964437f3cbc56fe3b06907444574171f")
RANDOM_AT = records.RECORD_HEADER + records.HANDSHAKE_HEADER + 2


def captured(shape: Shape) -> bytes:
    return bytes.fromhex(CAPTURED[shape])


@pytest.mark.parametrize("shape", SHAPES)
def test_hello_is_the_captured_one_but_for_random_values(shape: Shape) -> None:
    raw = captured(shape)
    writer = HelloWriter(shape, raw[RANDOM_AT : RANDOM_AT + 32], SHARE)
    assert writer.first() == raw
    assert HelloWriter.new(shape).first() != raw and len(HelloWriter.new(shape).first()) == len(raw)


@pytest.mark.parametrize("shape", SHAPES)
def test_second_hello_differs_in_the_cookie_and_numbers_alone(shape: Shape) -> None:
    writer = HelloWriter.new(shape)
    first, second = parse_client_hello(writer.first()), parse_client_hello(writer.with_cookie(b"cookie"))
    assert (first.cookie, first.sequence, first.record_number) == (b"", 0, 0)
    assert (second.cookie, second.sequence, second.record_number) == (b"cookie", 1, 1)
    for field in ("version", "random", "session_id", "suites", "extensions"):
        assert getattr(first, field) == getattr(second, field)
    assert first.version == records.DTLS_1_2
    offered = {int.from_bytes(first.suites[at : at + 2], "big") for at in range(0, len(first.suites), 2)}
    assert all(map(writer.offers, offered)) and not writer.offers(0)


def test_shapes_differ_as_the_programs_do() -> None:
    """Test fields by the registries: 23 extended master secret, 14 use_srtp, 43 supported versions."""
    hellos = {shape: parse_client_hello(captured(shape)) for shape in SHAPES}
    assert all(23 in hello.extensions for hello in hellos.values())
    assert {shape for shape in SHAPES if 14 in hellos[shape].extensions} == {"firefox", "dtls13"}
    assert hellos["dtls13"].extensions[43] == bytes.fromhex("06fefcfefd0303")
    assert [shape for shape in SHAPES if 43 in hellos[shape].extensions] == ["dtls13"]
    assert hellos["openssl"].suites[:2] == bytes.fromhex("c02c")


def test_token_begins_the_random_value() -> None:
    hello = parse_client_hello(HelloWriter.new("openssl", b"twelve bytes").first())
    assert hello.random.startswith(b"twelve bytes") and len(hello.random) == 32


@pytest.mark.parametrize("shape", SHAPES)
def test_hello_is_recognised_and_other_datagrams_are_not(shape: Shape) -> None:
    raw = captured(shape)
    assert is_client_hello(raw)
    others = (b"", raw[:24], b"\x17" + raw[1:], raw[:1] + b"\3\1" + raw[3:], raw[:13] + b"\2" + raw[14:])
    assert not any(map(is_client_hello, others))


@given(st.sampled_from(SHAPES), st.binary(min_size=32, max_size=32), st.binary(max_size=255))
def test_values_survive_writing_and_parsing(shape: Shape, random: bytes, cookie: bytes) -> None:
    hello = parse_client_hello(HelloWriter(shape, random, SHARE).with_cookie(cookie))
    assert (hello.random, hello.cookie, hello.session_id) == (random, cookie, b"")


@given(st.sampled_from(SHAPES), st.integers(0, 263))
def test_cut_hello_is_refused(shape: Shape, size: int) -> None:
    raw = captured(shape)
    with pytest.raises(ValueError):
        parse_client_hello(raw[: min(size, len(raw) - 1)])


def test_fragment_is_no_whole_hello_but_begins_like_one() -> None:
    """Test the first fragment of a hello, as Chrome sends it in two datagrams."""
    body = captured("firefox")[25:]
    head = b"\1" + (len(body) + 9).to_bytes(3, "big") + bytes(5) + len(body).to_bytes(3, "big")
    raw = records.write_record(records.HANDSHAKE, records.DTLS_1_0, 0, head + body)
    assert is_client_hello(raw)
    with pytest.raises(ValueError, match="whole"):
        parse_client_hello(raw)

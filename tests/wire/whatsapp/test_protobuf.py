"""Test the protobuf codec with the examples of Google's encoding guide and with fuzz."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.whatsapp.protobuf import bytes_field, int_field, read_fields, write_field, write_varint


def test_examples_of_the_encoding_guide_are_parsed():
    assert write_varint(150) == b"\x96\x01"
    assert write_field(1, 150) == bytes.fromhex("089601")
    assert write_field(2, b"testing") == bytes.fromhex("120774657374696e67")
    assert read_fields(bytes.fromhex("089601120774657374696e67")) == {1: [150], 2: [b"testing"]}


@given(st.lists(st.tuples(st.integers(1, 2**29 - 1), st.integers(0, 2**64 - 1) | st.binary(max_size=300)), max_size=8))
def test_built_fields_are_parsed(fields):
    expected: dict[int, list[int | bytes]] = {}
    for number, value in fields:
        expected.setdefault(number, []).append(value)
    assert read_fields(b"".join(write_field(number, value) for number, value in fields)) == expected


def test_last_value_counts_and_types_are_checked():
    fields = read_fields(write_field(1, b"a") + write_field(1, b"b") + write_field(2, 7))
    assert bytes_field(fields, 1) == b"b"
    assert (int_field(fields, 2), int_field(fields, 9)) == (7, 0)
    for number in (2, 9):
        with pytest.raises(ValueError):
            bytes_field(fields, number)
    with pytest.raises(ValueError):
        int_field(fields, 1)


@pytest.mark.parametrize(
    "bad",
    [
        "08",
        "0880",
        "08" + "80" * 10 + "01",
        "08" + "ff" * 9 + "02",
        "1205aa",
        "0b",
        "0f",
        "00",
        "0d0102",
        "12ffffffff0f",
    ],
)
def test_malformed_message_is_refused(bad):
    with pytest.raises(ValueError):
        read_fields(bytes.fromhex(bad))


def test_varints_outside_64_bits_are_refused():
    for value in (-1, 1 << 64):
        with pytest.raises(ValueError):
            write_varint(value)


@given(st.binary(max_size=200))
def test_fuzz_raises_only_value_error(raw):
    with suppress(ValueError):
        read_fields(raw)

"""Test the exchange of a payload's ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.tampering import with_ends_swapped


@pytest.mark.parametrize(
    ("payload", "swapped"),
    [(b"abcdef", b"efcdab"), (b"abcd", b"cdab"), (b"abcde", b"decab"), (b"abc", b"abc"), (b"", b"")],
)
def test_first_two_and_last_two_bytes_are_exchanged(payload: bytes, swapped: bytes) -> None:
    assert with_ends_swapped(payload) == swapped


@given(st.binary(max_size=64))
def test_twice_exchanged_is_the_payload_and_the_middle_stays(payload: bytes) -> None:
    swapped = with_ends_swapped(payload)
    assert with_ends_swapped(swapped) == payload
    assert swapped[2:-2] == payload[2:-2]

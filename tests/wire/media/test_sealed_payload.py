"""Test the sealed payload: read only with its token and direction, and never with a changed byte."""

import secrets
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.media.sealed_payload import SealedFields, seal, unseal
from probe.wire.media.shape import SEALED

TOKEN = bytes(range(12))
FIELDS = SealedFields(499, 1_764_000_000_000_000, 480, 479, 1, 1_764_000_000_123_456, 2**511 + 5)


def test_fields_are_read_as_written() -> None:
    for direction in ("forth", "back"):
        payload = seal(FIELDS, TOKEN, direction)
        assert len(payload) == SEALED and unseal(payload, TOKEN, direction) == FIELDS


def test_other_token_and_other_direction_read_nothing() -> None:
    payload = seal(FIELDS, TOKEN, "forth")
    assert unseal(payload, TOKEN, "back") is None and unseal(payload, secrets.token_bytes(12), "forth") is None


def test_changed_byte_of_nonce_or_fields_reads_nothing() -> None:
    payload = seal(FIELDS, TOKEN, "forth")
    for at in range(108):
        changed = payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]
        assert unseal(changed, TOKEN, "forth") is None


def test_equal_fields_give_other_bytes() -> None:
    one, other = seal(FIELDS, TOKEN, "forth"), seal(FIELDS, TOKEN, "forth")
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 12


def test_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(struct.error):
        seal(FIELDS._replace(number=2**32), TOKEN, "forth")
    with pytest.raises(OverflowError):
        seal(FIELDS._replace(seen=2**512), TOKEN, "forth")


@given(st.binary(max_size=200))
def test_any_bytes_read_nothing(payload: bytes) -> None:
    assert unseal(payload, TOKEN, "forth") is None

"""Test that the kept bytes contain no address, neither as text nor in STUN attributes."""

import pytest

from probe.steps.first_bytes import FIRST_BYTES, first_bytes
from probe.wire import stun

MAPPED = stun.build("success", 1, bytes(range(12)), (stun.xor_mapped_address("198.51.100.23", 5, bytes(range(12))),))
OLD = MAPPED[:4] + bytes(4) + MAPPED[8:]  # as RFC 3489 had it, without a cookie


@pytest.mark.parametrize("raw", [MAPPED, OLD, MAPPED[:-3], MAPPED + b"\0"])
def test_only_header_of_stun_message_is_kept(raw: bytes) -> None:
    assert first_bytes(raw) == raw[: stun.HEADER]


def test_address_across_limit_is_removed() -> None:
    kept = first_bytes(b"x " * 28 + b"198.51.100.23 is you")
    assert len(kept) <= FIRST_BYTES and b"198" not in kept and kept.startswith(b"x x")


@pytest.mark.parametrize("raw", [b"", b"\0", b"SIP/2.0 200 OK\r\n", bytes(7), b"\x80\xc8\x00\x06" + bytes(24)])
def test_other_bytes_are_kept_unchanged(raw: bytes) -> None:
    assert first_bytes(raw) == raw


def test_first_bytes_end_after_64_bytes() -> None:
    assert first_bytes(b"\xff" * 1000) == b"\xff" * FIRST_BYTES

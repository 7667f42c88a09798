"""Test that the kept bytes contain no address, neither as text nor in STUN attributes."""

import pytest

from probe.steps.first_bytes import FIRST_BYTES, first_bytes
from probe.wire import stun
from probe.wire.tampering import with_ends_swapped

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


def test_only_the_header_is_kept_of_stun_with_exchanged_ends() -> None:
    masked = stun.xor_mapped_address("198.51.100.23", 40123, bytes(12))
    for end in (b"end!", b"\xff\xff\xff\xff", bytes(4)):
        spoilt = with_ends_swapped(stun.build("success", stun.BINDING, bytes(12), (masked, (stun.SOFTWARE, end))))
        assert first_bytes(spoilt) == spoilt[:20]

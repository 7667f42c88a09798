"""Test the comparison of quoted payloads, with the ways in which routers shorten and pad them."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.quotes import ENOUGH, compared_with_quote
from probe.wire.stun import binding_request
from probe.wire.tampering import with_ends_swapped

SENT = binding_request(bytes(range(65, 77)))
LONG = bytes(range(1, 201))
SWAPPED = with_ends_swapped(SENT)
EXTENSION = bytes.fromhex("2000 1234 0008 0101 00064101")  # MPLS labels (RFC 4950)
FAMILIES = st.sampled_from([4, 6])


@pytest.mark.parametrize(
    ("quoted", "expected"),
    [
        (SENT, "same"),
        (SENT[:ENOUGH], "same"),
        (SENT + bytes(80), "same"),
        (SENT[:12] + bytes(88), "same"),
        (SENT + bytes(80) + EXTENSION, "same"),
        (SWAPPED, "swapped"),
        (SWAPPED[:ENOUGH], "swapped"),
        (SWAPPED + bytes(80) + EXTENSION, "swapped"),
        (b"X" + SENT[1:], "changed"),
        (SENT[:-1] + b"X", "changed"),
        (b"", "short"),
        (SENT[: ENOUGH - 1], "short"),
        (SWAPPED[: ENOUGH - 1], "short"),
        (bytes(100), "short"),
        (SENT[:4] + bytes(96), "short"),
    ],
)
def test_quote_of_short_datagram(quoted: bytes, expected: str) -> None:
    assert compared_with_quote(SENT, quoted, 4) == expected


@pytest.mark.parametrize(("family", "compared"), [(4, 100), (6, 80)])
def test_bytes_where_an_extension_may_be_are_not_compared(family: Literal[4, 6], compared: int) -> None:
    swapped = with_ends_swapped(LONG)
    assert compared_with_quote(LONG, LONG[:compared] + EXTENSION, family) == "same"
    assert compared_with_quote(LONG, swapped[:compared] + EXTENSION, family) == "swapped"
    assert compared_with_quote(LONG, LONG[: compared - 1] + b"?" + LONG[compared:], family) == "changed"


def test_datagram_with_equal_ends_cannot_show_an_exchange() -> None:
    assert compared_with_quote(b"ab------ab", b"ab------ab", 4) == "short"


@given(st.binary(min_size=1, max_size=300), st.binary(max_size=600), FAMILIES)
def test_any_bytes_are_compared(sent: bytes, quoted: bytes, family: Literal[4, 6]) -> None:
    found = compared_with_quote(sent, quoted, family)
    if found in {"same", "swapped"}:
        original = sent if found == "same" else with_ends_swapped(sent)
        assert quoted[:ENOUGH] == original[:ENOUGH] or quoted[:ENOUGH].rstrip(b"\0") == original[:ENOUGH].rstrip(b"\0")
        assert with_ends_swapped(sent) != sent


@given(st.binary(min_size=ENOUGH, max_size=300), st.integers(0, 300), st.integers(0, 100), FAMILIES)
def test_shortened_and_padded_quote_is_never_taken_for_another(
    sent: bytes, cut: int, padding: int, family: Literal[4, 6]
) -> None:
    swapped = with_ends_swapped(sent)
    assert compared_with_quote(sent, sent[:cut] + bytes(padding), family) in {"same", "short"}
    found = compared_with_quote(sent, swapped[:cut] + bytes(padding), family)
    assert found in {"swapped", "short"} or (found == "same" and not any(set(sent) - {0}))

"""Test what counts as one peer of a server."""

import pytest

from probe.http_server.peers import parse_address, peer_key


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:ff::1", True),  # the same /56
        ("2001:db8:0:1::1", "2001:db8:0:100::1", False),  # the next /56
        ("fe80::1%eth0", "fe80::1", True),
        (None, "", True),
    ],
)
def test_peer_is_an_ipv4_address_or_an_ipv6_56(one: str | None, other: str, same: bool) -> None:
    assert (peer_key(one) == peer_key(other)) is same


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "01.2.3.4", "1.2.3.4/32", "203.0.113.９"])
def test_text_that_is_no_address_gives_none(text: str) -> None:
    assert parse_address(text) is None

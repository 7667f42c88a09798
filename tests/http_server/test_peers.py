"""Test what counts as one client of a server, and what as its networks."""

import pytest

from probe.http_server.peers import UNKNOWN, client_at, parse_address


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("192.0.2.1", "192.0.2.1", 3),
        ("192.0.2.1", "::ffff:192.0.2.1", 3),
        ("192.0.2.1", "192.0.2.2", 2),  # the same /24
        ("192.0.2.1", "192.0.3.1", 1),  # the same /16
        ("192.0.2.1", "192.1.2.1", 0),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", 3),
        ("2001:db8:0:1::1", "2001:db8:0:ff::1", 2),  # the same /56
        ("2001:db8:0:1::1", "2001:db8:0:100::1", 1),  # the same /48
        ("2001:db8:0:1::1", "2001:db8:1:1::1", 0),
        ("fe80::1%eth0", "fe80::1", 3),
    ],
)
def test_client_is_counted_with_its_networks(one: str, other: str, shared: int) -> None:
    pairs = zip(client_at(one), client_at(other), strict=True)
    assert [mine == theirs for mine, theirs in pairs] == [False] * (3 - shared) + [True] * shared


@pytest.mark.parametrize("text", [None, "", "x", "1.2.3.4:5"])
def test_clients_without_a_known_address_are_one(text: str | None) -> None:
    assert client_at(text) == UNKNOWN


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "01.2.3.4", "1.2.3.4/32", "203.0.113.９"])
def test_text_that_is_no_address_gives_none(text: str) -> None:
    assert parse_address(text) is None

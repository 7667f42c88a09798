"""Test translators from IPv6 to IPv4: the examples of RFC 6052, and how RFC 7050 finds a prefix."""

from ipaddress import IPv6Network

import pytest

from probe.targets.translator_prefix import TranslatorPrefix, prefix_in

# RFC 6052, 2.4
EXAMPLES = [
    ("2001:db8::/32", "2001:db8:c000:221::"),
    ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
    ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
    ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
    ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100:0"),
    ("2001:db8:122:344::/96", "2001:db8:122:344::c000:221"),
    ("64:ff9b::/96", "64:ff9b::c000:221"),
]


@pytest.mark.parametrize(("network", "address"), EXAMPLES)
def test_addresses_are_written_as_in_the_rfc(network: str, address: str) -> None:
    prefix = TranslatorPrefix(IPv6Network(network))
    assert prefix.embed("192.0.2.33") == address
    assert prefix.extract(address) == "192.0.2.33"


def test_other_addresses_have_no_address_inside() -> None:
    prefix = TranslatorPrefix(IPv6Network("2001:db8:122::/48"))
    assert prefix.extract("2001:db8:123::1") is None
    assert prefix.extract("2001:db8:122:c000:2:2100::1") is None, "behind the IPv4 address stand zeros"
    assert prefix.extract("192.0.2.33") is None


@pytest.mark.parametrize(("network", "_address"), EXAMPLES)
def test_prefix_is_found_by_the_known_name(network: str, _address: str) -> None:
    prefix = TranslatorPrefix(IPv6Network(network))
    known = ["192.0.0.170", "192.0.0.171"]
    assert prefix_in(map(prefix.embed, known)) == prefix
    assert prefix_in([*known, *map(prefix.embed, known[:1])]) == prefix


@pytest.mark.parametrize(
    "addresses",
    [
        [],
        ["192.0.0.170", "192.0.0.171"],
        ["2001:db8::1"],
        ["64:ff9b::c000:aa", "2001:db8::1"],
        ["64:ff9b::c000:aa", "2001:db8::c000:ab"],
    ],
)
def test_other_answers_show_no_prefix(addresses: list[str]) -> None:
    assert prefix_in(addresses) is None

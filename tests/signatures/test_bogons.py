"""Test the bogon list with single addresses."""

import pytest

from probe.signatures.bogons import is_bogon, is_of_home, is_of_provider

BOGONS = """
0.0.0.0 10.10.34.35 100.64.0.1 127.0.0.1 169.254.1.1 172.31.255.255 192.0.0.8 192.0.2.1 192.168.1.1 198.19.0.1
198.51.100.7 203.0.113.9 239.1.1.1 255.255.255.255 :: ::1 ::ffff:8.8.8.8 ::8.8.8.8 100::1 2001:10::1 2001:db8::1
fc00::1 fd12::1 fe80::1 fec0::1 ff02::1 2002:a00:1::1 2002:7f00:1:: 2001:0:c0a8:101:: not-an-ip 1.2.3 1.2.3.4.5
"""
PUBLIC = """
8.8.8.8 172.32.0.1 100.128.0.1 198.20.0.1 149.154.167.51 2a00:1450::1 2606:4700::1 2002:808:808::1
2001:0:808:808:: 2001:4860:4860::8888 64:ff9b::1
"""


@pytest.mark.parametrize("address", BOGONS.split())
def test_addresses_in_the_list_are_bogons(address):
    assert is_bogon(address)


@pytest.mark.parametrize("address", PUBLIC.split())
def test_public_addresses_are_no_bogons(address):
    assert not is_bogon(address)


def test_redacted_address_is_no_bogon():
    assert not is_bogon("[scrubbed]") and is_bogon("[scrubbed] ")


def test_first_hop_is_known_by_its_block() -> None:
    assert [is_of_home(ip) for ip in ("192.168.9.1", "10.0.0.1", "100.64.0.1", "9.9.9.9", "fe80::1")] == [
        True,
        *[False] * 4,
    ]
    assert [is_of_provider(ip) for ip in ("192.168.9.1", "10.0.0.1", "2606:4700::1")] == [False] * 3
    assert is_of_provider("100.64.0.1") and is_of_provider("9.9.9.9")

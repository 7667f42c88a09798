"""Test the addresses of this machine and of its routers."""

import ipaddress
import struct
from pathlib import Path

import pytest

from probe.platforms import own_addresses


def test_every_address_of_machine_is_known() -> None:
    """Compare with Linux's /proc, which the program does not read for this."""
    trie = Path("/proc/net/fib_trie").read_text().split()
    local = {
        trie[i - 2] for i, word in enumerate(trie) if word == "host" and trie[i + 1] == "LOCAL" and trie[i - 1] == "/32"
    }
    if_inet6 = Path("/proc/net/if_inet6")
    six = [line.split()[0] for line in if_inet6.read_text().splitlines()] if if_inet6.exists() else []
    expected = {word for word in local if word.count(".") == 3} | {
        str(ipaddress.IPv6Address(bytes.fromhex(h))) for h in six
    }
    assert "127.0.0.1" in expected
    assert expected <= own_addresses.interface_addresses()
    assert "127.0.0.1" in own_addresses.interface_addresses()


def test_gateways_are_read_from_routing_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    hop = f"{struct.unpack('=I', ipaddress.IPv4Address('192.168.77.1').packed)[0]:08X}"
    tables = {
        "/proc/net/route": [
            ["Iface", "Destination", "Gateway"],
            ["eth0", "00000000", hop],
            ["eth0", "004DA8C0", "00000000"],
        ],
        "/proc/net/ipv6_route": [
            ["0" * 32, "00", "0" * 32, "00", "fe80" + "0" * 24 + "0001"],
            ["0" * 32, "00", "0" * 32, "00", "0" * 32],
        ],
    }
    monkeypatch.setattr(own_addresses, "_lines", lambda path: tables[path])
    assert own_addresses.gateways() == {"192.168.77.1", "fe80::1"}
    monkeypatch.setattr(own_addresses, "_lines", lambda path: [])
    assert own_addresses.gateways() == set()


def test_source_addresses_are_found_without_network() -> None:
    assert own_addresses.source_addresses(["127.0.0.1", "127.0.0.2", "::1", "not an address"])[:1] == ["127.0.0.1"]


def test_c_library_is_asked_where_netlink_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise PermissionError(13, "Permission denied")

    expected = own_addresses.interface_addresses()
    monkeypatch.setattr(own_addresses, "_dumped", refused)
    assert own_addresses.interface_addresses() == expected
    monkeypatch.setattr(own_addresses, "listed", lambda: iter(()))
    assert own_addresses.interface_addresses() == set()
    monkeypatch.setattr(own_addresses, "is_windows", lambda: True)
    assert "127.0.0.1" in own_addresses.interface_addresses()

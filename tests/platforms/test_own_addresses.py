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


def test_hardware_addresses_of_neighbours_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {"/proc/net/arp": [["IP", "address"], ["192.168.77.1", "0x1", "0x2", "3c:5a:b4:01:9e:7f", "*", "eth0"], []]}
    monkeypatch.setattr(own_addresses, "_lines", table.__getitem__)
    monkeypatch.setattr(own_addresses, "link_addresses", lambda: {"00:1c:42:d0:00:18"})
    assert own_addresses.hardware_addresses() == {"3c:5a:b4:01:9e:7f", "00:1c:42:d0:00:18"}


def test_source_addresses_are_found_without_network() -> None:
    assert own_addresses.source_addresses(["127.0.0.1", "127.0.0.2", "::1", "not an address"])[:1] == ["127.0.0.1"]


def test_own_name_leads_to_the_addresses_on_windows_without_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_addresses, "listed", lambda: iter(()))
    assert own_addresses.interface_addresses() == set()
    monkeypatch.setattr(own_addresses, "is_windows", lambda: True)
    assert "127.0.0.1" in own_addresses.interface_addresses()


def test_gateways_of_tunnels_and_modems_are_no_local_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    hops = [f"{struct.unpack('=I', ipaddress.IPv4Address(ip).packed)[0]:08X}" for ip in ("192.168.77.1", "10.0.0.1")]
    names = ["eth0", "tun0", "rmnet0", "wg1"]
    rows = [[name, "00000000", hops[0]] for name in names[:1]] + [[name, "00000000", hops[1]] for name in names[1:]]
    monkeypatch.setattr(own_addresses, "_lines", lambda path: [["Iface", "Destination", "Gateway"], *rows])
    monkeypatch.setattr(own_addresses, "is_tunnel", lambda name: name.startswith(("tun", "wg")))
    assert own_addresses.local_gateways() == {"192.168.77.1"}


def test_forbidden_destinations_are_those_of_a_family_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_addresses, "_source", lambda ip: "192.168.77.5" if ip == "192.0.2.1" else None)
    assert own_addresses.forbidden_destinations(["192.0.2.1", "192.0.2.2", "2001:db8::1"]) == {"192.0.2.2"}

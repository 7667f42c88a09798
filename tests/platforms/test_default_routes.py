"""Test which interfaces have a default route."""

import sys
from pathlib import Path

import pytest

from probe.platforms import default_routes
from probe.platforms.default_routes import default_interfaces

FOUR = """Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
{rows}
"""
DEFAULT, LOCAL, DOWN = "00000000 0101A8C0 0003", "0001A8C0 00000000 0001", "00000000 0101A8C0 0002"
NOWHERE = "0" * 32


def four(*rows: tuple[str, str, str]) -> str:
    lines = (f"{name} {route} 0 0 100 {mask} 0 0 0" for name, route, mask in rows)
    return FOUR.format(rows="\n".join(lines))


def six(name: str, prefix: str = "00", flags: str = "00000003") -> str:
    return f"{NOWHERE} {prefix} {NOWHERE} 00 fe80000000000000021122fffe334455 00000400 0 0 {flags} {name}\n"


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Path, Path]:
    found = tmp_path / "route", tmp_path / "ipv6_route"
    monkeypatch.setattr(default_routes, "_TABLES", found)
    return found


def test_interfaces_of_both_tables_are_found_once(tables: tuple[Path, Path]) -> None:
    assert default_interfaces() == []
    all_hosts, near = "00000000", "00FFFFFF"
    tables[0].write_text(four(("eth0", DEFAULT, all_hosts), ("eth0", LOCAL, near), ("wlan0", DEFAULT, all_hosts)))
    tables[1].write_text(six("eth0") + six("wwan0"))
    assert default_interfaces() == ["eth0", "wlan0", "wwan0"]


def test_other_routes_do_not_count(tables: tuple[Path, Path]) -> None:
    """Leave out local networks, Docker's bridge, a route to nowhere, and a half of all addresses as of a VPN."""
    half = "00000080"
    tables[0].write_text(four(("docker0", LOCAL, "00FFFFFF"), ("tun0", DEFAULT, half), ("eth1", DOWN, "00000000")))
    tables[1].write_text(six("lo", flags="00200200") + six("lo", flags="00200003") + six("eth2", prefix="40"))
    assert default_interfaces() == []


@pytest.mark.parametrize("columns", ["Flags Netif Expire", "Flags Refs Use Netif Expire"])
def test_routes_of_macos_without_those_for_single_interfaces(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    counts = " 20 16" if "Refs" in columns else ""
    text = f"""Routing tables

Internet:
Destination Gateway {columns}
default 192.168.1.1 UGScg{counts} en0
default 192.168.2.1 UGScIg{counts} en1
127 127.0.0.1 UCS{counts} lo0
"""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(default_routes, "output_of", lambda *command: text)
    assert default_interfaces() == ["en0"]

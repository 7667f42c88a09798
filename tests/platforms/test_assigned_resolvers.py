"""Test which name servers the network gave, on each system, and that leases of earlier networks do not count."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from probe.platforms import assigned_resolvers as module
from probe.platforms.assigned_resolvers import assigned_resolvers

OWN = "192.168.1.7"
STATUS = json.dumps(
    {
        "DNS": [
            {"Family": 2, "Address": [1, 1, 1, 3], "ConfigSource": "static"},
            {"Family": 2, "Address": [192, 168, 1, 1], "ConfigSource": "DHCPv4", "ConfigProvider": [192, 168, 1, 1]},
            {"Family": 10, "Address": [254, 128, *[0] * 13, 1], "ConfigSource": "NDisc"},
        ]
    }
)
OPTIONS = f"""IP4.ADDRESS[1]:      {OWN}/24
IP4.DNS[1]:          1.1.1.3
DHCP4.OPTION[1]:     requested_domain_name_servers = 1
DHCP4.OPTION[2]:     domain_name_servers = 192.168.1.1 203.0.113.53
DHCP6.OPTION[1]:     dhcp6_name_servers = 2001:db8::53
"""
DUMP = f"ip_address='{OWN}'\ndomain_name_servers='192.168.1.1 203.0.113.53'\nnd1_rdnss1_servers='2001:db8::53'\n"
LEASES = f"""lease {{
  interface "wlan0";
  fixed-address 10.0.0.2;
  option domain-name-servers 10.0.0.1;
}}
lease {{
  interface "eth0";
  fixed-address {OWN};
  option domain-name-servers 192.168.1.9;
}}
lease {{
  interface "eth0";
  fixed-address {OWN};
  option domain-name-servers 192.168.1.1,203.0.113.53;
}}
"""
PACKET = f"op = BOOTREPLY\nyiaddr = {OWN}\ndomain_name_server (ip_mult): {{192.168.1.1, 203.0.113.53}}\nend (none): \n"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Let the programs of a Linux system say what the test writes, by name. Without that they are missing."""
    answers: dict[str, str] = {}
    module._kept.cache_clear()
    monkeypatch.setattr(module, "listed", lambda: [("eth0", OWN), ("lo", "127.0.0.1")])
    monkeypatch.setattr(module, "output_of", lambda program, *_: answers.get(program.rpartition("/")[2], ""))
    monkeypatch.setattr(module, "NETWORKD_LEASES", tmp_path)
    monkeypatch.setattr(module, "DHCLIENT_LEASES", (tmp_path,))
    monkeypatch.setattr(module, "_index", lambda interface: 2)
    return answers


@pytest.mark.parametrize(
    ("program", "text", "servers"),
    [
        ("networkctl", STATUS, ["192.168.1.1", "fe80::1"]),
        ("nmcli", OPTIONS, ["192.168.1.1", "203.0.113.53", "2001:db8::53"]),
        ("dhcpcd", DUMP, ["192.168.1.1", "203.0.113.53", "2001:db8::53"]),
    ],
)
def test_dhcp_clients_of_linux_are_asked(said: dict[str, str], program: str, text: str, servers: list[str]) -> None:
    assert assigned_resolvers(["eth0"]) == []
    module._kept.cache_clear()
    said[program] = text
    assert assigned_resolvers(["eth0"]) == servers


@pytest.mark.parametrize(
    ("name", "text"), [("2", f"ADDRESS={OWN}\nDNS=192.168.1.1 203.0.113.53\n"), ("x.leases", LEASES)]
)
def test_lease_files_count_if_the_interface_has_their_address(
    said: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    assert assigned_resolvers(["eth0"]) == ["192.168.1.1", "203.0.113.53"]
    module._kept.cache_clear()
    monkeypatch.setattr(module, "listed", lambda: [("eth0", "192.168.1.77")])
    assert assigned_resolvers(["eth0"]) == []


def test_lease_of_dhcpcd_from_an_earlier_network_is_left_out(said: dict[str, str]) -> None:
    said["dhcpcd"] = DUMP.replace(OWN, "192.168.1.70")
    assert assigned_resolvers(["eth0"]) == []


def test_one_interface_that_does_not_tell_leaves_all_unknown(said: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "x.leases").write_text(LEASES)
    assert assigned_resolvers(["eth0", "wwan0"]) == assigned_resolvers([]) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"DNS": 7}', '{"DNS": [7]}', '{"DNS": [{"ConfigSource": "NDisc"}]}'])
def test_other_output_names_none(said: dict[str, str], text: str) -> None:
    said.update(dict.fromkeys(("networkctl", "nmcli", "dhcpcd"), text))
    assert assigned_resolvers(["eth0"]) == []


def test_macos_shows_the_packet_of_its_lease(said: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    said["ipconfig"] = PACKET
    assert assigned_resolvers(["eth0"]) == ["192.168.1.1", "203.0.113.53"]


def test_android_names_none(said: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    said["nmcli"] = OPTIONS
    monkeypatch.setattr(module, "is_android", lambda: True)
    assert assigned_resolvers(["eth0"]) == []


class Registry:
    """Answer as winreg does for adapters by their key. A value that is missing raises FileNotFoundError."""

    HKEY_LOCAL_MACHINE = "HKLM"

    def __init__(self, **adapters: dict[str, str]) -> None:
        self._adapters = adapters

    def OpenKey(self, key: Any, name: str) -> Any:
        values = {} if key == "HKLM" else self._adapters[name]
        return type("Key", (), {"__enter__": lambda own: values, "__exit__": lambda *_: None})()

    def QueryInfoKey(self, key: Any) -> tuple[int, int, int]:
        return len(self._adapters), 0, 0

    def EnumKey(self, key: Any, number: int) -> str:
        return list(self._adapters)[number]

    def QueryValueEx(self, key: dict[str, str], name: str) -> tuple[str, int]:
        if name not in key:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        return key[name], 1


def test_registry_of_windows_has_the_servers_of_each_lease(
    said: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = {"DhcpIPAddress": OWN, "DhcpNameServer": "192.168.1.1 203.0.113.53", "NameServer": "1.1.1.3"}
    registry = Registry(old={"DhcpIPAddress": "10.0.0.2", "DhcpNameServer": "10.0.0.1"}, now=now, fixed={})
    monkeypatch.setattr(module, "is_windows", lambda: True)
    monkeypatch.setattr(module, "system_module", lambda name: registry)
    assert assigned_resolvers(["Wi-Fi"]) == ["192.168.1.1", "203.0.113.53"]


def test_registry_that_cannot_be_read_names_none(said: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise PermissionError(5, "Access is denied")

    monkeypatch.setattr(module, "is_windows", lambda: True)
    for registry in (None, SimpleNamespace(OpenKey=refused, HKEY_LOCAL_MACHINE="HKLM")):
        module._kept.cache_clear()
        monkeypatch.setattr(module, "system_module", lambda name, found=registry: found)
        assert assigned_resolvers(["Wi-Fi"]) == []

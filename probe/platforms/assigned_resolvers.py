"""Read which name servers the network itself gave this computer, by DHCP or in router advertisements.

The user, a program or a VPN may have set other ones. Nothing is sent. Pages and files opened 2026-12-01.

- Linux: the programs and files of the DHCP clients.
    - systemd-networkd: `networkctl --json=short status`, and its lease files, which are written by
      https://github.com/systemd/systemd/blob/main/src/libsystemd-network/sd-dhcp-lease.c
    - NetworkManager: the DHCP options in `nmcli device show`,
      https://networkmanager.dev/docs/api/latest/gdbus-org.freedesktop.NetworkManager.DHCP4Config.html
    - dhcpcd: `dhcpcd --dumplease`, https://manpath.be/f34/8/dhcpcd
    - dhclient: its lease files, https://sarata.com/manpages/dhclient.leases.5.html
- macOS: `ipconfig getpacket`, https://ss64.com/mac/ipconfig.html
- Windows: DhcpNameServer in the registry, http://technet.microsoft.com/en-us/library/cc962470.aspx
- Android and BSD: no source that an app may read.
"""

import ipaddress
import json
import re
import socket
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from probe.platforms.configured_resolvers import addresses_among, half_minutes
from probe.platforms.interfaces import listed
from probe.platforms.systems import has_linux_kernel, is_android, is_windows, output_of, system_module

NETWORKD_LEASES = Path("/run/systemd/netif/leases")  # one file for each interface, named by its index
DHCLIENT_LEASES = (Path("/var/lib/dhcp"), Path("/var/lib/dhclient"))
_OF_NETWORK = frozenset({"DHCPv4", "DHCPv6", "NDisc"})  # ConfigSource of networkctl. NDisc: router advertisements
_INTERFACES = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters\Interfaces"
_OPTION = re.compile(r"[\s:](?:domain|dhcp6)_name_servers = (.+)")  # of nmcli, without "requested_…"
_DUMPED = re.compile(r"^(?:domain_name_servers|dhcp6_name_servers|nd\d+_rdnss\d+_servers)=(.+)", re.MULTILINE)
_LEASE = re.compile(r"lease \{(.*?)\n\}", re.DOTALL)
_IN_PACKET = re.compile(r"^domain_name_server \(ip_mult\): \{(.*)\}", re.MULTILINE)


def assigned_resolvers(interfaces: Collection[str]) -> list[str]:
    """Return the name servers that the network assigned to these interfaces, without zones.

    It is empty if the system does not tell for one of them, because the name server in use may be that one's. On
    Windows every adapter with a lease counts.
    """
    found = [_kept(name, half_minutes()) for name in (["*"] if is_windows() else interfaces)]
    return list(dict.fromkeys(server for one in found for server in one)) if all(found) else []


@lru_cache(maxsize=8)
def _kept(interface: str, now: int) -> tuple[str, ...]:
    own = {address for name, address in listed() if interface in {name, "*"}}
    return tuple(dict.fromkeys(server.partition("%")[0] for server in _of(interface, own)))


def _of(interface: str, own: set[str]) -> list[str]:
    """Return the name servers for one interface from the first source that has any."""
    sources: list[Callable[[], Iterable[str]]] = []
    if is_windows():
        sources = [lambda: _windows(own)]
    elif sys.platform == "darwin":
        sources = [lambda: _in_packet(output_of("/usr/sbin/ipconfig", "getpacket", interface), own)]
    elif has_linux_kernel() and not is_android():
        sources = [
            lambda: _in_status(output_of("networkctl", "--json=short", "status", interface)),
            lambda: _in_networkd_lease(_text(NETWORKD_LEASES / str(_index(interface))), own),
            lambda: _in_options(output_of("nmcli", "device", "show", interface)),
            lambda: _in_dump(output_of("dhcpcd", "--dumplease", interface), own),
            lambda: _in_dhclient_leases("\n".join(_dhclient_texts()), interface, own),
        ]
    return next(filter(None, (addresses_among(read()) for read in sources)), [])


# Leases of an earlier network stay in files. So a lease counts only if its address is one that the interface has.


def _in_status(text: str) -> Iterator[str]:
    try:
        status = json.loads(text)
        for server in status.get("DNS", []):
            if server["ConfigSource"] in _OF_NETWORK:
                yield str(ipaddress.ip_address(bytes(server["Address"])))
    except (ValueError, AttributeError, KeyError, TypeError):
        return


def _in_networkd_lease(text: str, own: set[str]) -> list[str]:
    lines = (line.partition("=") for line in text.splitlines())
    lease = {key: value for key, _, value in lines}
    return lease.get("DNS", "").split() if lease.get("ADDRESS") in own else []


def _in_options(text: str) -> list[str]:
    return [word for group in _OPTION.findall(text) for word in group.split()]


def _in_dump(text: str, own: set[str]) -> list[str]:
    return [word for group in _DUMPED.findall(text) for word in group.strip("'\"").split()] if _names(text, own) else []


def _in_dhclient_leases(text: str, interface: str, own: set[str]) -> list[str]:
    """Return those of the last lease. A client appends later leases."""
    leases = [lease for lease in _LEASE.findall(text) if f'interface "{interface}"' in lease and _names(lease, own)]
    found = re.search(r"option domain-name-servers ([^;]+);", leases[-1]) if leases else None
    return found[1].replace(",", " ").split() if found else []


def _in_packet(text: str, own: set[str]) -> list[str]:
    found = _IN_PACKET.search(text) if _names(text, own) else None
    return found[1].replace(",", " ").split() if found else []


def _names(text: str, own: set[str]) -> bool:
    return bool(own.intersection(re.split(r"[\s='\";/]+", text)))


def _windows(own: set[str]) -> Iterator[str]:
    """Yield the name servers of each adapter that has an address by DHCP now."""
    registry = system_module("winreg")
    with (
        suppress(OSError, AttributeError),  # the registry may not be read
        registry.OpenKey(registry.HKEY_LOCAL_MACHINE, _INTERFACES) as interfaces,
    ):
        for number in range(registry.QueryInfoKey(interfaces)[0]):
            with registry.OpenKey(interfaces, registry.EnumKey(interfaces, number)) as adapter:
                if _value(registry, adapter, "DhcpIPAddress") in own:
                    yield from _value(registry, adapter, "DhcpNameServer").split()


def _value(registry: Any, key: Any, name: str) -> str:
    try:
        return str(registry.QueryValueEx(key, name)[0])
    except OSError:
        return ""


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return 0


def _dhclient_texts() -> Iterator[str]:
    for folder in DHCLIENT_LEASES:
        try:
            files = sorted(folder.glob("*lease*"), key=lambda path: path.stat().st_mtime)
        except OSError:
            continue  # no such folder, or the user may not list it: another program may hold the lease
        yield from map(_text, files)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

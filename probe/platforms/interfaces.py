"""Name the interface of a local address, and tell whether it is a tunnel, a modem or a radio link."""

import ctypes
import ipaddress
import socket
import struct
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from probe.platforms.systems import has_linux_kernel, is_windows, system_module

# linux/if_arp.h, linux/sockios.h
ARPHRD_PPP, ARPHRD_NONE = 512, 65534
SIOCGIFADDR, SIOCGIFHWADDR = 0x8915, 0x8927
SIOCGIWESSID, LONGEST_NETWORK_NAME = 0x8B1B, 32  # linux/wireless.h
AF_PACKET, AF_LINK, MAC_LENGTH = 17, 18, 6  # families of hardware addresses: Linux, BSD and macOS

TUNNELS = ("tun", "tap", "wg", "utun", "ppp", "ipsec", "nordlynx", "proton")
TUNNELS_OF_WINDOWS = ("wireguard", "wintun", "tap-windows", "openvpn", "vpn", "tunnel")  # in names of adapters
MODEMS = ("wwan", "rmnet", "ccmni", "pdp_ip")  # raw IP without a link layer, but no tunnel
VIRTUAL = ("docker", "br-", "veth", "virbr", "vnet", "vboxnet", "vmnet", "vethernet", "lxcbr", "lxdbr", "podman", "cni")
"""Begins of names of networks for containers and virtual machines: Docker, libvirt, VirtualBox, VMware, Hyper-V, …"""
_MOST = 4096  # interfaces and their addresses
IFF_POINTOPOINT = 0x10  # net/if.h, equal on Linux and BSD


class _Entry(ctypes.Structure):
    """Hold the first fields of struct ifaddrs (getifaddrs(3)), which all systems order alike."""


_Entry._fields_ = [
    ("next", ctypes.POINTER(_Entry)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("address", ctypes.POINTER(ctypes.c_ubyte)),
    ("netmask", ctypes.POINTER(ctypes.c_ubyte)),
    ("peer", ctypes.POINTER(ctypes.c_ubyte)),  # of a point-to-point link. Otherwise the broadcast address.
]


def names_interfaces() -> bool:
    """Return whether this system says which interface has an address. Without it a VPN is not recognized."""
    return _libc() is not None or _ifaddr() is not None


def recognizes_every_tunnel() -> bool:
    """Return whether an interface that `is_tunnel` refuses is none. On Windows a VPN can have any name."""
    return names_interfaces() and not is_windows()


def interface_of(source: str) -> str | None:
    """Return the name of the interface with a local address, None if the system does not tell."""
    wanted = ipaddress.ip_address(source.partition("%")[0])
    return next((name for name, address in listed() if ipaddress.ip_address(address) == wanted), None)


def listed() -> Iterator[tuple[str, str]]:
    """Yield each interface's name with each of its addresses. Nothing is sent. Windows names the adapters.

    The address of the other end of a point-to-point link (PPP) is among them, because it is near the user.
    """
    if (ifaddr := _ifaddr()) is not None:
        for adapter in ifaddr.get_adapters():
            for each in adapter.ips:  # IPv6 addresses are tuples: address, flow label, scope
                yield adapter.nice_name, each.ip if isinstance(each.ip, str) else each.ip[0]
        return
    for found in _walk():
        if found.address and (address := _address(found.address)) is not None:
            yield found.name.decode(errors="replace"), address
        if found.flags & IFF_POINTOPOINT and found.peer and (address := _address(found.peer)) is not None:
            yield found.name.decode(errors="replace"), address


def link_addresses() -> set[str]:
    """Return the hardware address (MAC) of every interface. Empty if the system does not tell.

    Windows names one of them.
    """
    if is_windows():
        number = uuid.getnode()
        is_made_up = bool(number >> 40 & 1)  # Python draws a multicast address if it finds none
        return set() if is_made_up else {number.to_bytes(MAC_LENGTH, "big").hex(":")}
    return {mac for found in _walk() if found.address and (mac := _hardware_address(found.address)) is not None}


def network_names() -> set[str]:
    """Return the names (SSID) of the wireless networks that this computer uses. Empty on other systems than Linux."""
    if not has_linux_kernel():
        return set()
    names = (path.parent.name for path in Path("/sys/class/net").glob("*/wireless"))
    return {found for name in names if (found := _network_name(name))}


def _walk() -> Iterator[Any]:
    """Yield the entries of the C library's list of interfaces."""
    libc = _libc()
    first = ctypes.POINTER(_Entry)()
    if libc is None or libc.getifaddrs(ctypes.byref(first)) != 0:
        return
    try:
        entry = first
        for _ in range(_MOST):
            if not entry:
                return
            yield entry.contents
            entry = entry.contents.next
    finally:
        libc.freeifaddrs(first)


def is_tunnel(name: str) -> bool:
    """Tell whether an interface is a tunnel, by its name or its missing link layer. PPPoE is an access line, not a
    tunnel.
    """
    if is_windows():
        return any(word in name.casefold() for word in TUNNELS_OF_WINDOWS)
    if is_modem(name):
        return False
    if name.startswith("ppp"):
        return not _pppoe()
    return name.startswith(TUNNELS) or _link_layer(name) in {ARPHRD_NONE, ARPHRD_PPP}


def open_tunnels() -> list[str]:
    """Return the tunnels that have more than link-local addresses, each once. macOS keeps several without."""
    found = (name for name, address in listed() if not ipaddress.ip_address(address).is_link_local)
    return [name for name in dict.fromkeys(found) if is_tunnel(name)]


def virtual_switches() -> list[str]:
    """Return the interfaces that join containers and virtual machines to this computer, by their names, each once."""
    return [name for name in dict.fromkeys(name for name, _ in listed()) if name.casefold().startswith(VIRTUAL)]


def is_modem(name: str) -> bool:
    """Tell whether an interface is a modem for a mobile network, by its name."""
    return name.startswith(MODEMS)


def is_wireless(name: str) -> bool:
    """Tell whether an interface is a wireless one (Linux)."""
    return Path("/sys/class/net", name, "wireless").exists()


def _ifaddr() -> Any:
    """Return the library that asks Windows for its adapters (GetAdaptersAddresses), None elsewhere."""
    return system_module("ifaddr") if is_windows() else None


def _libc() -> Any:
    """Return the C library, None if it has no list of interfaces (Windows, Android before 7.0)."""
    try:
        library = ctypes.CDLL(None)
        return library if hasattr(library, "getifaddrs") else None
    except (OSError, TypeError):
        return None


def _address(raw: Any) -> str | None:
    """Return the address in a struct sockaddr. BSD has a length before the family, in the place of its first byte."""
    family = raw[0] | raw[1] << 8 if has_linux_kernel() and sys.byteorder == "little" else raw[1]
    if family == socket.AF_INET:
        return str(ipaddress.IPv4Address(bytes(raw[4:8])))
    if family == socket.AF_INET6:
        return str(ipaddress.IPv6Address(bytes(raw[8:24])))
    return None


def _hardware_address(raw: Any) -> str | None:
    """Return the MAC in a struct sockaddr_ll (Linux) or sockaddr_dl (BSD), where the interface's name precedes it."""
    if has_linux_kernel():
        family, length, begin = int.from_bytes(bytes(raw[0:2]), sys.byteorder), raw[11], 12
    else:
        family, length, begin = raw[1], raw[6], 8 + raw[5]
    if family != (AF_PACKET if has_linux_kernel() else AF_LINK) or length != MAC_LENGTH:
        return None
    return bytes(raw[begin : begin + length]).hex(":")


def _network_name(interface: str) -> str:
    """Return the name of the network of a wireless interface, "" if it uses none."""
    if (fcntl := system_module("fcntl")) is None:
        return ""
    buffer = ctypes.create_string_buffer(LONGEST_NETWORK_NAME)
    request = struct.pack("@16sPHH", interface.encode()[:15], ctypes.addressof(buffer), LONGEST_NETWORK_NAME, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            answer = fcntl.ioctl(sock.fileno(), SIOCGIWESSID, request)
        except OSError:
            return ""
    length = struct.unpack_from("@16sPHH", answer)[2]
    return buffer.raw[: min(length, LONGEST_NETWORK_NAME)].decode(errors="replace").strip("\0 ")


def _link_layer(name: str) -> int:
    """Return the kind of an interface's link layer (ARPHRD_…), 0 if unknown (not Linux, or Android)."""
    answer = _ask_interface(SIOCGIFHWADDR, name) if has_linux_kernel() else None
    return int(struct.unpack("=H", answer[16:18])[0]) if answer is not None else 0


def _pppoe() -> bool:
    try:
        return len(Path("/proc/net/pppoe").read_text().splitlines()) > 1  # the first row names the columns
    except OSError:
        return False


def _ask_interface(request: int, name: str) -> bytes | None:
    if (fcntl := system_module("fcntl")) is None:
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            return bytes(fcntl.ioctl(sock.fileno(), request, struct.pack("256s", name.encode()[:15])))
        except OSError:
            return None

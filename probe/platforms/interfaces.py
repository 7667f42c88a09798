"""Name the interface of a local address, and tell whether it is a tunnel, a modem or a radio link."""

import ctypes
import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from probe.platforms.systems import has_linux_kernel, is_windows, system_module

# linux/if_arp.h, linux/sockios.h
ARPHRD_PPP, ARPHRD_NONE = 512, 65534
SIOCGIFADDR, SIOCGIFHWADDR = 0x8915, 0x8927

TUNNELS = ("tun", "tap", "wg", "utun", "ppp", "ipsec", "nordlynx", "proton")
TUNNELS_OF_WINDOWS = ("wireguard", "wintun", "tap-windows", "openvpn", "vpn", "tunnel")  # in names of adapters
MODEMS = ("wwan", "rmnet", "ccmni", "pdp_ip")  # raw IP without a link layer, but no tunnel
_MOST = 4096  # interfaces and their addresses


class _Entry(ctypes.Structure):
    """Hold the first fields of struct ifaddrs (getifaddrs(3)), which all systems order alike."""


_Entry._fields_ = [
    ("next", ctypes.POINTER(_Entry)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("address", ctypes.POINTER(ctypes.c_ubyte)),
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
    """Yield each interface's name with each of its addresses. Nothing is sent. Windows names the adapters."""
    if (ifaddr := _ifaddr()) is not None:
        for adapter in ifaddr.get_adapters():
            for each in adapter.ips:  # IPv6 addresses are tuples: address, flow label, scope
                yield adapter.nice_name, each.ip if isinstance(each.ip, str) else each.ip[0]
        return
    libc = _libc()
    first = ctypes.POINTER(_Entry)()
    if libc is None or libc.getifaddrs(ctypes.byref(first)) != 0:
        return
    try:
        entry = first
        for _ in range(_MOST):
            if not entry:
                return
            found = entry.contents
            if found.address and (address := _address(found.address)) is not None:
                yield found.name.decode(errors="replace"), address
            entry = found.next
    finally:
        libc.freeifaddrs(first)


def is_tunnel(name: str) -> bool:
    """Tell whether an interface is a tunnel, by its name or its missing link layer. PPPoE is an access line, not a
    tunnel.
    """
    if is_windows():
        return any(word in name.casefold() for word in TUNNELS_OF_WINDOWS)
    if name.startswith(MODEMS):
        return False
    if name.startswith("ppp"):
        return not _pppoe()
    return name.startswith(TUNNELS) or _link_layer(name) in {ARPHRD_NONE, ARPHRD_PPP}


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

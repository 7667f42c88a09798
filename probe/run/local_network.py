"""Read facts about this machine's network without sending a packet: VPN, proxy settings, kind of resolver."""

import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Literal

ResolverClass = Literal["private", "isp", "public", "none"]

# linux/if_arp.h, linux/sockios.h
ARPHRD_PPP, ARPHRD_NONE = 512, 65534
SIOCGIFADDR, SIOCGIFHWADDR = 0x8915, 0x8927

TUNNELS = ("tun", "tap", "wg", "utun", "ppp", "ipsec", "nordlynx", "proton")
MODEMS = ("wwan", "rmnet", "ccmni")  # raw IP without a link layer, but no tunnel


def resolver_class(servers: list[str], public: Collection[str]) -> ResolverClass:
    """Classify the first system resolver. `public` has the addresses of well-known public resolvers."""
    if not servers:
        return "none"
    if servers[0] in public:
        return "public"
    return "isp" if ipaddress.ip_address(servers[0].partition("%")[0]).is_global else "private"


def proxy_in_environment() -> bool:
    """Tell whether a proxy is set for other programs. The probe uses none."""
    return any(os.environ.get(name) for scheme in ("http", "https", "all") for name in _spellings(f"{scheme}_proxy"))


def _spellings(name: str) -> tuple[str, str]:
    return name, name.upper()


def through_vpn(destinations: Collection[str]) -> bool:
    """Tell whether flows to one of the addresses would leave through a tunnel. False if unknown."""
    if not sys.platform.startswith("linux"):
        return False
    sources = [source for ip in destinations if (source := _source_for(ip)) is not None]
    return any(is_tunnel(name) for source in sources if (name := interface_of(source)) is not None)


def _source_for(ip: str) -> str | None:
    """Return the local address that the kernel would use. Connecting a datagram socket sends nothing."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((ip, 53))
            return str(sock.getsockname()[0])
    except OSError:
        return None


def interface_of(source: str) -> str | None:
    """Return the name of the interface with a local address (Linux)."""
    if ":" in source:
        return _interface_of_ipv6(source)
    for _, name in socket.if_nameindex():
        answer = _ask_interface(SIOCGIFADDR, name)
        if answer is not None and socket.inet_ntoa(answer[20:24]) == source:
            return name
    return None


def _interface_of_ipv6(source: str) -> str | None:
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        return None
    wanted = ipaddress.IPv6Address(source.partition("%")[0]).packed.hex()
    return next((line.split()[5] for line in lines if line.startswith(wanted)), None)


def is_tunnel(name: str) -> bool:
    """Tell whether an interface is a tunnel, by its name or its missing link layer. PPPoE is an access line, not a
    tunnel.
    """
    if name.startswith(MODEMS):
        return False
    if name.startswith("ppp"):
        return not _pppoe()
    answer = _ask_interface(SIOCGIFHWADDR, name)
    kind = struct.unpack("=H", answer[16:18])[0] if answer is not None else 0
    return name.startswith(TUNNELS) or kind in {ARPHRD_NONE, ARPHRD_PPP}


def _pppoe() -> bool:
    try:
        return len(Path("/proc/net/pppoe").read_text().splitlines()) > 1  # the first row names the columns
    except OSError:
        return False


def _ask_interface(request: int, name: str) -> bytes | None:
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            return fcntl.ioctl(sock.fileno(), request, struct.pack("256s", name.encode()[:15]))
        except OSError:
            return None

"""Read the addresses of this machine and of its router from the system, without sending a packet.

The C library lists the interfaces, and /proc the gateways. This takes 1 ms, where pyroute2 would block the event loop
for 0.2 s while it is imported.
"""

import ipaddress
import socket
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from probe.platforms.interfaces import is_modem, is_tunnel, link_addresses, listed
from probe.platforms.systems import is_windows


def interface_addresses() -> set[str]:
    """Return every address of every interface, loopback included. Empty if the system does not tell.

    On Windows without the library `ifaddr` the own name leads to the addresses, without a query.
    """
    return {address for _, address in listed()} or (_of_own_name() if is_windows() else set())


def source_addresses(destinations: Iterable[str]) -> list[str]:
    """Return the source addresses of flows to `destinations` (literals), in order. Connecting UDP sends nothing."""
    found = dict.fromkeys(source for ip in destinations if (source := _source(ip)) is not None)
    return list(found)


def forbidden_destinations(destinations: Iterable[str]) -> set[str]:
    """Return those of some addresses (literals) that a route of this system forbids. Connecting UDP sends nothing.

    Addresses of a family without any route are left out.
    """
    wanted = set(destinations)
    forbidden = {ip for ip in wanted if _source(ip) is None}
    families = {":" in ip for ip in wanted - forbidden}
    return {ip for ip in forbidden if (":" in ip) in families}


def gateways() -> set[str]:
    """Return the gateways in Linux's routing tables. Empty on other systems."""
    return set(_ipv4_gateways(_lines("/proc/net/route"))) | set(_ipv6_gateways(_lines("/proc/net/ipv6_route")))


def hardware_addresses() -> set[str]:
    """Return the hardware addresses (MAC) of this computer, and on Linux of its router and other devices near it."""
    return link_addresses() | {row[3] for row in _lines("/proc/net/arp")[1:] if len(row) > 3}


def local_gateways() -> set[str]:
    """Return the IPv4 gateways whose network is neither a tunnel nor a modem. Empty on other systems than Linux."""
    rows = [row for row in _lines("/proc/net/route")[1:] if row and not (is_tunnel(row[0]) or is_modem(row[0]))]
    return {ip for row in rows for ip in _ipv4_gateways([[], row])}


def _of_own_name() -> set[str]:
    try:
        found = socket.getaddrinfo(socket.gethostname(), None)
    except OSError:
        return set()
    return {str(entry[4][0]).partition("%")[0] for entry in found} | {"127.0.0.1", "::1"}


def _source(ip: str) -> str | None:
    try:
        with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((ip, 53))
            return str(sock.getsockname()[0])
    except OSError:
        return None


def _lines(path: str) -> list[list[str]]:
    try:
        return [line.split() for line in Path(path).read_text().splitlines()]
    except OSError:
        return []


def _ipv4_gateways(rows: list[list[str]]) -> Iterator[str]:
    for row in rows[1:]:  # the first row names the columns: Iface Destination Gateway …
        if len(row) > 2 and int(row[2], 16):
            yield str(ipaddress.IPv4Address(struct.pack("=I", int(row[2], 16))))


def _ipv6_gateways(rows: list[list[str]]) -> Iterator[str]:
    for row in rows:  # destination, prefix, source, prefix, next hop, …
        if len(row) > 4 and int(row[4], 16):
            yield str(ipaddress.IPv6Address(int(row[4], 16)))

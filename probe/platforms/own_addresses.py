"""Read the addresses of this machine and of its router from the system, without sending a packet.

Linux is asked with netlink and /proc, other systems with the C library. This takes 1 ms. pyroute2 works here without
root, but its import would block the event loop for 0.2 s. Its synchronous calls (0.9.7) fail inside a running loop.
"""

import ipaddress
import socket
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from probe.platforms.interfaces import listed
from probe.platforms.systems import is_windows

# linux/netlink.h, linux/rtnetlink.h, linux/if_addr.h
RTM_NEWADDR, RTM_GETADDR, NLMSG_ERROR, NLMSG_DONE = 20, 22, 2, 3
NLM_F_REQUEST_DUMP = 0x301
IFA_ADDRESS, IFA_LOCAL = 1, 2
HEADER, ADDRESS_MESSAGE, ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBBBI"), struct.Struct("=HH")


def interface_addresses() -> set[str]:
    """Return every address of every interface, loopback included. Empty if the system does not tell.

    Android refuses netlink to programs. On Windows the own name leads to the addresses, without a query.
    """
    try:
        return set(_dumped())
    except (AttributeError, OSError, struct.error):
        return {address for _, address in listed()} or (_of_own_name() if is_windows() else set())


def source_addresses(destinations: Iterable[str]) -> list[str]:
    """Return the source addresses of flows to `destinations` (literals), in order. Connecting UDP sends nothing."""
    found = dict.fromkeys(source for ip in destinations if (source := _source(ip)) is not None)
    return list(found)


def gateways() -> set[str]:
    """Return the gateways in Linux's routing tables. Empty on other systems."""
    return set(_ipv4_gateways(_lines("/proc/net/route"))) | set(_ipv6_gateways(_lines("/proc/net/ipv6_route")))


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


def _dumped() -> Iterator[str]:
    family, protocol = getattr(socket, "AF_NETLINK"), getattr(socket, "NETLINK_ROUTE")  # noqa: B009  # Linux only
    with socket.socket(family, socket.SOCK_RAW, protocol) as sock:
        sock.settimeout(1.0)
        sock.bind((0, 0))
        sock.send(HEADER.pack(HEADER.size + ADDRESS_MESSAGE.size, RTM_GETADDR, NLM_F_REQUEST_DUMP, 1, 0) + bytes(8))
        while True:
            for kind, body in _messages(sock.recv(1 << 16)):
                if kind in (NLMSG_DONE, NLMSG_ERROR):
                    return
                if kind == RTM_NEWADDR:
                    yield from _addresses(body)


def _messages(raw: bytes) -> Iterator[tuple[int, bytes]]:
    while len(raw) >= HEADER.size:
        length, kind, *_ = HEADER.unpack_from(raw)
        if length < HEADER.size:
            return
        yield kind, raw[HEADER.size : length]
        raw = raw[(length + 3) & ~3 :]


def _addresses(body: bytes) -> Iterator[str]:
    attributes = body[ADDRESS_MESSAGE.size :]
    while len(attributes) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(attributes)
        if length < ATTRIBUTE.size:
            return
        value = attributes[ATTRIBUTE.size : length]
        if kind in (IFA_ADDRESS, IFA_LOCAL) and len(value) in (4, 16):
            yield str(ipaddress.ip_address(value))
        attributes = attributes[(length + 3) & ~3 :]


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

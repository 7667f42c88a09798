"""Name what counts as one client of a server, and the networks that it shares with others."""

import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

Client = tuple[bytes, ...]
"""The prefixes of a client's address, narrowest first. The first one is the client, the others are its networks."""

LEVELS = {4: (4, 3, 2), 6: (8, 7, 6)}
"""Bytes of these prefixes: an IPv4 address, /24 and /16, an IPv6 /64, /56 and /48.

An access line has a /64 at least, commonly a /56, and at most a /48. So one client can use many /64 of one /48.
"""

UNKNOWN: Client = (b"",)  # all clients whose address is unknown, together


def parse_address(text: str) -> Address | None:
    """Parse an IP literal, without its zone. An IPv4-mapped address becomes the IPv4 address. None if it is none."""
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip


def client_at(address: str | None) -> Client:
    """Return the client at an address."""
    ip = parse_address(address or "")
    return UNKNOWN if ip is None else tuple(ip.packed[:size] for size in LEVELS[ip.version])

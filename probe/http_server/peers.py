"""Name what counts as one peer of a server: the address of a client, or its part that an access line has."""

import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

IPV6_PEER_BYTES = 7  # a /56, the smallest prefix that an access line commonly has


def parse_address(text: str) -> Address | None:
    """Parse an IP literal, without its zone. An IPv4-mapped address becomes the IPv4 address. None if it is none."""
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip


def peer_key(address: str | None) -> bytes:
    """Return what limits count as one peer: an IPv4 address (/32) or an IPv6 /56. Unknown addresses are one peer."""
    ip = parse_address(address or "")
    if ip is None:
        return b""
    return ip.packed if ip.version == 4 else ip.packed[:IPV6_PEER_BYTES]

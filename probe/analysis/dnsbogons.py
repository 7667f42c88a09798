"""Addresses that no public service can have: an answer that holds one is no answer (the list that OONI uses)."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_V4 = [
    ip_network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
_V6 = [
    ip_network(block)
    for block in (
        "::/96",
        "::ffff:0:0/96",
        "100::/64",
        "2001:10::/28",
        "2001:db8::/32",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
]


def is_bogon(text: str) -> bool:
    """Say whether an answer's address is a bogon; what is no address at all counts as one."""
    try:
        address = ip_address(text)
    except ValueError:
        return True
    if isinstance(address, IPv4Address):
        return _bogon_v4(address)
    return any(address in block for block in _V6) or _embeds_a_bogon(address)


def _bogon_v4(address: IPv4Address) -> bool:
    return any(address in block for block in _V4)


def _embeds_a_bogon(address: IPv6Address) -> bool:
    """6to4 (2002::/16) and Teredo (2001:0::/32) carry an IPv4 address inside."""
    inside = [address.sixtofour] if address.sixtofour else list(address.teredo or ())
    return any(_bogon_v4(part) for part in inside[:1])

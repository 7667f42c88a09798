"""Bogons: addresses that no public service can have, as OONI counts them.

Source: the list that OONI's engine takes from https://ipinfo.io/bogon (reference: ooni.md 2.8).
"""

import ipaddress
from functools import lru_cache

_LONGEST = 64  # characters of an address that is remembered: junk may be of any length
_V4 = [
    ipaddress.IPv4Network(net)
    for net in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
        *("192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4"),
        "240.0.0.0/4",
    )
]
_V6 = [
    ipaddress.IPv6Network(net)
    for net in (
        *("::/128", "::1/128", "::ffff:0:0/96", "::/96", "100::/64", "2001:10::/28", "2001:db8::/32"),
        *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
]
_EMBEDDED = [net for net in _V4 if net != ipaddress.IPv4Network("100.64.0.0/10")]  # OONI's list leaves it out


_MADE_UP = ipaddress.IPv4Network("198.18.0.0/15")  # RFC 2544: for tests of devices


def is_made_up(address: str) -> bool:
    """Say whether `address` is of the range that VPN and proxy programs hand out in place of every name's own."""
    try:
        return ipaddress.ip_address(address) in _MADE_UP
    except ValueError:
        return False


def is_bogon(address: str) -> bool:
    """Say whether `address` is a bogon; a string that is no IP literal counts as one."""
    return _remembered(address) if len(address) <= _LONGEST else _judged(address)


@lru_cache(maxsize=4096)
def _remembered(address: str) -> bool:
    return _judged(address)


def _judged(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return True
    if isinstance(ip, ipaddress.IPv4Address):
        return any(ip in net for net in _V4)
    return any(ip in net for net in _V6) or _embeds_bogon(ip)


def _embeds_bogon(ip: ipaddress.IPv6Address) -> bool:
    """6to4 holds an IPv4 address after 2002:, Teredo its server's after 2001:0:."""
    if ip.packed[:2] == b"\x20\x02":
        inner = ipaddress.IPv4Address(ip.packed[2:6])
    elif ip.packed[:4] == b"\x20\x01\x00\x00":
        inner = ipaddress.IPv4Address(ip.packed[4:8])
    else:
        return False
    return any(inner in net for net in _EMBEDDED)

"""Recognise bogons: addresses that no public service can have, as OONI's engine defines them.

Source: https://ipinfo.io/bogon, the list in OONI's engine (read 2026-11-24).
"""

import ipaddress
from functools import lru_cache

from probe.formats.plain_json import SCRUBBED

_LONGEST = 64  # characters of a cached address, because junk may have any length
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
_EMBEDDED = [net for net in _V4 if net != ipaddress.IPv4Network("100.64.0.0/10")]  # not in OONI's list


_MADE_UP = ipaddress.IPv4Network("198.18.0.0/15")  # RFC 2544: device tests


def is_made_up(address: str) -> bool:
    """Return whether `address` is in the range that VPN and proxy programs return for every name."""
    try:
        return ipaddress.ip_address(address) in _MADE_UP
    except ValueError:
        return False


def is_bogon(address: str) -> bool:
    """Return whether `address` is a bogon. A string that is no IP literal counts as one.

    A redacted address is none. A false helper can name any address as the user's, and its redaction must not accuse.
    """
    if address == SCRUBBED:
        return False
    return _cached(address) if len(address) <= _LONGEST else _is_in_list(address)


@lru_cache(maxsize=4096)
def _cached(address: str) -> bool:
    return _is_in_list(address)


def _is_in_list(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return True
    if isinstance(ip, ipaddress.IPv4Address):
        return any(ip in net for net in _V4)
    return any(ip in net for net in _V6) or _embeds_bogon(ip)


def _embeds_bogon(ip: ipaddress.IPv6Address) -> bool:
    """Check the IPv4 address in 6to4 (2002::/16, RFC 3056) and that of the Teredo server (2001::/32, RFC 4380)."""
    if ip.packed[:2] == b"\x20\x02":
        inner = ipaddress.IPv4Address(ip.packed[2:6])
    elif ip.packed[:4] == b"\x20\x01\x00\x00":
        inner = ipaddress.IPv4Address(ip.packed[4:8])
    else:
        return False
    return any(inner in net for net in _EMBEDDED)


_HOME, _SHARED = ipaddress.IPv4Network("192.168.0.0/16"), ipaddress.IPv4Network("100.64.0.0/10")


def is_of_home(address: str) -> bool:
    """Return whether an address is one that only networks of users have. Providers use the other private ones too."""
    found = ipaddress.ip_address(address)
    return isinstance(found, ipaddress.IPv4Address) and found in _HOME


def is_of_provider(address: str) -> bool:
    """Return whether a router with this IPv4 address belongs to a provider: a public or shared one (RFC 6598)."""
    found = ipaddress.ip_address(address)
    return isinstance(found, ipaddress.IPv4Address) and (found.is_global or found in _SHARED)

"""Which addresses a helper is told: public ones, that the probe resolved."""

import ipaddress
from collections.abc import Mapping

MOST_ADDRESSES = 16  # per name, as our helper accepts


def sendable(addresses: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The addresses that a helper accepts: public ones, at most 16 per name. A bogon is no use to it."""
    public = {name: [ip for ip in ips if is_public(ip)][:MOST_ADDRESSES] for name, ips in addresses.items()}
    return {name: ips for name, ips in public.items() if ips}


def is_public(address: str) -> bool:
    """Say whether `address` is an IP literal of the public internet."""
    ip = parsed(address)
    return ip is not None and ip.is_global and not ip.is_multicast


def parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, None if it is none."""
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None

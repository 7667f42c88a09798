"""Select the addresses that are sent to a helper: public ones that the probe resolved."""

import ipaddress
from collections.abc import Mapping

MOST_ADDRESSES = 16  # per name, the most that our helper accepts


def sendable(addresses: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the public addresses, at most 16 per name. A helper accepts no others."""
    public = {name: [ip for ip in ips if is_public(ip)][:MOST_ADDRESSES] for name, ips in addresses.items()}
    return {name: ips for name, ips in public.items() if ips}


def is_public(address: str) -> bool:
    """Tell whether `address` is an IP literal of the public Internet."""
    ip = parsed(address)
    return ip is not None and ip.is_global and not ip.is_multicast


def parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the parsed address, or None."""
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None

"""Select the addresses that are sent to a helper: public ones that the probe resolved."""

import ipaddress
from collections.abc import Mapping

from probe.targets.address_guard import Contacts, may_contact

MOST_ADDRESSES = 16  # per name, the most that our helper accepts


def sendable(addresses: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the public addresses, at most 16 per name. A helper accepts no others."""
    public = {name: [ip for ip in ips if may_contact(ip, Contacts.PUBLIC)] for name, ips in addresses.items()}
    return {name: ips[:MOST_ADDRESSES] for name, ips in public.items() if ips}


def parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None

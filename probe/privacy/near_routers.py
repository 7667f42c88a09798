"""Select the routers that may be recorded: none that shows where in a network the user is (P6).

The first routers belong to the user, the building or the provider in that street. The first router with a public
address may be the home router, and the second one may serve only a few thousand customers. Neither is recorded, nor
are their neighbours. If the user withholds the network, no router is recorded, because its address would identify it.
"""

import ipaddress
from collections.abc import Iterable

NEAR = 2  # routers with public addresses, counted from the user, that are never recorded
_NEIGHBOURS = {4: 24, 6: 48}  # prefix length that routers of one site may share


def writable_hops(found: Iterable[tuple[int, str]], *, network_withheld: bool = False) -> dict[int, str]:
    """Return the addresses that may be recorded, by TTL. `found` has pairs of TTL and the address that answered."""
    public = sorted((ttl, ip) for ttl, ip in found if _is_public(ip))
    if network_withheld:
        return {}
    near = {_site(ip) for _, ip in _first_of(public)}
    return {ttl: ip for ttl, ip in public if _site(ip) not in near}


def _first_of(public: list[tuple[int, str]]) -> list[tuple[int, str]]:
    distances = sorted({ttl for ttl, _ in public})[:NEAR]
    return [(ttl, ip) for ttl, ip in public if ttl in distances]


def _is_public(ip: str) -> bool:
    address = ipaddress.ip_address(ip)
    return address.is_global and not address.is_multicast


def _site(ip: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    bits = _NEIGHBOURS[ipaddress.ip_address(ip).version]
    return ipaddress.ip_network(f"{ip}/{bits}", strict=False)

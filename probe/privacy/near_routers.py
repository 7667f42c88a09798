"""Which routers may be written down: none that tells where in a network the volunteer lives (design law 6).

The first routers are the volunteer's own, the building's and the provider's in that street; the first with a public
address may be the home router itself, the second the one that serves a few thousand households. So neither is written,
nor any of their neighbours; and where the volunteer withholds their network, no router is: its address would tell it.
"""

import ipaddress
from collections.abc import Iterable

NEAR = 2  # routers with public addresses, counted from the volunteer, that are never written
_NEIGHBOURS = {4: 24, 6: 48}  # bits of an address that routers of one place may share


def writable_hops(found: Iterable[tuple[int, str]], *, network_withheld: bool = False) -> dict[int, str]:
    """TTL → address, of those routers that may be written. `found`: pairs of TTL and the address that answered."""
    public = sorted((ttl, ip) for ttl, ip in found if _is_public(ip))
    if network_withheld:
        return {}
    near = {_place(ip) for _, ip in _first_of(public)}
    return {ttl: ip for ttl, ip in public if _place(ip) not in near}


def _first_of(public: list[tuple[int, str]]) -> list[tuple[int, str]]:
    distances = sorted({ttl for ttl, _ in public})[:NEAR]
    return [(ttl, ip) for ttl, ip in public if ttl in distances]


def _is_public(ip: str) -> bool:
    address = ipaddress.ip_address(ip)
    return address.is_global and not address.is_multicast


def _place(ip: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    bits = _NEIGHBOURS[ipaddress.ip_address(ip).version]
    return ipaddress.ip_network(f"{ip}/{bits}", strict=False)

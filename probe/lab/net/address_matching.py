"""Match addresses against a list of addresses and prefixes, fast enough for each packet."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from probe.lab.net.crafting import packed


def network_of(address: bytes) -> bytes:
    """Return the first bytes of an address: a /24 of IPv4, a /48 of IPv6."""
    return address[: 3 if len(address) == 4 else 6]


class Covers:
    """Hold addresses and prefixes, for `address in covers` with an address of 4 or 16 bytes.

    `listed` are texts such as `1.2.3.4`, `1.2.0.0/16` and `2001:db8::/32`.
    """

    def __init__(self, listed: Iterable[str]) -> None:
        items = list(listed)
        self._exact = {packed(item) for item in items if "/" not in item}
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(item) for item in items if "/" in item]
        self._cached = lru_cache(maxsize=4096)(self._in_a_network)

    def __contains__(self, address: bytes) -> bool:
        return address in self._exact or (bool(self._networks) and self._cached(address))

    def _in_a_network(self, address: bytes) -> bool:
        return any(ip_address(address) in network for network in self._networks)

"""Find a translator from IPv6 to IPv4 (NAT64) by a DNS answer, and write IPv4 addresses for it (RFC 6052, RFC 7050)."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from probe.targets.address_guard import POSITIONS, address_at

KNOWN_NAME = "ipv4only.arpa"  # RFC 7050, 8.1. It has IPv4 addresses alone, so an IPv6 address of it is a translator's.
KNOWN_ADDRESSES = frozenset({IPv4Address("192.0.0.170"), IPv4Address("192.0.0.171")})  # RFC 7050, 8.2


@dataclass(frozen=True)
class TranslatorPrefix:
    """Hold the prefix of a translator. Behind it stands the IPv4 address, and then zeros (RFC 6052, 2.2)."""

    network: IPv6Network

    @property
    def _positions(self) -> tuple[int, ...]:
        return POSITIONS[self.network.prefixlen]

    def embed(self, address: str) -> str:
        """Return the IPv6 address that leads to an IPv4 address through the translator."""
        written = bytearray(self.network.network_address.packed)
        for position, byte in zip(self._positions, IPv4Address(address).packed, strict=True):
            written[position] = byte
        return str(IPv6Address(bytes(written)))

    def extract(self, address: str) -> str | None:
        """Return the IPv4 address to which the translator sends packets for `address`, None for any other address."""
        found = ip_address(address.partition("%")[0])
        if isinstance(found, IPv4Address) or found not in self.network:
            return None
        inner = str(address_at(found, self._positions))
        return inner if self.embed(inner) == str(found) else None


def prefix_in(addresses: Iterable[str]) -> TranslatorPrefix | None:
    """Return the prefix of the translator that the IPv6 addresses of `KNOWN_NAME` show, None without one.

    Each of the addresses must have one of the known IPv4 addresses behind the same prefix (RFC 7050, 3).
    """
    found = [IPv6Address(address) for address in addresses if ":" in address]
    for length, positions in reversed(POSITIONS.items()):
        prefixes = {IPv6Network((each, length), strict=False) for each in found}
        if len(prefixes) == 1 and all(address_at(each, positions) in KNOWN_ADDRESSES for each in found):
            return TranslatorPrefix(prefixes.pop())
    return None

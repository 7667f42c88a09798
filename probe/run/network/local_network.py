"""Read facts about this machine's network without sending a packet: VPN, proxy settings, kind of resolver."""

import ipaddress
import os
from collections.abc import Collection
from typing import Literal

from probe.formats.facts import Translation
from probe.platforms.interfaces import interface_of, is_tunnel, recognizes_every_tunnel
from probe.platforms.own_addresses import source_addresses

ResolverClass = Literal["private", "isp", "public", "none"]
TRANSLATORS = ipaddress.IPv4Network("192.0.0.0/29")  # RFC 7335: addresses of a translator's side with IPv4


def resolver_class(servers: list[str], public: Collection[str]) -> ResolverClass:
    """Classify the first system resolver. `public` has the addresses of well-known public resolvers."""
    if not servers:
        return "none"
    if servers[0] in public:
        return "public"
    return "isp" if ipaddress.ip_address(servers[0].partition("%")[0]).is_global else "private"


def proxy_in_environment() -> bool:
    """Tell whether a proxy is set for other programs. The probe uses none."""
    return any(os.environ.get(name) for scheme in ("http", "https", "all") for name in _spellings(f"{scheme}_proxy"))


def _spellings(name: str) -> tuple[str, str]:
    return name, name.upper()


def through_vpn(destinations: Collection[str]) -> bool | None:
    """Tell whether most flows over a family would leave through a tunnel. None if the system does not tell.

    `destinations` are addresses of several operators. A tunnel for some addresses alone, such as that of a company or
    of one resolver, is no reason to refuse. An interface that translates IPv4 into IPv6 is no tunnel, because its
    packets leave where those of IPv6 do.
    """
    sources = [source for ip in destinations for source in source_addresses([ip])]
    translating = _translating_sources(sources)
    for family in (4, 6):
        tunnelled = [source not in translating and _is_tunnelled(source) for source in _of_family(sources, family)]
        if 2 * sum(tunnelled) > len(tunnelled):
            return True
    return False if recognizes_every_tunnel() else None


def _of_family(sources: Collection[str], family: int) -> list[str]:
    return [source for source in sources if (":" in source) == (family == 6)]


def _translating_sources(sources: Collection[str]) -> set[str]:
    """Return those of our own addresses that belong to a translator, such as the interface `clat` or `v4-rmnet0`.

    The translator needs IPv6. If that leaves through a tunnel too, or is missing, the interface counts as any other.
    """
    sixth = [source for source in sources if ":" in source]
    if not sixth or any(map(_is_tunnelled, sixth)):
        return set()
    return {source for source in sources if ":" not in source and ipaddress.IPv4Address(source) in TRANSLATORS}


def _is_tunnelled(source: str) -> bool:
    name = interface_of(source)
    return name is not None and is_tunnel(name)


def tunnels_to(destinations: Collection[str]) -> dict[str, str]:
    """Return the tunnel through which packets to an address would leave, for those addresses that have one.

    Companies and security services make tunnels for some addresses alone. So do VPNs that let the user choose apps.
    """
    found = {}
    for ip in destinations:
        for source in source_addresses([ip]):
            name = interface_of(source)
            if name is not None and is_tunnel(name):
                found[ip] = name
    return found


def translation(destinations: Collection[str], *, by_probe: bool) -> Translation | None:
    """Return how IPv4 addresses are reached over a line with IPv6 alone, None where IPv4 has its own way."""
    if by_probe:
        return "nat64"
    return "clat" if _translating_sources(source_addresses(destinations)) else None

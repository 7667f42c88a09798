"""Read facts about this machine's network without sending a packet: VPN, proxy settings, kind of resolver."""

import ipaddress
import os
from collections.abc import Collection
from typing import Literal

from probe.platforms.interfaces import interface_of, is_tunnel, recognizes_every_tunnel
from probe.platforms.own_addresses import source_addresses

ResolverClass = Literal["private", "isp", "public", "none"]


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
    """Tell whether flows to one of the addresses would leave through a tunnel. None if the system does not tell."""
    names = (interface_of(source) for source in source_addresses(destinations))
    if any(name is not None and is_tunnel(name) for name in names):
        return True
    return False if recognizes_every_tunnel() else None

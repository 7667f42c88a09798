"""Define when hellos of one run crowd a network, for probe and analysis alike.

Some networks in Russia drop the connections of a client that has many TLS connections to one network open
(https://github.com/net4people/bbs/issues/546, opened 2026-11-28).
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

CROWD = 3
"""Other connections to the same network with the same kind of hello, from which a failure may come from policing."""

RUN_CROWD = 3
"""Other connections of the run to any network, from which a server's silence may come from a limit of its operator."""

CLEARLY_LATER = 0.05
"""Seconds after a hello, when a packet that is sent does not overtake it any more."""

SOON = 20.0
"""Seconds after an unanswered hello, in which a policer of one minute has not forgotten it."""

COOL_DOWN = 70.0
"""Seconds without such a hello, after which a policer of one minute has forgotten the earlier ones."""


@lru_cache(4096)
def network_of(address: str) -> str:
    """Return the first address of the /24 (IPv4) or /48 (IPv6) of an address."""
    ip = ip_address(address.partition("%")[0])
    bits = 8 if ip.version == 4 else 80
    first = int(ip) >> bits << bits
    return str(IPv4Address(first) if ip.version == 4 else IPv6Address(first))

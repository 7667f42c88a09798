"""Describe an emulated Internet as plain data: the path, the censors on it and all addresses.

Hops. Hop 1 is the home router. `path.before` hops (hop 1 included) precede the hop of the censor, `path.censor_hop`.
`path.after` hops follow it, and the servers are behind hop `path.hops`. By default: 1 2 3, 4, 5 6. A packet that a
server sends with TTL 64 arrives at the user with TTL 64 - `path.hops`.

Addresses. Servers, user and helper have their real, public addresses in the lab. Between home router and servers, the
user's IPv4 packets have the source address `home_public_v4`. A censor sees this address and must use it.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, Protocol

from probe.lab.net.packets import Packet
from probe.targets.translator_prefix import TranslatorPrefix

NoIPv6How = Literal["absent", "silent"]
NoNetworkHow = Literal["silent", "unreachable", "unplugged"]
LocalFilterHow = Literal[
    "reset", "port_unreachable", "prohibited", "drop", "route_prohibit", "route_unreachable", "route_blackhole"
]


class Direction(Enum):
    """Name the direction of a packet: OUT from the user to the servers, IN back to the user."""

    OUT = "out"
    IN = "in"


@dataclass(frozen=True)
class Actions:
    """Hold what a censor does about one packet.

    `to_client`, `to_server`: pairs of (delay in seconds, whole IP packet), sent from the censor's hop in that
    direction. They leave with the TTL that the censor wrote, and this censor does not see them again.
    """

    forward: bool = True  # False: hold the packet back (honoured in-path only)
    replace: bytes | None = None  # forward this packet instead (in-path only)
    to_client: Sequence[tuple[float, bytes]] = ()
    to_server: Sequence[tuple[float, bytes]] = ()


class Censor(Protocol):
    """Define a censor on a hop. It uses no socket and no clock (P9). `now` is in seconds, monotonic."""

    hop: int  # >= 1. It sees packets before this router decrements the TTL
    on_path: bool  # True: sees a copy and can only inject. False: holds the packet
    begins: float  # seconds from the first packet on the path, during which it does nothing

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do about `packet`, None for nothing."""


@dataclass(frozen=True)
class PathConfig:
    """Describe a path: round trip, and in each direction loss (0 to 1), rate and queue of the access line."""

    rtt_ms: float = 20
    loss: float = 0.0
    rate_kbit: float | None = None
    queue_ms: float = 300  # longest queue of an access line with a rate. It drops what does not fit.
    before: int = 3
    after: int = 2
    silent: Sequence[int] = ()  # routers that send no ICMP time exceeded
    parallel: Sequence[int] = ()  # hops with two routers. Half of all flows pass the one that sends no ICMP error
    icmp_per_second: float | None = None  # limit of ICMP errors of each other router
    icmp_share: float = 1.0  # share of expired packets that each other router reports
    quoted: int | None = None  # bytes behind the IP header in ICMP errors. None: what fits in 576 bytes, as Linux does
    mtu: int | None = None  # bytes. Longer IP packets are lost between hops 1 and 2, and no router reports it
    mtu_family: Literal[4, 6] | None = None  # the other family has no such limit. None: both have it
    mtu_direction: Literal["both", "out", "in"] = "both"

    @property
    def censor_hop(self) -> int:
        """Return the hop of a censor without a `hop` of its own."""
        return self.before + 1

    @property
    def hops(self) -> int:
        """Return the number of routers between user and servers, the home router included."""
        return self.before + 1 + self.after

    @property
    def segment(self) -> float:
        """Return the one-way delay between two hops, in seconds."""
        return self.rtt_ms / 2000 / (self.hops + 1)


@dataclass(frozen=True)
class Outage:
    """Describe addresses that are down for a time. The times are seconds from the run's first packet.

    The first packet from the user to any address except the helper's and the router's begins the run. `questions`:
    the user's connections to the helper after which they are back, 0 if this does not end it. `every`: seconds from one
    outage to the next, infinite for a single one.
    """

    addresses: Sequence[str]
    how: Literal["silent", "refused"]
    after: float = 0.0
    until: float = math.inf
    questions: int = 0
    every: float = math.inf


@dataclass(frozen=True)
class RateOfConnections:
    """Describe a limit of servers. They reset each connection of a client above `most` in `seconds`.

    `per`: what has a count of its own. `at`: the packet that is answered by the reset. `renews`: refused connections
    count too. `spared`: clients without a limit.
    """

    addresses: Sequence[str]
    most: int
    seconds: float
    at: Literal["connect", "data"]
    per: Literal["address", "network", "all"] = "address"
    renews: bool = False
    spared: Sequence[str] = ()


@dataclass(frozen=True)
class ProtectionFromBursts:
    """Describe protection against scans and floods. It bans a client that sends more than `most` in `seconds`.

    `counts`: new flows, different pairs of address and port, different addresses, or DNS queries. `how`: what a banned
    client gets for `ban` seconds. `on_line`: it is on the user's access line, and covers all addresses. Packets of
    other `transports` neither count nor are stopped.
    """

    addresses: Sequence[str]
    most: int
    seconds: float
    ban: float
    counts: Literal["connections", "ports", "hosts", "queries"]
    how: Literal["refuse", "reset", "drop"]
    on_line: bool = False
    spared: Sequence[str] = ()
    transports: Sequence[Literal["tcp", "udp"]] = ("tcp", "udp")


@dataclass(frozen=True)
class Cut:
    """Describe when the user's network is cut off. The times are as in `Outage`."""

    how: Literal["silent", "unreachable"]
    after: float
    until: float = math.inf
    every: float = math.inf


@dataclass(frozen=True)
class TranslatedLine:
    """Describe a user's network without IPv4. The home router translates packets to `prefix` into IPv4 (NAT64).

    `interface`: a translator on the user's computer (464XLAT, RFC 6877) that gives other programs IPv4, "" for none.
    `address` is its IPv4 address, `public_v4` the address of its flows behind the router. Packets to the IPv6
    addresses in `passes` are translated also while the translator is down (`works` is false).
    """

    prefix: TranslatorPrefix
    interface: str = ""
    address: str = "192.0.0.4"  # RFC 7335
    public_v4: str = "192.88.99.78"
    works: bool = True
    passes: Sequence[str] = ()


@dataclass(frozen=True)
class FirewallRule:
    """Describe what a firewall on the user's own computer does to the packets that it sends to some addresses.

    A filter by route knows neither protocols nor ports. `ports` are destination ports, empty for all.
    """

    addresses: Sequence[str]
    how: LocalFilterHow
    protocols: Sequence[Literal["tcp", "udp"]] = ("tcp", "udp")
    ports: Sequence[int] = ()


def _home_address(seed: int) -> str:
    return f"192.168.1.{random.Random(f'home {seed}').randrange(20, 240)}"


@dataclass
class FabricConfig:
    """Describe the whole emulated Internet. Addresses are text. `dead` and `unreachable` also take prefixes.

    Each of `servers` is one address, assigned in the servers' namespace. A packet to an unknown address is dropped
    behind the last hop. If `unreachable` contains the address, this hop sends ICMP unreachable instead. Packets to
    `dead` addresses are dropped, even if a server has the address.
    """

    servers: Sequence[str] = ()
    path: PathConfig = field(default_factory=PathConfig)
    censors: Sequence[Censor] = ()
    seed: int = 0

    home_interface: str = "eth0"
    home_address: str = ""  # "": 192.168.1.x drawn by seed
    home_public_v4: str = "192.88.99.77"
    home_v6: str = "3c00:88:99:77::1:5"  # in a /64 of its own, routed, no NAT
    router_v4: str = "192.168.1.1"
    router_v6: str = "3c00:88:99:77::1"
    home_router_dns: str = ""  # the ISP resolver to which the router forwards DNS. "": it drops DNS
    nat_keeps_ports: bool = True
    nat_rebinds_after: float = math.inf  # seconds after which a UDP flow gets another port

    helper_v4: str = "192.88.99.200"
    helper_v6: str = "3c00:88:99:200::5"
    helper_path: PathConfig = field(default_factory=lambda: PathConfig(rtt_ms=10))
    helper_censors: Sequence[Censor] = ()
    home_resolver: str = ""  # nameserver in the user's resolv.conf. "": the home router
    home_hosts: str = ""  # further lines of the user's hosts file
    home_assigned: str = ""  # nameserver in the lease of the user's interface. "": there is no lease
    helper_resolver: str = ""  # nameserver in the helper's resolv.conf
    outside_resolver: str = ""  # nameserver in the servers' resolv.conf

    hop_v4: str = "10.9.{hop}.1"  # from hop 2 on. Hop 1 is the router
    hop_v6: str = "3c00:9:{hop}::1"
    helper_hop_v4: str = "10.19.{hop}.1"
    helper_hop_v6: str = "3c00:19:{hop}::1"

    dead: Sequence[str] = ()
    outages: Sequence[Outage] = ()
    connection_rates: Sequence[RateOfConnections] = ()
    burst_protection: Sequence[ProtectionFromBursts] = ()
    unreachable: Sequence[str] = ()
    ipv6_alone: TranslatedLine | None = None
    no_ipv6: NoIPv6How | None = None  # "absent": no address, no route. "silent": both, but no answer
    no_network: NoNetworkHow | None = None  # "unreachable": by ICMP. "unplugged": no route
    cuts: Sequence[Cut] = ()
    local_filters: Sequence[FirewallRule] = ()  # of the user's own computer

    files: dict[str, str] = field(default_factory=dict)  # path below the lab's /run or /tmp, and content
    record: str | None = None  # a pcap file of the link between hop 1 and hop 2
    wires: Literal["auto", "tun", "veth"] = "auto"

    def __post_init__(self) -> None:
        self.home_address = self.home_address or _home_address(self.seed)
        for censor in (*self.censors, *self.helper_censors):
            path = self.path if censor in self.censors else self.helper_path
            if not 1 <= censor.hop <= path.hops:
                raise ValueError(f"a censor on hop {censor.hop}, but the path has hops 1 to {path.hops}")

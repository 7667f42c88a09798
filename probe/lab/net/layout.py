"""What an emulated internet looks like: the path, who sits on it, and everybody's addresses. Plain data, picklable.

Hops. Hop 1 is the home router; `path.before` hops (it included) come before the place of the usual censor, hop
`path.censor_hop`; `path.after` hops follow it; behind hop `path.hops` stand the servers. By default: 1 2 3, 4, 5 6.
What a server sends with TTL 64 arrives at home with 64 - `path.hops`.

Addresses. Servers, home and helper have their real, public addresses inside the lab. Between home router and servers
the volunteer's IPv4 packets carry `home_public_v4`; that is what a censor sees and what it has to write.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, Protocol

from probe.lab.net.packets import Packet

NoIPv6How = Literal["absent", "silent"]
NoNetworkHow = Literal["silent", "unreachable", "unplugged"]


class Direction(Enum):
    """OUT: from the volunteer towards the servers. IN: back."""

    OUT = "out"
    IN = "in"


@dataclass(frozen=True)
class Actions:
    """What a censor wants done about one packet.

    `to_client`, `to_server`: pairs of (delay in seconds, full IP packet), sent from the censor's hop in that direction.
    They start with the TTL that the censor wrote, lose one at each further router, and are not shown to this censor
    again.
    """

    forward: bool = True  # False: hold the packet back (honoured in-path only)
    replace: bytes | None = None  # forward this packet instead (in-path only)
    to_client: Sequence[tuple[float, bytes]] = ()
    to_server: Sequence[tuple[float, bytes]] = ()


class Censor(Protocol):
    """Something that stands on a hop. It touches no socket and no clock; `now` is in seconds, monotonic."""

    hop: int  # >= 1; it sees what arrives at that router, before the router takes one off the TTL
    on_path: bool  # True: it sees a copy and can only race; False: it stands in the way

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""


@dataclass(frozen=True)
class PathConfig:
    """One path: round trip in milliseconds, loss per one-way traversal (0 to 1), the access line's rate each way."""

    rtt_ms: float = 20
    loss: float = 0.0
    rate_kbit: float | None = None
    before: int = 3
    after: int = 2
    silent: Sequence[int] = ()  # routers that send no ICMP time exceeded
    icmp_per_second: float | None = None  # how many each of the others sends at most; the first always

    @property
    def censor_hop(self) -> int:
        """Where a censor stands unless it says otherwise."""
        return self.before + 1

    @property
    def hops(self) -> int:
        """The number of routers between the volunteer and a server, the home router included."""
        return self.before + 1 + self.after

    @property
    def segment(self) -> float:
        """Seconds from one hop to the next, one way."""
        return self.rtt_ms / 2000 / (self.hops + 1)


def _home_address(seed: int) -> str:
    return f"192.168.1.{random.Random(f'home {seed}').randrange(20, 240)}"


@dataclass
class FabricConfig:
    """The whole emulated internet. Addresses are text; `servers`, `dead` and `unreachable` take addresses and prefixes.

    `servers` are assigned inside `outside` one by one, so list each of them as an address. A packet to an address that
    is neither a server's nor the helper's is dropped without a word behind the last hop, or answered by that hop with
    ICMP unreachable where `unreachable` covers it. `dead` servers never answer, whatever listens there.
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
    home_router_dns: str = ""  # the ISP resolver to which DNS sent to the router goes; "": the router drops it
    nat_keeps_ports: bool = True

    helper_v4: str = "192.88.99.200"
    helper_v6: str = "3c00:88:99:200::5"
    helper_path: PathConfig = field(default_factory=lambda: PathConfig(rtt_ms=10))
    helper_censors: Sequence[Censor] = ()
    helper_resolver: str = ""  # nameserver in the helper's resolv.conf
    outside_resolver: str = ""  # nameserver in the servers' resolv.conf

    hop_v4: str = "10.9.{hop}.1"  # hops from 2 on; hop 1 is the router
    hop_v6: str = "3c00:9:{hop}::1"
    helper_hop_v4: str = "10.19.{hop}.1"
    helper_hop_v6: str = "3c00:19:{hop}::1"

    dead: Sequence[str] = ()
    unreachable: Sequence[str] = ()
    no_ipv6: NoIPv6How | None = None  # "absent": no address and no route at home; "silent": both, and no word back
    no_network: NoNetworkHow | None = None  # "unreachable": so says the router; "unplugged": nothing leads to it

    files: dict[str, str] = field(default_factory=dict)  # path below /run or /tmp of the lab → text
    record: str | None = None  # a pcap file of everything that passes between home router and the first hop beyond
    wires: Literal["auto", "tun", "veth"] = "auto"

    def __post_init__(self) -> None:
        self.home_address = self.home_address or _home_address(self.seed)
        for censor in (*self.censors, *self.helper_censors):
            path = self.path if censor in self.censors else self.helper_path
            if not 1 <= censor.hop <= path.hops:
                raise ValueError(f"a censor on hop {censor.hop}, but the path has hops 1 to {path.hops}")

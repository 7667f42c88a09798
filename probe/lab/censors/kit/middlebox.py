"""Define the base classes of censors: where they stand, what they know of the lab, and how they register."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from probe.lab.censors.kit.name_patterns import NO_SERVER, is_of, matches
from probe.lab.censors.kit.wire_test import WireTest
from probe.lab.net.address_matching import Covers
from probe.lab.net.crafting import packed
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet

DROP = Actions(forward=False)
CLASSES: dict[str, type["Middlebox"]] = {}


@dataclass(frozen=True)
class Deployment:
    """Hold what a censor knows of the lab's servers. Addresses are text, and services are written as "target/role"."""

    hop: int = 4  # used if the scenario names no hop
    seed: int = 0
    zone: Mapping[str, Sequence[str]] = field(default_factory=dict)  # host name: addresses
    services: Mapping[str, Sequence[str]] = field(default_factory=dict)  # service: addresses
    resolvers: Sequence[str] = ()  # the provider's
    helper: Sequence[str] = ()
    intercepting_servers: Mapping[str, str] = field(default_factory=dict)  # real address: intercepting server's
    router_v4: str = "10.9.4.1"  # source addresses of the censor's ICMP errors
    router_v6: str = "3c00:9:4::1"

    def router(self, version: int) -> str:
        """Return the source address of the censor's ICMP errors, of IP version 4 or 6."""
        return self.router_v6 if version == 6 else self.router_v4

    def addresses_of(self, patterns: Iterable[str]) -> list[str]:
        """Return the addresses of all hosts whose names match."""
        wanted = list(patterns)
        return [ip for name, addresses in self.zone.items() if matches(name, wanted) for ip in addresses]

    def addresses_of_service(self, wanted: str) -> list[str]:
        """Return the addresses of a service, or of all services of a target ("telegram/*").

        Raises ValueError if the lab has no server for it, because then the scenario would do nothing.
        """
        found = [ip for service, addresses in self.services.items() if is_of(service, [wanted]) for ip in addresses]
        if not found:
            raise ValueError(NO_SERVER.format(service=wanted))
        return found


class Middlebox(BaseModel):
    """Represent a device on a hop. A subclass is a mechanism, and its fields are the keys of a `[[censor]]`.

    A subclass that defines `see` is a censor. It registers itself in `CLASSES` and needs a `WIRE` test.
    """

    WIRE: ClassVar[tuple[WireTest, ...]] = ()

    model_config = ConfigDict(extra="forbid", strict=True)

    hop: int = Field(default=0, ge=0, description="the hop of the censor, 0: path.before + 1")
    on_path: bool = Field(
        default=False, description="true: it sees a copy and can only inject. false: it holds packets"
    )
    begins: float = Field(default=0.0, ge=0, description="seconds from the path's first packet until it begins")

    _deployment: Deployment = PrivateAttr(default_factory=Deployment)

    def __init_subclass__(cls, **config: Any) -> None:
        """Register a class that defines `see`. Raises TypeError for a second class with this name."""
        super().__init_subclass__(**config)
        if "see" in vars(cls) and CLASSES.setdefault(cls.__name__, cls) is not cls:
            raise TypeError(f"two censors are named {cls.__name__}")

    def deploy(self, deployment: Deployment) -> None:
        """Take over what the censor needs to know of the lab. Called once, before the first packet."""
        self._deployment = deployment
        self.hop = self.hop or deployment.hop

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing. `now` is in seconds."""
        raise TypeError(f"{type(self).__name__} has no rule for packets")

    def _random(self, *about: object) -> random.Random:
        """Return a generator that depends only on the class, the seed and `about`."""
        return random.Random(f"{type(self).__name__} {self._deployment.seed} {about}")


class NameFilter(Middlebox):
    """Represent a censor that reads names in flows and censors some of them, everywhere or at some servers."""

    names: list[str] = Field(min_length=1, description="server names or Host headers, * is a wildcard")
    spare: list[str] = Field(default=[], description='names that pass. With names = ["*"] it is an allowlist')
    ports: list[int] = Field(default=[443], description="destination ports that are watched, empty: all")
    at: list[str] = Field(default=[], description="host names whose addresses alone are watched, empty: all")
    family: Literal[0, 4, 6] = Field(default=0, description="address family that is watched, 0: both")

    _servers: frozenset[bytes] = PrivateAttr(default_factory=frozenset)

    def deploy(self, deployment: Deployment) -> None:
        super().deploy(deployment)
        self._servers = frozenset(packed(ip) for ip in deployment.addresses_of(self.at))

    def _matches(self, name: str | None) -> bool:
        return matches(name, self.names) and not matches(name, self.spare)

    def _watches(self, packet: Packet) -> bool:
        """Return whether a client's packet goes to a watched family, port and server."""
        if self.family not in {0, packet.version} or (self.ports and packet.dport not in self.ports):
            return False
        return not self.at or packet.destination in self._servers


class AddressFilter(Middlebox):
    """Represent a censor of addresses: given as such, by host name, by service, or as the helper's.

    Without any of these it applies to every address.
    """

    addresses: list[str] = Field(default=[], description="addresses and prefixes, such as 1.2.3.4 or 2001:db8::/32")
    names: list[str] = Field(default=[], description="host names (* is a wildcard), for all their addresses")
    services: list[str] = Field(
        default=[], description='services, such as "telegram/dc_pool" or "telegram/*", for all their addresses'
    )
    helper: bool = Field(default=False, description="true: the test helper's addresses too")
    ports: list[int] = Field(default=[], description="only these destination ports, empty: all")
    spare: list[str] = Field(default=[], description="host names (* is a wildcard), addresses or prefixes that pass")

    _censored: Covers = PrivateAttr(default_factory=lambda: Covers(()))
    _spared: Covers = PrivateAttr(default_factory=lambda: Covers(()))
    _everything: bool = PrivateAttr(default=False)

    def deploy(self, deployment: Deployment) -> None:
        super().deploy(deployment)
        censored = [*self.addresses, *deployment.addresses_of(self.names)]
        for service in self.services:
            censored += deployment.addresses_of_service(service)
        censored += deployment.helper if self.helper else ()
        self._censored = Covers(censored)
        named = [*self.addresses, *self.names, *self.services]
        self._everything = not named and not self.helper
        literals = [item for item in self.spare if _is_literal(item)]
        self._spared = Covers([*literals, *deployment.addresses_of(set(self.spare) - set(literals))])

    def _matches(self, address: bytes, port: int) -> bool:
        if self.ports and port not in self.ports:
            return False
        return (self._everything or address in self._censored) and address not in self._spared


def _is_literal(item: str) -> bool:
    return ":" in item or item.replace(".", "").replace("/", "").isdigit()

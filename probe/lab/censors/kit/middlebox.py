"""What all censors share: the keys that place them on a hop, and what they are told about the world before the run."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from probe.lab.censors.kit.names import matches
from probe.lab.net.addresses import Covers
from probe.lab.net.crafting import packed
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet

DROP = Actions(forward=False)


@dataclass(frozen=True)
class Ground:
    """What a censor knows of the emulated internet. Addresses are text; services are named "target/role"."""

    hop: int = 4  # where it stands unless the scenario says otherwise
    seed: int = 0
    zone: Mapping[str, Sequence[str]] = field(default_factory=dict)  # host name → addresses
    services: Mapping[str, Sequence[str]] = field(default_factory=dict)  # service → addresses
    resolvers: Sequence[str] = ()  # the provider's
    helper: Sequence[str] = ()
    impostors: Mapping[str, str] = field(default_factory=dict)  # genuine address → the intercepting server's
    router_v4: str = "10.9.4.1"  # the censor's own addresses, from which it sends ICMP
    router_v6: str = "3c00:9:4::1"

    def addresses_of(self, patterns: Iterable[str]) -> list[str]:
        """The addresses of all hosts whose names match."""
        wanted = list(patterns)
        return [ip for name, addresses in self.zone.items() if matches(name, wanted) for ip in addresses]


class Middlebox(BaseModel):
    """A place on a hop. Subclasses are the mechanisms; their fields are the keys of a scenario's `[[censor]]`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    hop: int = Field(default=0, ge=0, description="the hop it stands on; 0: the usual place, path.before + 1")
    on_path: bool = Field(default=False, description="true: it sees a copy and races; false: it holds the packet")

    _ground: Ground = PrivateAttr(default_factory=Ground)

    def arm(self, ground: Ground) -> None:
        """Take up its place in a world. Called once, before the first packet."""
        self._ground = ground
        self.hop = self.hop or ground.hop

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        raise TypeError(f"{type(self).__name__} says nothing about packets")

    def _random(self, *about: object) -> random.Random:
        """Draws that depend on the seed and on `about` alone."""
        return random.Random(f"{type(self).__name__} {self._ground.seed} {about}")


class Reader(Middlebox):
    """A censor that reads the names that flows carry, and means some of them: everywhere, or at some places."""

    names: list[str] = Field(min_length=1, description="server names or Host headers, * as a wildcard")
    spare: list[str] = Field(default=[], description='names left alone; beside names = ["*"], a list of what may pass')
    ports: list[int] = Field(default=[443], description="destination ports that are watched; empty: all")
    at: list[str] = Field(default=[], description="host names at whose addresses alone it acts; empty: anywhere")
    family: Literal[0, 4, 6] = Field(default=0, description="the family of addresses that it watches; 0: both")

    _places: frozenset[bytes] = PrivateAttr(default_factory=frozenset)

    def arm(self, ground: Ground) -> None:
        super().arm(ground)
        self._places = frozenset(packed(ip) for ip in ground.addresses_of(self.at))

    def _means(self, name: str | None) -> bool:
        return matches(name, self.names) and not matches(name, self.spare)

    def _watches(self, packet: Packet) -> bool:
        """Whether a client's packet goes where it looks."""
        if self.family not in {0, packet.version} or (self.ports and packet.dport not in self.ports):
            return False
        return not self.at or packet.destination in self._places


class Aimed(Middlebox):
    """A censor that means addresses: given as such, by host name, by service, or the test helper's."""

    addresses: list[str] = Field(default=[], description="addresses and prefixes, such as 1.2.3.4 or 2001:db8::/32")
    names: list[str] = Field(default=[], description="host names (* as a wildcard): all their addresses")
    services: list[str] = Field(default=[], description='services, such as "telegram/dc_pool": all their addresses')
    helper: bool = Field(default=False, description="also the test helper's addresses")
    ports: list[int] = Field(default=[], description="only these destination ports; empty: all")
    spare: list[str] = Field(default=[], description="host names (* as a wildcard), addresses or prefixes left alone")

    _meant: Covers = PrivateAttr(default_factory=lambda: Covers(()))
    _spared: Covers = PrivateAttr(default_factory=lambda: Covers(()))
    _everything: bool = PrivateAttr(default=False)

    def arm(self, ground: Ground) -> None:
        super().arm(ground)
        meant = [*self.addresses, *ground.addresses_of(self.names)]
        for service in self.services:
            meant += ground.services.get(service, ())
        meant += ground.helper if self.helper else ()
        self._meant = Covers(meant)
        named = [*self.addresses, *self.names, *self.services]
        self._everything = not named and not self.helper
        literals = [item for item in self.spare if _is_literal(item)]
        self._spared = Covers([*literals, *ground.addresses_of(set(self.spare) - set(literals))])

    def _means(self, address: bytes, port: int) -> bool:
        if self.ports and port not in self.ports:
            return False
        return (self._everything or address in self._meant) and address not in self._spared


def _is_literal(item: str) -> bool:
    return ":" in item or item.replace(".", "").replace("/", "").isdigit()

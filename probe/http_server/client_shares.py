"""Share what a server has between its clients: places for connections, flows and calls, and packets per second.

A client is counted with its networks, so that many addresses of one network get no more than a few clients of others.
As long as half is free, everything is given. After that, a network gets at most half as much as it leaves free (the
dynamic thresholds of Choudhury and Hahne, 1998). What it had a short time ago counts too. So something is left for
clients that have nothing yet, however many others ask. A full table drops the holder that was silent for longest.
"""

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from probe.http_server.peers import Client

Clock = Callable[[], float]

TIMES = (1, 4, 16)  # what a client may have is multiplied by this for its /56 or /24, and for its /48 or /16
OF_WHAT_IS_FREE = 0.5  # a client or network may have so much of what it leaves free
A_PAIR = 2.2  # what a network gets at least, if it is free. Old use is never quite forgotten.
LONG_SILENT = 3  # times as silent as needed, after which a place is given to any client that has less
MOST_NETWORKS = 16384  # of which recent use is known. The one that used something longest ago is forgotten first.
_NETWORK = -1  # index of the broadest prefix of a client
SILENT_ONES = 8  # places that have been silent for longest, of which one may be given to another client


class ClientCounts:
    """Count what clients hold, at each level of their addresses."""

    def __init__(self) -> None:
        self._held: Counter[bytes] = Counter()
        self._networks: Counter[bytes] = Counter()  # of the broadest prefixes alone

    def add(self, client: Client, count: int = 1) -> None:
        """Add to what a client holds. A negative count takes it back."""
        for prefix in client:
            _add(self._held, prefix, count)
        _add(self._networks, client[-1], count)

    def held(self, client: Client) -> tuple[int, ...]:
        """Return what a client and its networks hold, narrowest first."""
        return tuple(self._held.get(prefix, 0) for prefix in client)

    def admits(self, client: Client, most: int, count: int = 1) -> bool:
        """Return whether a client and its networks may hold so many more, if one client may hold `most`."""
        return all(held + count <= most * times for held, times in zip(self.held(client), TIMES, strict=False))

    def networks(self) -> Iterable[bytes]:
        """Return the broadest prefixes that hold something."""
        return self._networks

    def of_network(self, prefix: bytes) -> int:
        """Return what a broadest prefix holds."""
        return self._networks.get(prefix, 0)

    def heaviest(self) -> bytes:
        """Return the broadest prefix that holds most. Something must be held."""
        return max(self._networks, key=lambda prefix: self._networks[prefix])


def differing_level(one: Client, other: Client) -> int | None:
    """Return the index of the broadest prefixes in which two clients differ, from the end. None for the same client."""
    levels = range(-1, -1 - min(len(one), len(other)), -1)
    return next((level for level in levels if one[level] != other[level]), None)


def _add(counter: Counter[bytes], prefix: bytes, count: int) -> None:
    counter[prefix] += count
    if not counter[prefix]:
        del counter[prefix]


class RecentUse:
    """Know what clients used a short time ago. Half of it is forgotten after `half_life` seconds."""

    def __init__(self, half_life: float) -> None:
        self._rate = math.log(2) / half_life
        self._used: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # use, and the time at which it was that

    def add(self, client: Client, count: float, now: float) -> None:
        """Add to what a client and its networks used."""
        for prefix in client:
            self._used[prefix] = (self._at(prefix, now) + count, now)
            self._used.move_to_end(prefix)
        while len(self._used) > MOST_NETWORKS:
            self._used.popitem(last=False)

    def of(self, client: Client, now: float) -> tuple[float, ...]:
        """Return what a client and its networks used, narrowest first."""
        return tuple(self._at(prefix, now) for prefix in client)

    def _at(self, prefix: bytes, now: float) -> float:
        used, then = self._used.get(prefix, (0.0, now))
        return used * math.exp((then - now) * self._rate)


def is_within_share(used: tuple[float, ...], count: float, free: float, most: float) -> bool:
    """Return whether a client may have `count` more, after which `free` of `most` are free. `used` is what it has."""
    return free >= most / 2 or (free >= 0 and all(each + count <= max(A_PAIR, OF_WHAT_IS_FREE * free) for each in used))


class PortKind(NamedTuple):
    """Hold how many places a kind of port has, and how many of them one client.

    A place that was silent for `silent` seconds may be given to another client, if no other is left for it.
    """

    places: int
    of_a_client: int
    silent: float = math.inf


@dataclass(eq=False)
class PortPlace:
    """Hold what a client has of a port. `drop` ends what it is used for."""

    client: Client
    size: int
    drop: Callable[[], object]
    used: float


@dataclass
class ClientShares:
    """Share the places of one kind of port between clients. Work per call does not grow with the number of clients."""

    kind: PortKind
    clock: Clock
    half_life: float = 30.0
    _counts: ClientCounts = field(default_factory=ClientCounts)
    _places: "OrderedDict[PortPlace, None]" = field(default_factory=OrderedDict)  # silent for longest first
    _taken: int = 0

    def __post_init__(self) -> None:
        self._recent = RecentUse(self.half_life)

    def __len__(self) -> int:
        return self._taken

    def take(self, client: Client, drop: Callable[[], object], size: int = 1) -> PortPlace | None:
        """Return a place for a client, None if it gets none now. `drop` is called if it is given to another."""
        now = self.clock()
        if not self._counts.admits(client, self.kind.of_a_client, size):
            return None
        while not self._is_within_share(client, size, now):
            if not self._drop_silent(client, size, now):
                return None
            if self._taken + size <= self.kind.places:
                break  # what a heavier client had may be given to this one
        place = PortPlace(client, size, drop, now)
        self._add(place, size)
        self._places[place] = None
        return place

    def use(self, place: PortPlace) -> None:
        """Note that a place is used now."""
        if place in self._places:
            place.used = self.clock()
            self._places.move_to_end(place)

    def keep(self, place: PortPlace) -> None:
        """Note that a place is in use until it is given back, so that it counts as silent no more."""
        place.used = math.inf
        if place in self._places:
            self._places.move_to_end(place)

    def free(self, place: PortPlace) -> None:
        """Give a place back. A second call does nothing."""
        if place in self._places:
            del self._places[place]
            self._add(place, -place.size)
            self._recent.add(place.client, place.size, self.clock())

    def _add(self, place: PortPlace, size: int) -> None:
        self._taken += size
        self._counts.add(place.client, size)

    def _used(self, client: Client, now: float) -> tuple[float, ...]:
        recent = self._recent.of(client, now)
        return tuple(held + used for held, used in zip(self._counts.held(client), recent, strict=True))

    def _is_within_share(self, client: Client, size: int, now: float) -> bool:
        free = self.kind.places - self._taken - size
        return is_within_share(self._used(client, now), size, free, self.kind.places)

    def _drop_silent(self, client: Client, size: int, now: float) -> bool:
        """End what was silent for longest, if its network has more than this one. Return False if there is none."""
        mine = self._used(client, now)
        for place in list(islice(self._places, SILENT_ONES)):
            if now - place.used < self.kind.silent:
                return False
            long = now - place.used >= LONG_SILENT * self.kind.silent
            level = differing_level(place.client, client)
            if level is None or (level != _NETWORK and not long):
                continue  # addresses of one network could pass its places around, so that none is silent
            if self._used(place.client, now)[level] >= (1 if long else 2) * mine[level] + size:
                self.free(place)
                place.drop()
                return True
        return False


class PacketShares:
    """Allow `rate` packets per second to all clients together, and `burst` at once after a pause (a token bucket).

    While less than half of the burst is left, clients that sent much in the last seconds get nothing.
    """

    def __init__(self, rate: float, burst: float, clock: Clock, half_life: float = 1.0) -> None:
        self._rate, self._burst, self._left, self._clock = rate, burst, burst, clock
        self._at, self._recent = clock(), RecentUse(half_life)

    def take(self, client: Client) -> bool:
        """Count a packet of a client. Return False if it gets none now."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if not is_within_share(self._recent.of(client, now), 1.0, self._left - 1.0, self._burst):
            return False
        self._left -= 1.0
        self._recent.add(client, 1.0, now)
        return True

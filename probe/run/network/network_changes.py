"""Notice that this computer has moved to another network, or has slept, since a run began. No packet is sent."""

import ipaddress
from collections.abc import Callable, Collection, Sequence
from typing import Literal

from probe.platforms.own_addresses import source_addresses
from probe.platforms.suspension import seconds_asleep

Change = Literal["network", "sleep"]

PREFIX = 64  # bits of an IPv6 address that name the network. The others may change at any time (RFC 8981).
LEAST_SLEEP = 1.0  # seconds. The two clocks are not read at the same moment.


class NetworkChanges:
    """Compare the addresses that flows leave from with those at the begin, and count sleep since the last look.

    `destinations` are addresses of several operators.
    """

    def __init__(
        self,
        destinations: Collection[str],
        sources: Callable[[Collection[str]], Sequence[str]] = source_addresses,
        asleep: Callable[[], float | None] = seconds_asleep,
    ) -> None:
        self._destinations, self._sources, self._read_asleep = destinations, sources, asleep
        self._at_begin, self._asleep = self._networks(), asleep()

    def look(self) -> list[Change]:
        """Return what differs: the network from that at the begin, and whether the computer slept since the last look.

        A family without any address at one of the two times shows no other network.
        """
        found: list[Change] = []
        now, asleep = self._networks(), self._read_asleep()
        if any(now[family] and self._at_begin[family] and not now[family] & self._at_begin[family] for family in now):
            found.append("network")
        if asleep is not None and self._asleep is not None and asleep - self._asleep >= LEAST_SLEEP:
            found.append("sleep")
        self._asleep = asleep
        return found

    def _networks(self) -> dict[int, set[str]]:
        found: dict[int, set[str]] = {4: set(), 6: set()}
        for source in self._sources(self._destinations):
            address = ipaddress.ip_interface(f"{source.partition('%')[0]}/{PREFIX if ':' in source else 32}")
            found[address.version].add(str(address.network))
        return found

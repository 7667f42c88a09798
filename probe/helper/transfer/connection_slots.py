"""Limit the connections and the transfers of the transfer port, for each peer and for all."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class ConnectionSlots:
    """Count what runs. A peer is an IPv4 address or an IPv6 /56. Nothing is kept of a peer without a slot."""

    most: int
    most_of_a_peer: int
    _taken: Counter[bytes] = field(default_factory=Counter)

    def __len__(self) -> int:
        return self._taken.total()

    @contextmanager
    def slot(self, peer: bytes, places: int = 1) -> Iterator[bool]:
        """Hold a slot, or one that takes several places. Yield False if they are not free."""
        if len(self) + places > self.most or self._taken.get(peer, 0) + places > self.most_of_a_peer:
            yield False
            return
        self._taken[peer] += places
        try:
            yield True
        finally:
            self._taken[peer] -= places
            if not self._taken[peer]:
                del self._taken[peer]

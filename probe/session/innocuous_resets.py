"""Count resets of innocuous flows that no censor explains, since the same name passes at the same address.

Only flows to addresses that got no target's name before are counted. Later ones may meet residual censorship (P8).
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from probe.formats import failures as f
from probe.formats.entries import Entry
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.network_facts import InnocuousResets
from probe.formats.transactions import TransactionRecord
from probe.signatures.parallel_hellos import SOON, network_of

MOST_BESIDE = 1  # other TLS connections to the same network, with which no policing of their number is expected


@dataclass(frozen=True)
class InnocuousName:
    """Hold where an innocuous name is sent. `owner`: the target that the address belongs to, or the neutral host."""

    address: str
    port: int
    name: str
    owner: str


class ResetCounts:
    """Record which innocuous names were reset, and which of these passed later.

    It is not thread-safe, because a run has one event loop.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._flows = self._resets = 0
        self._counts_until: dict[InnocuousName, float] = {}  # time until which a pass counts, by name that was reset
        self._passed: set[InnocuousName] = set()

    def note(self, place: InnocuousName, record: TransactionRecord, entries: Iterable[Entry], *, named: bool) -> None:
        """Count a flow that has ended. `named`: a target's name was sent to the address before its end."""
        if record.failure is None and self._clock() <= self._counts_until.get(place, 0.0):
            self._passed.add(place)
        if named or not _ended_in_data(record):
            return
        self._flows += 1
        if record.failure is not None:
            self._resets += 1
            until = self._clock() + SOON if _is_crowded(entries) else float("inf")
            self._counts_until[place] = max(until, self._counts_until.get(place, until))

    def to_repeat(self) -> set[str]:
        """Return the owners of the names that were reset and did not pass since."""
        return {place.owner for place in self._counts_until.keys() - self._passed}

    def counted(self) -> InnocuousResets | None:
        """Return the numbers, None if no name passed after a reset."""
        if not self._passed:
            return None
        return InnocuousResets(
            flows=self._flows,
            resets=self._resets,
            networks=len({network_of(place.address) for place in self._passed}),
            owners=len({place.owner for place in self._passed}),
        )


def _ended_in_data(record: TransactionRecord) -> bool:
    """Return whether the flow was answered, or was reset after its first data."""
    return record.failure is None or (record.failure == f.RESET and record.failed_operation != "connect")


def _is_crowded(entries: Iterable[Entry]) -> bool:
    """Return whether so many connections are or were open that the network may police their number.

    A policer remembers connections for longer than `SOON`.
    """
    beside = (entry.x_parallel for entry in entries if isinstance(entry, TLSHandshake))
    return any(one is not None and one.most > MOST_BESIDE for one in beside)

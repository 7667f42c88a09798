"""Count resets of innocuous flows that no censor explains, since the same name passes at the same address.

Only flows to addresses that got no target's name before are counted. Later ones may meet residual censorship (P8).
Flows beside others to the same network are not counted either, since the network may police their number.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from probe.formats import failures as f
from probe.formats.entries import Entry
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.innocuous_resets import InnocuousResets
from probe.formats.transactions import TransactionRecord
from probe.signatures.parallel_hellos import network_of

MOST_BESIDE = 1  # other TLS connections to the same network


@dataclass(frozen=True)
class InnocuousName:
    """Hold where an innocuous name is sent. `owner`: the target that the address belongs to, or the neutral host."""

    address: str
    port: int
    name: str
    owner: str


class ResetCounts:
    """Know which innocuous names were reset and which of them passed later. Not thread-safe: one event loop."""

    def __init__(self) -> None:
        self._flows = self._resets = 0
        self._failed: set[InnocuousName] = set()
        self._passed: set[InnocuousName] = set()

    def note(self, place: InnocuousName, record: TransactionRecord, entries: Iterable[Entry], *, named: bool) -> None:
        """Count a flow that has ended. `named`: a target's name was sent to the address before its end."""
        if record.failure is None:
            self._passed |= {place} & self._failed
        if named or _is_crowded(entries) or not _ended_in_data(record):
            return
        self._flows += 1
        if record.failure is not None:
            self._resets += 1
            self._failed.add(place)

    def to_repeat(self) -> set[str]:
        """Return the owners of the names that were reset and did not pass since."""
        return {place.owner for place in self._failed - self._passed}

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
    beside = (entry.x_parallel for entry in entries if isinstance(entry, TLSHandshake))
    return any(one is not None and one.most > MOST_BESIDE for one in beside)

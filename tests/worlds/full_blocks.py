"""Find full blocks: those on all networks of a country that last until the end, and that enough users measured."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from probe.analysis.verdicts.verdict_row import VerdictRow

SEEN_BY = 8  # users, from which on a full block must be found


class NetworkBlock(NamedTuple):
    """Hold the block of a service on one network, from a day on until the end of the world."""

    service: str
    cc: str
    asn: str
    onset: str


def full_blocks(
    blocks: Iterable[NetworkBlock],
    networks: Mapping[str, set[str]],
    rows: Iterable[VerdictRow],
    user_of: Callable[[str], object],
) -> set[tuple[str, str]]:
    """Return service and country of the full blocks. `networks` has those of a country, `user_of` the user of a run."""
    onsets: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for block in blocks:
        onsets[block.service, block.cc][block.asn] = block.onset
    full = {key: own for key, own in onsets.items() if own.keys() == networks[key[1]]}
    seen: dict[tuple[str, str], set[object]] = defaultdict(set)
    for row in rows:
        key = row.service, row.probe_cc
        if row.valid and key in full and row.day >= full[key].get(row.probe_asn, "9999"):
            seen[key].add(user_of(row.run_id))
    return {key for key, users in seen.items() if len(users) >= SEEN_BY}

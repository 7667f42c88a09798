"""Write the figures of pairs of transfers for the verdict record."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from probe.analysis.observations.transfers.row import TransferRow

MORE_REPEATED = 0.05  # share of segments beyond that of the innocuous name, as a policer causes by its drops
LONG_QUEUE = 0.2  # seconds beyond those of the innocuous name, as a shaper causes by its queue

USABLE_PAIRS = "SELECT m, role, pair, limited FROM transfer_finding WHERE usable ORDER BY m, role, pair"

Limiter = Literal["policing", "shaping"]


class TransferFinding(NamedTuple):
    """Hold what one usable pair shows, as the table `transfer_finding` has it."""

    pair: int
    limited: bool


def transfer_figures(
    rows: Sequence[TransferRow], role: str, findings: Sequence[TransferFinding]
) -> dict[str, Any] | None:
    """Return the ratio of all usable pairs of the role's name over one protocol, None without one.

    Pairs in which the name is limited come first, then those that were measured first.
    `by` says how the name is limited, as far as the helper's kernel shows: a policer drops, a shaper queues.
    """
    usable = {each.pair for each in findings}
    chosen = [row for row in rows if row.service == role and row.pair in usable]
    if not chosen:
        return None
    limiting = {each.pair for each in findings if each.limited}
    first = min(chosen, key=lambda row: (row.pair not in limiting, row.pair))
    chosen = [row for row in chosen if (row.name, row.protocol) == (first.name, first.protocol)]
    limited = sum(row.pair in limiting for row in chosen)
    return {
        "estimate": first.pooled,
        "low": first.pooled_low,
        "high": first.pooled_high,
        "pairs": len(chosen),
        "pairs_limited": limited,
        "by": limiter(chosen) if limited else None,
    }


def limiter(rows: Sequence[TransferRow]) -> Limiter | None:
    """Return how limited transfers were limited, None if figures are missing, show neither, or differ."""
    found = {_limiter(row) for row in rows}
    return found.pop() if len(found) == 1 else None


def _limiter(row: TransferRow) -> Limiter | None:
    queues = _beyond(row.queueing, row.innocuous_queueing) >= LONG_QUEUE
    drops = _beyond(row.repeated, row.innocuous_repeated) >= MORE_REPEATED
    return "shaping" if queues else "policing" if drops else None  # a full queue drops too


def _beyond(one: float | None, other: float | None) -> float:
    return -1.0 if one is None or other is None else one - other

"""Choose the pair of media flows that decides on a service, and write its figures for the verdict record."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from probe.analysis.observations.media.row import BOTH, MediaRow
from probe.analysis.pipeline.conclusions.media import ALIKE

Figures = dict[str, Any]

USABLE_FINDINGS = (
    "SELECT s.m, s.role, f.shape, f.pair, f.direction, f.finding FROM service s"
    " JOIN media_finding f ON f.m = s.m AND f.shape = s.media WHERE f.usable ORDER BY s.m, s.role, f.pair, f.direction"
)


class Finding(NamedTuple):
    """Hold what one direction of a pair shows, as the table `media_finding` has it."""

    shape: str
    pair: int
    direction: str
    finding: int


def media_figures(rows: Sequence[MediaRow], findings: Sequence[Finding], mechanism: str) -> dict[str, Any] | None:
    """Return the figures of the pair and direction that decide, None without a usable pair.

    `mechanism` is that of the rule. If it is none of media, the direction with the largest difference in losses
    is chosen.
    """
    known = {(row.shape, row.pair, row.direction): row for row in rows}
    alike = [each for each in findings if each.finding in ALIKE.get(mechanism, ())]
    chosen = [row for each in alike or findings if (row := known.get(each[:3])) is not None]
    if not chosen:
        return None
    both = mechanism == "flow.freeze"  # no direction alone knows its packets behind the place
    worst = max(chosen, key=lambda row: ((row.direction == BOTH) == both, _badness(row, mechanism)))
    pairs, affected = {each.pair for each in findings}, {each.pair for each in alike}
    return _figures(worst, len(pairs), len(affected))


def _badness(row: MediaRow, mechanism: str) -> float:
    if mechanism == "udp.throttle":  # both flows lose alike
        return min(row.loss, row.opaque_loss)
    value = row.late_difference if mechanism == "media.jitter" else row.loss_difference
    return -1.0 if value is None else value


def _figures(row: MediaRow, pairs: int, affected: int) -> dict[str, Any]:
    """Return the figures with the keys of docs/contract.md in their order."""
    return {
        "shape": row.shape,
        "direction": row.direction,
        "pairs": pairs,
        "pairs_affected": affected,
        "sent": row.sent,
        "loss": [row.loss, row.loss_low, row.loss_high] if row.sent else None,
        "opaque_loss": [row.opaque_loss, row.opaque_loss_low, row.opaque_loss_high],
        "loss_difference": _interval(row.loss_difference, row.loss_difference_low, row.loss_difference_high),
        "longest_gap": {"packets": row.gap_packets, "seconds": row.gap_seconds},
        "late": [row.late, row.late_low, row.late_high] if row.sent else None,
        "opaque_late": [row.opaque_late, row.opaque_late_low, row.opaque_late_high],
        "late_difference": _interval(row.late_difference, row.late_difference_low, row.late_difference_high),
        "jitter": row.jitter,
        "opaque_jitter": row.opaque_jitter,
        "reordered": row.reordered,
        "delay_change": _interval(row.delay_change, row.delay_change_low, row.delay_change_high),
        "opaque_delay_change": row.opaque_delay_change,
        "cutoff_packet": row.cutoff_packet if row.cutoff_packet >= 0 else None,
        "cutoff_time": row.cutoff_time if row.cutoff_packet >= 0 else None,
        "rate": row.rate,
        "opaque_rate": row.opaque_rate,
        "mos": round(row.mos, 1) if row.sent else None,
    }


def _interval(value: float | None, low: float | None, high: float | None) -> list[float] | None:
    return None if value is None or low is None or high is None else [value, low, high]

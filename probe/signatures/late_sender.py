"""Recognize a media flow that this computer sent too late, so that its delays and losses are not the network's."""

from collections.abc import Sequence

LATE = 600  # tenths of a millisecond behind the schedule: three packets of a call
MOST_LATE, FEW = 0.05, 5  # share of such packets, and a number that spoils no flow


def was_late(late: Sequence[int]) -> bool:
    """Return whether too many packets were late. `late`: tenths of a millisecond behind the schedule, by packet."""
    return sum(tenths > LATE for tenths in late) > max(FEW, MOST_LATE * len(late))

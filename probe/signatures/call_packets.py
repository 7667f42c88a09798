"""State the pace of call packets, and recognize a flow that this computer sent too late to show the network."""

from collections.abc import Sequence

INTERVAL = 0.02  # seconds between two packets, as Opus and most codecs of calls have
LATE = 600  # tenths of a millisecond behind the schedule: three packets
MOST_LATE, FEW = 0.05, 5  # share of such packets, and a number that spoils no flow


def was_late(late: Sequence[int]) -> bool:
    """Return whether too many packets were late. `late`: tenths of a millisecond behind the schedule, by packet."""
    return sum(tenths > LATE for tenths in late) > max(FEW, MOST_LATE * len(late))

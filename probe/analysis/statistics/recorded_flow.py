"""Read the packets of a recorded media flow, as the entry `MediaFlow` has them, into flows with times."""

from collections.abc import Sequence
from typing import NamedTuple

from probe.analysis.statistics.media_flow import MediaFlow

LOST, NO_TIME = -1, -2  # codes of the lists, see the data dictionary
_TENTHS = 1e-4  # seconds


class Directions(NamedTuple):
    """Hold the flow to the helper, the flow from it, and the packets that made both ways.

    A packet that arrived at an unknown time gets the least delay. It is therefore counted as arrived, but says
    nothing about delays.
    """

    forth: MediaFlow
    back: MediaFlow
    both: MediaFlow


def directions(late: Sequence[int], forth: Sequence[int], back: Sequence[int], interval: float) -> Directions:
    """Return the flows of an entry with equally long lists. Packets of which nothing is known are in no direction."""
    sent = [number * interval + tenths * _TENTHS for number, tenths in enumerate(late)]
    there = [number for number, code in enumerate(forth) if code >= NO_TIME]
    returning = [number for number, code in enumerate(back) if code >= LOST]
    reached = [None if code == LOST else sent[number] + max(0, code) * _TENTHS for number, code in enumerate(forth)]
    left = [sent[number] + max(0, forth[number]) * _TENTHS for number in range(len(sent))]
    return Directions(
        MediaFlow([sent[number] for number in there], [reached[number] for number in there]),
        MediaFlow([left[at] for at in returning], [_arrived(left[at], back[at]) for at in returning]),
        MediaFlow(sent, [_arrived(left[number], code) for number, code in enumerate(back)]),
    )


def _arrived(left: float, code: int) -> float | None:
    return left + code * _TENTHS if code >= 0 else None
